import AtelierData
import Foundation
import Torch

/// What is made of data once, in process 0, for all processes that train on them.
struct SharedArtefacts {
  private let group: (any ProcessGroup)?

  /// How long the others wait for process 0, which may train a network. One that dies is noticed at once.
  private static let patience = Duration.seconds(24 * 3600)

  /// For the processes of a group; without one, or in a group of one, this process alone.
  init(_ group: (any ProcessGroup)?) { self.group = group.flatMap { $0.count > 1 ? $0 : nil } }

  /// Makes something in process 0, and then, with the artefacts that came of it, in the others.
  ///
  /// - Parameters:
  ///   - known: the artefacts that there are already.
  ///   - artefacts: what process 0 has made beside it.
  func made<Value>(
    _ known: Artefacts?, _ make: (Artefacts?) throws -> Value, _ artefacts: (Value) -> Artefacts
  ) throws -> Value {
    guard let group else { return try make(known) }
    let own = group.isFirst ? try make(known) : nil
    let contents = own.map { artefacts($0).contents } ?? [:]
    let names = try JSONDecoder().decode(
      [String].self,
      from: Data(
        group.broadcast(
          varying: [UInt8](JSONEncoder().encode(contents.keys.sorted())), patience: Self.patience)))
    var shared = Artefacts()
    for name in names {
      let bytes = try group.broadcast(varying: contents[name].map { [UInt8]($0) } ?? [])
      if own == nil { shared.contents[name] = Data(bytes) }
    }
    return try own ?? make(shared)
  }
}
