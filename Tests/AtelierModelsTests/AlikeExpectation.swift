import Atelier
import Foundation
import TestSupport
import Testing

/// Expects that the gradients and states that two processes begin with are those of one.
///
/// - Parameter data: writes the data into a folder.
func expectAlike(
  _ system: any GenerativeSystem.Type, _ changes: [String: ConfigurationValue], steps: Int = 2,
  _ data: (URL) throws -> Void
) throws {
  let folder = try TemporaryFolder()
  try data(folder.url)
  let found = try SystemHarness(system, changes, data: folder.url).alikeness(steps: steps)
  #expect(found.beginsAlike, "\(system.identity.name): \(found.summary())")
  #expect(found.compared > 0)
}
