internal import AtelierMedia
public import Foundation
public import Torch

/// What is said at the frames of videos: pieces of the spectrogram of a video's own sound, or of a sound of its name beside
/// a folder of frames.
public struct VideoSpeech: Sendable, Hashable {
  /// The field of the pieces, `[bands, frames · columns]`: those of a clip's frames, one after the other.
  public var field: String
  /// Columns of a piece.
  public var columns: Int
  /// Columns a second.
  public var columnsPerSecond: Int
  /// How many frames before its own a piece begins.
  public var lead: Int
  /// What spectrograms are.
  public var features: any UtteranceFeatures

  /// Describes pieces.
  public init(
    field: String, columns: Int, columnsPerSecond: Int, lead: Int, features: any UtteranceFeatures
  ) {
    (self.field, self.columns, self.columnsPerSecond) = (field, columns, columnsPerSecond)
    (self.lead, self.features) = (lead, features)
  }

  /// Whether another value says the same.
  public static func == (one: VideoSpeech, other: VideoSpeech) -> Bool {
    one.field == other.field && one.columns == other.columns && one.columnsPerSecond == other.columnsPerSecond
      && one.lead == other.lead && AnyHashable(one.features) == AnyHashable(other.features)
  }

  /// Hashes what `==` compares.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(field)
    hasher.combine(columns)
    hasher.combine(columnsPerSecond)
    hasher.combine(lead)
    hasher.combine(AnyHashable(features))
  }

  /// The first column of what is said at a time.
  public func column(ofFrame frame: Int, framesPerSecond: Double) -> Int {
    Int(Double(frame) * Double(columnsPerSecond) / framesPerSecond)
  }
}

/// The speech of one video.
struct SpokenFrames: Sendable {
  let speech: VideoSpeech
  private let spectrogram: Spectrogram
  private let framesPerSecond: Double

  /// Reads the sound of a video.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` for a video without one.
  init(_ sequence: VideoFolder.Sequence, below folder: URL, _ speech: VideoSpeech) throws(DatasetError) {
    self.speech = speech
    let file: URL
    do {
      if sequence.isFile {
        file = sequence.files[0]
        let information = try Video(contentsOf: file).information
        guard information.hasAudio else {
          throw DatasetError.unusable(
            path: file.path, reason: "it has no sound, which the system learns from; remove the video")
        }
        framesPerSecond = information.frameRate?.value ?? 25
      } else {
        let stems = sequence.soundNames.map { folder.appendingPathComponent($0) }
        let candidates = stems.flatMap { stem in
          MediaFiles.endings(.sounds).sorted().map { stem.appendingPathExtension($0) }
        }
        guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
          throw DatasetError.unusable(
            path: stems[0].path,
            reason: "there is no sound \(stems[0].lastPathComponent).wav beside this folder of frames; add it"
          )
        }
        file = found
        framesPerSecond = 25
      }
      let samples = try VoiceFolder.samples(
        of: SoundPlace(name: file.lastPathComponent, file: file), at: speech.features.sampleRate)
      guard samples.count >= max(1, speech.features.shortest) else {
        throw DatasetError.unusable(path: file.path, reason: "its sound is too short")
      }
      spectrogram = Spectrogram(try speech.features(samples))
    } catch let error as DatasetError {
      throw error
    } catch {
      // The error names the file.
      throw .corruptFile(path: sequence.files[0].path, reason: "\(error)")
    }
  }

  /// The frames at which, and before which by the lead, something is said.
  func usable(_ scene: Range<Int>) -> Range<Int> {
    var end = scene.upperBound
    while end > scene.lowerBound,
      speech.column(ofFrame: end - 1, framesPerSecond: framesPerSecond) + speech.columns > spectrogram.frames
    { end -= 1 }
    return min(max(scene.lowerBound, speech.lead), end)..<end
  }

  /// The pieces of frames, one after the other, `[bands, frames · columns]`.
  func pieces(_ frames: [Int]) -> HostTensor {
    let cut = frames.map {
      spectrogram.crop(
        from: speech.column(ofFrame: max(0, $0 - speech.lead), framesPerSecond: framesPerSecond),
        count: speech.columns)
    }
    let (bands, columns) = (spectrogram.bands, speech.columns)
    let values = (0..<bands).flatMap { band in
      cut.flatMap { $0.values[(band * columns)..<((band + 1) * columns)] }
    }
    return HostTensor(values, shape: [bands, frames.count * columns])
  }
}
