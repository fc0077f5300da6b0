import Atelier
import Foundation

/// What `inspect` says of a sound file: its header, its text tags, which tell of a sound that a model made, and whether it
/// carries the inaudible mark.
struct InspectedSound: Encodable {
  struct Mark: Encodable {
    let isFound: Bool
    let score: Double
    let threshold: Double
    /// Where the piece that agrees most lies, in seconds.
    let start: Double
    let length: Double
    /// The chance that a sound without the mark scores as much, at most.
    let falseAlarm: Double
  }

  let file: String
  let format: String
  let sampleRate: Int
  let channels: Int
  /// In seconds; absent where the header does not tell.
  let duration: Double?
  let tags: [String: String]
  /// What a search for the inaudible mark came to; absent where the sound cannot be decoded.
  let mark: Mark?
  /// Why the mark was not looked for.
  let problem: String?

  init(_ url: URL) throws {
    let information = try AudioReader(url).information
    file = url.path
    format = information.format.rawValue
    (sampleRate, channels) = (information.sampleRate, information.channels)
    duration = information.duration
    tags = Dictionary(information.tags.map { ($0.key.rawValue, $0.value) }) { first, _ in first }
    do throws(AudioError) {
      let finding = InvisibleMark.find(in: try AudioCodec().decode(url))
      mark = Mark(
        isFound: finding.isFound, score: finding.score, threshold: InvisibleMark.soundThreshold,
        start: finding.start, length: finding.length, falseAlarm: finding.falseAlarm)
      problem = nil
    } catch { (mark, problem) = (nil, error.description) }
  }

  func show() {
    print(file)
    let length = duration.map { String(format: ", %.1f s", $0) } ?? ""
    print("\(format.uppercased()), \(sampleRate) Hz, \(channels) channels\(length)")
    for (name, text) in tags.sorted(by: { $0.key < $1.key }) { print("\(name): \(text)") }
    if tags.isEmpty { print("Tags: none, so nothing about where it comes from") }
    guard let mark else {
      return print("Inaudible mark: not looked for, as \(problem ?? "it cannot be read")")
    }
    let score = String(format: "%.1f of at least %.1f", mark.score, mark.threshold)
    guard mark.isFound else {
      return print("Inaudible mark: not found (\(score)), which does not prove that no model made it")
    }
    let place =
      mark.start > 0 ? String(format: ", from %.0f to %.0f s", mark.start, mark.start + mark.length) : ""
    let chance = String(format: "%.0e", max(mark.falseAlarm, 1e-99))
    print("Inaudible mark: found (\(score)\(place); by chance in fewer than \(chance) of sounds)")
  }
}
