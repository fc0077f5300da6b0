internal import AtelierMedia
package import Foundation

/// What drawn people say: sounds of a folder, those of the part `test` others than those of the part `train`.
///
/// In a folder of speakers' folders each person has one of the voices, in turn. Folders `train` and `test` around them are the
/// parts; otherwise the last sounds of each voice are held out, as many of them as clips are.
package struct FaceUtterances: Sendable {
  /// The sounds of each voice, in the order of names.
  private typealias Voices = [(name: String, files: [URL])]

  private let training: Voices
  private let held: Voices

  /// - Parameter share: the share of clips that are held out.
  /// - Throws: ``DatasetError/notFound(path:)``, and ``DatasetError/unusable(path:reason:)`` for a folder with too few sounds.
  package init(_ folder: URL, heldOut share: Double) throws(DatasetError) {
    guard FileManager.default.fileExists(atPath: folder.path) else { throw .notFound(path: folder.path) }
    let parts = SoundFolder.parts(of: folder)
    let voices = Self.voices(of: parts[.train] ?? folder)
    guard !voices.isEmpty else {
      throw .unusable(
        path: folder.path, reason: "it has no sounds for the drawn people to say; add WAV files")
    }
    if share == 0 {
      (training, held) = (voices, [])
    } else if let test = parts[.test] {
      (training, held) = (voices, Self.voices(of: test))
      let names = Set(held.map(\.name))
      for voice in voices where !names.contains(voice.name) {
        throw .unusable(
          path: voice.name.isEmpty ? test.path : test.appendingPathComponent(voice.name).path,
          reason: "it has no sounds for the held-out clips; add some, or hold out no clips")
      }
    } else {
      for (name, files) in voices where files.count < 2 {
        throw .unusable(
          path: name.isEmpty ? folder.path : folder.appendingPathComponent(name).path,
          reason: "it has one sound, and held-out clips need others; add some, or hold out no clips")
      }
      let counts = voices.map {
        min($0.files.count - 1, max(1, Int((share * Double($0.files.count)).rounded())))
      }
      training = zip(voices, counts).map { ($0.name, $0.files.dropLast($1)) }
      held = zip(voices, counts).map { ($0.name, $0.files.suffix($1)) }
    }
  }

  /// The sounds below a folder by the folder that they lie in; of those beside folders the name is empty.
  private static func voices(of folder: URL) -> Voices {
    let names = MediaFiles.names(.sounds, below: folder)
    let voices = Dictionary(grouping: names) { $0.contains("/") ? String($0.prefix { $0 != "/" }) : "" }
    return voices.sorted { $0.key < $1.key }.map { voice in
      (voice.key, voice.value.map(folder.appendingPathComponent))
    }
  }

  /// What a person says in a clip: sounds of its voice in an order that is drawn, with a fifth of a second between them, cut
  /// where the clip ends.
  ///
  /// - Returns: as many mono samples at ``FaceSpeech/sampleRate`` as so many frames last.
  /// - Throws: ``DatasetError/corruptFile(path:reason:)`` for a sound that cannot be read.
  package func samples(
    person: Int, clip: Int, isHeldOut: Bool, frames: Int, seed: UInt64
  ) throws(DatasetError) -> [Float] {
    let voice = training[(person - 1) % training.count]
    let files = isHeldOut ? held.first { $0.name == voice.name }?.files ?? [] : voice.files
    var draws = SeededGenerator(seed: seed, purpose: "rendered speech \(person)", epoch: clip)
    let count = frames * FaceSpeech.samplesPerFrame
    var samples: [Float] = []
    while samples.count < count {
      for place in draws.permutation(files.count) where samples.count < count {
        let file = files[place]
        do throws(AudioError) {
          samples += try VoiceFolder.samples(
            of: SoundPlace(name: file.lastPathComponent, file: file), at: FaceSpeech.sampleRate)
        } catch { throw .corruptFile(path: file.path, reason: error.description) }
        samples += [Float](repeating: 0, count: FaceSpeech.sampleRate / 5)
      }
    }
    return Array(samples.prefix(count))
  }
}

/// The mouth of a drawn face that speaks: open as the speech is loud, wide as it is bright, at the moment of each frame.
///
/// No phoneme is recognised: a vowel opens the mouth, a pause and a stop close it, an *s* shows it wide and nearly shut.
struct FaceSpeech: Sendable {
  /// Frames a second, as Wav2Lip's.
  static let framesPerSecond = 25.0
  static let sampleRate = 16_000
  static let samplesPerFrame = 640
  /// Decibels below the loudest frame at which the mouth is shut.
  private static let range = 30.0

  private let opening: [Double]
  private let width: [Double]

  /// - Parameter samples: mono samples at ``sampleRate``, those of each frame one after another.
  init(_ samples: [Float]) {
    let count = samples.count / Self.samplesPerFrame
    var levels: [Double] = []
    var brightness: [Double] = []
    for frame in 0..<count {
      // The frame's 40 ms and a quarter as much on both sides.
      let start = max(1, frame * Self.samplesPerFrame - Self.samplesPerFrame / 4)
      let end = min(samples.count, (frame + 1) * Self.samplesPerFrame + Self.samplesPerFrame / 4)
      var (power, change) = (0.0, 0.0)
      for place in start..<end {
        let (now, before) = (Double(samples[place]), Double(samples[place - 1]))
        power += now * now
        change += (now - before) * (now - before)
      }
      levels.append(10 * log10(power / Double(end - start) + 1e-12))
      // The mean of 2 - 2 cos ω over the spectrum: 0.04 of a tone at 500 Hz, 2 of one at 4 kHz.
      let ratio = power > 0 ? change / power : 0
      brightness.append(min(1, max(0, log(max(ratio, 1e-6) / 0.03) / log(2 / 0.03))))
    }
    // Below -60 dB there is nothing to hear, however loud the rest.
    let loudest = max(levels.max() ?? 0, -60 + Self.range)
    opening = zip(levels, brightness).map { level, bright in
      min(1, max(0, (level - loudest + Self.range) / Self.range)) * (1 - 0.7 * bright * bright)
    }
    width = brightness.map { 2 * $0 - 0.7 }
  }

  /// Sets the mouth of a frame; what else the face shows stays.
  func move(_ state: inout FaceState, at frame: Int) {
    state.mouthOpen = opening[frame]
    // A shut mouth smiles as it did.
    state.smile = min(1, max(-0.6, 0.4 * state.smile + 0.7 * width[frame] * min(1, 2 * opening[frame])))
  }
}
