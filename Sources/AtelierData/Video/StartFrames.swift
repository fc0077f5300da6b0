public import AtelierMedia
public import Foundation

extension Videos {
  /// Frames of the videos in a folder that others can begin with: of each video as many, spread over it, and held-out ones
  /// where there are any.
  ///
  /// - Parameters:
  ///   - place: the folder, as it is trained on.
  ///   - limit: the most frames; of more videos the first ones have one each.
  /// - Returns: frames at their own size, named after their videos.
  /// - Throws: ``DatasetError`` for a folder without videos, and for a frame that cannot be read.
  public static func startFrames(
    in place: URL, limit: Int
  ) throws(DatasetError) -> [(name: String, image: Image)] {
    let folder = try folder(in: place)
    let videos = folder.videos.prefix(limit)
    let each = max(1, limit / max(1, videos.count))
    var found: [(name: String, image: Image)] = []
    for video in videos {
      do {
        found += try video.isFile ? frames(ofFile: video, count: each) : frames(ofImages: video, count: each)
      } catch {
        // The error names the file.
        throw .corruptFile(path: video.files[0].path, reason: "\(error)")
      }
    }
    return found
  }

  /// The held-out part, else the training part.
  private static func folder(in place: URL) throws(DatasetError) -> VideoFolder {
    for split in [DatasetSplit.test, .validation] {
      if let folder = try? VideoFolder(place, split) { return folder }
    }
    return try VideoFolder(place, .train)
  }

  private static func frames(
    ofImages video: VideoFolder.Sequence, count: Int
  ) throws -> [(name: String, image: Image)] {
    let count = min(count, video.files.count)
    return try (0..<count).map { number in
      let place = number * video.files.count / count
      return ("\(video.name), frame \(place)", try ImageCodec().decode(video.files[place]))
    }
  }

  private static func frames(
    ofFile sequence: VideoFolder.Sequence, count: Int
  ) throws -> [(name: String, image: Image)] {
    let video = try Video(contentsOf: sequence.files[0])
    let duration = video.information.duration ?? 0
    var found: [(name: String, image: Image)] = []
    for number in 0..<(duration > 0 ? count : 1) {
      let start = duration * Double(number) / Double(count)
      let reader = try video.frames(FrameSelection(start: start))
      guard let image = try reader.next() else { continue }
      found.append(("\(sequence.name), \(String(format: "%.1f", start)) s", image))
    }
    return found
  }
}
