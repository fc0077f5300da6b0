package import Foundation

/// What Atelier keeps for the user between commands, and may be deleted at will.
package enum UserCache {
  /// A folder in `atelier` below the folder that `XDG_CACHE_HOME` names, or below `.cache` at home.
  package static func folder(_ name: String) -> URL {
    let base =
      ProcessInfo.processInfo.environment["XDG_CACHE_HOME"].flatMap {
        $0.isEmpty ? nil : URL(fileURLWithPath: $0)
      } ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
    return base.appendingPathComponent("atelier/\(name)", isDirectory: true)
  }
}
