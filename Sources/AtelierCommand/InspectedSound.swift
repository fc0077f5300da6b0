import Atelier
import Foundation

/// What `inspect` says of a sound file: its header and its text tags, which tell of a sound that a model made.
struct InspectedSound: Encodable {
  let file: String
  let format: String
  let sampleRate: Int
  let channels: Int
  /// In seconds; absent where the header does not tell.
  let duration: Double?
  let tags: [String: String]

  init(_ url: URL) throws {
    let information = try AudioReader(url).information
    file = url.path
    format = information.format.rawValue
    (sampleRate, channels) = (information.sampleRate, information.channels)
    duration = information.duration
    tags = Dictionary(information.tags.map { ($0.key.rawValue, $0.value) }) { first, _ in first }
  }

  func show() {
    print(file)
    let length = duration.map { String(format: ", %.1f s", $0) } ?? ""
    print("\(format.uppercased()), \(sampleRate) Hz, \(channels) channels\(length)")
    for (name, text) in tags.sorted(by: { $0.key < $1.key }) { print("\(name): \(text)") }
    if tags.isEmpty { print("Tags: none, so nothing about where it comes from") }
  }
}
