import Atelier
import Foundation

/// What `inspect` says of a video: its header, its text tags, which tell of a video that a model made, and how many of its
/// frames carry the invisible mark.
struct InspectedVideo: Encodable {
  struct Mark: Encodable {
    /// Whether more frames carry it than chance explains: half of those that were looked at.
    let isFound: Bool
    let frames: Int
    let found: Int
    /// The highest score of a frame.
    let score: Double
    let threshold: Double
  }

  let file: String
  let width: Int
  let height: Int
  let codec: String
  let frameRate: Double?
  /// In seconds; absent where the header does not tell.
  let duration: Double?
  let hasAudio: Bool
  let tags: [String: String]
  /// What a search for the mark came to; absent where no frame can be decoded.
  let mark: Mark?
  /// Why the mark was not looked for.
  let problem: String?

  /// Frames that are looked at.
  private static let looked = 8

  init(_ url: URL) throws {
    let video = try Video(contentsOf: url)
    let information = video.information
    file = url.path
    (width, height, codec) = (information.width, information.height, information.codec)
    (frameRate, duration) = (information.frameRate?.value, information.duration)
    (hasAudio, tags) = (information.hasAudio, information.tags)
    do throws(VideoError) {
      mark = try Self.mark(in: video)
      problem = nil
    } catch { (mark, problem) = (nil, error.description) }
  }

  private static func mark(in video: Video) throws(VideoError) -> Mark? {
    // Spread over the video, as far as its length is known.
    let count = video.frameCount ?? looked
    let step = max(1, count / looked)
    let reader = try video.frames()
    var (number, frames, found, best) = (0, 0, 0, 0.0)
    while frames < looked, let frame = try reader.next() {
      defer { number += 1 }
      guard number % step == 0 else { continue }
      let finding = InvisibleMark.find(in: frame)
      frames += 1
      found += finding.isFound ? 1 : 0
      best = max(best, finding.score)
    }
    return Mark(
      isFound: frames > 0 && 2 * found >= frames, frames: frames, found: found, score: best,
      threshold: InvisibleMark.threshold)
  }

  func show() {
    print(file)
    let rate = frameRate.map { String(format: ", %.4g frames a second", $0) } ?? ""
    let length = duration.map { String(format: ", %.1f s", $0) } ?? ""
    print("\(codec), \(width) × \(height)\(rate)\(length)\(hasAudio ? ", with sound" : "")")
    for (name, text) in tags.sorted(by: { $0.key < $1.key }) { print("\(name): \(text)") }
    if tags["comment"] == nil { print("No comment in the metadata, so nothing about where it comes from") }
    guard let mark else {
      return print("Invisible mark: not looked for, as \(problem ?? "it cannot be read")")
    }
    let score =
      "\(mark.found) of \(mark.frames) frames, "
      + String(format: "%.1f of at least %.1f", mark.score, mark.threshold)
    print(
      mark.isFound
        ? "Invisible mark: found (\(score))"
        : "Invisible mark: not found (\(score)), which does not prove that no model made it")
  }
}
