import Atelier
import Foundation

/// Folders of what lies on the images that are translated, such as masks: of each image the file of its name.
struct BesideImages {
  /// The folders by the names of conditions.
  let folders: [String: URL]
  /// Reads the file of a condition.
  let read: (_ name: String, _ file: URL) throws -> ConditionValue

  /// The conditions of an image.
  ///
  /// - Parameter name: its path below the folder that was named, else its name.
  func conditions(of name: String) throws -> [String: ConditionValue] {
    let stem = (name as NSString).deletingPathExtension
    var found: [String: ConditionValue] = [:]
    for (condition, folder) in folders {
      guard
        let file = imageFiles(below: folder).first(where: { ($0 as NSString).deletingPathExtension == stem })
      else {
        throw Refusal.data(
          "\(folder.path) has no image named \(stem), as the condition '\(condition)' of \(name)")
      }
      found[condition] = try read(condition, folder.appendingPathComponent(file))
    }
    return found
  }
}
