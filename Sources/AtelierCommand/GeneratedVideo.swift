import Atelier
import Foundation

/// Writes the frames that a model made: a video file, or a folder of numbered PNG where the name has no ending. Each says of
/// itself that a model made it: by a visible label, an invisible mark, and in its metadata.
///
/// What is there under the name stays until all frames are written.
final class GeneratedVideo: FrameWriter {
  /// The endings of files that can be written.
  static let endings = ["mp4", "m4v", "mov", "gif"]

  private let place: URL
  private let frameRate: FrameRate
  private let sound: VideoWriter.Sound?
  private let origin: ImageOrigin?
  private let marking: OutputMarking
  private var video: VideoWriter?
  private var folder: URL?
  private(set) var count = 0

  /// - Parameters:
  ///   - place: a file that ends in one of ``endings``, or a folder.
  ///   - sound: for video files; a GIF and a folder have none.
  ///   - origin: nil: the metadata say nothing.
  ///   - inputs: what the frames are made of, which is never written over.
  /// - Throws: ``Refusal`` for another ending, for an input, and for what is there and no folder of frames.
  init(
    _ place: URL, madeOf inputs: [String], frameRate: FrameRate, sound: VideoWriter.Sound? = nil,
    origin: ImageOrigin?,
    marking: OutputMarking
  ) throws {
    let ending = place.pathExtension.lowercased()
    guard ending.isEmpty || Self.endings.contains(ending) else {
      throw Refusal.usage(
        "a video is written as .mp4, .m4v, .mov or .gif, or as a folder of frames, which has no ending; name it so, "
          + "not \(place.lastPathComponent)")
    }
    func resolved(_ file: URL) -> String { file.standardizedFileURL.resolvingSymlinksInPath().path }
    if let same = inputs.first(where: { resolved(URL(fileURLWithPath: $0)) == resolved(place) }) {
      throw Refusal.usage("\(same) is an input, and is not written over; choose another place")
    }
    if ending.isEmpty, FileManager.default.fileExists(atPath: place.path) {
      let old: [String]
      do { old = try FileManager.default.contentsOfDirectory(atPath: place.path) } catch {
        throw Refusal.usage("\(place.path) is there and no folder that can be read; name another one")
      }
      guard old.allSatisfy({ $0.hasSuffix(".png") && Int($0.dropLast(4)) != nil }) else {
        throw Refusal.usage("\(place.path) holds other files than frames; name another folder")
      }
    }
    (self.place, self.frameRate, self.origin, self.marking) = (place, frameRate, origin, marking)
    self.sound = ["", "gif"].contains(ending) ? nil : sound
  }

  deinit { if let folder { try? FileManager.default.removeItem(at: folder) } }

  func append(_ frame: Image) throws(VideoError) {
    if count == 0 { try begin(frame) }
    count += 1
    let marked: Image
    do throws(ImageError) { marked = try marking(frame: frame) } catch { throw .frame(error) }
    if let video { return try video.append(marked) }
    guard let folder else { return }
    let file = folder.appendingPathComponent(String(format: "%06d.png", count))
    do throws(ImageError) { try ImageCodec().write(marked, to: file, metadata: origin?.packet) } catch {
      throw .frame(error)
    }
  }

  private func begin(_ frame: Image) throws(VideoError) {
    guard place.pathExtension.isEmpty else {
      video = try VideoWriter(
        to: place, width: frame.width, height: frame.height, frameRate: frameRate, sound: sound,
        comment: place.pathExtension.lowercased() == "gif" ? nil : origin?.tags[.comment])
      return
    }
    let new = place.deletingLastPathComponent()
      .appendingPathComponent(".\(place.lastPathComponent).\(UUID().uuidString)")
    do { try FileManager.default.createDirectory(at: new, withIntermediateDirectories: true) } catch {
      throw .unwritable(file: place.path, reason: "the folder cannot be made")
    }
    folder = new
  }

  func finish() throws(VideoError) {
    guard count > 0 else { throw .unwritable(file: place.path, reason: "there are no frames") }
    if let video { return try video.finish() }
    guard let folder else { return }
    do {
      if FileManager.default.fileExists(atPath: place.path) { try FileManager.default.removeItem(at: place) }
      try FileManager.default.moveItem(at: folder, to: place)
    } catch {
      throw .unwritable(file: place.path, reason: "what is there cannot be replaced")
    }
    self.folder = nil
  }
}
