public import Torch

/// What networks read of a whole utterance in place of its samples, handed in by a system: this target has no networks and
/// no spectrograms.
///
/// Equal values give equal features, because they are kept while a program runs.
public protocol UtteranceFeatures: Sendable, Hashable {
  /// Samples a second of what is given.
  var sampleRate: Int { get }
  /// The bands of a frame.
  var bands: Int { get }
  /// The least number of samples that has features.
  var shortest: Int { get }
  /// float32 `[bands, frames]` of mono samples.
  ///
  /// Called on several threads at once.
  func callAsFunction(_ samples: [Float]) throws -> HostTensor
}

/// Vectors that tell speakers' voices apart, of some of their utterances; handed in by a system.
public protocol SpeakerEmbedding: Sendable, Hashable {
  /// Samples a second of what is given.
  var sampleRate: Int { get }
  /// The most utterances that are read of a speaker.
  var utterances: Int { get }
  /// A vector for each of so many speakers.
  ///
  /// - Parameter utterances: the mono samples of a speaker's utterances, at least one.
  func callAsFunction(of speakers: Int, utterances: (Int) throws -> [[Float]]) throws -> [[Float]]
}

/// The mean and deviation of each band over all frames of all training utterances; the artefact ``name``.
public struct BandStatistics: Sendable, Hashable, Codable {
  /// What runs and models keep it under.
  public static let name = "band-statistics"
  /// The means by band.
  public var mean: [Float]
  /// The population deviations by band; 1 where a band never changes.
  public var deviation: [Float]

  /// The given numbers.
  public init(mean: [Float], deviation: [Float]) { (self.mean, self.deviation) = (mean, deviation) }

  /// Over the frames of spectrograms `[bands, frames]`, in double precision.
  init(of spectrograms: [Spectrogram], bands: Int) {
    var (sums, squares, count) = (
      [Double](repeating: 0, count: bands), [Double](repeating: 0, count: bands), 0
    )
    for spectrogram in spectrograms {
      count += spectrogram.frames
      for band in 0..<bands {
        for value in spectrogram.values[(band * spectrogram.frames)..<((band + 1) * spectrogram.frames)] {
          sums[band] += Double(value)
          squares[band] += Double(value) * Double(value)
        }
      }
    }
    let means = sums.map { $0 / Double(max(1, count)) }
    mean = means.map(Float.init)
    deviation = zip(squares, means).map { square, mean in
      let variance = square / Double(max(1, count)) - mean * mean
      return variance > 1e-12 ? Float(variance.squareRoot()) : 1
    }
  }
}

/// The embeddings of the training's speakers; the artefact ``name``.
public struct SpeakerEmbeddings: Sendable, Hashable, Codable {
  /// What runs and models keep it under.
  public static let name = "speaker-embeddings"
  /// The speakers in the order of their labels.
  public var speakers: [String]
  /// A vector for each of them.
  public var vectors: [[Float]]

  /// The given vectors.
  public init(speakers: [String], vectors: [[Float]]) { (self.speakers, self.vectors) = (speakers, vectors) }
}

/// Values `[bands, frames]`, frames side by side.
struct Spectrogram: Sendable, Hashable {
  let values: [Float]
  let bands: Int
  let frames: Int

  init(values: [Float], bands: Int, frames: Int) {
    (self.values, self.bands, self.frames) = (values, bands, frames)
  }

  init(_ tensor: HostTensor) {
    self.init(values: tensor.floats(), bands: tensor.shape[0], frames: tensor.shape[1])
  }

  var tensor: HostTensor { HostTensor(values, shape: [bands, frames]) }

  /// `count` frames from `start` on, zeros behind the end.
  func crop(from start: Int, count: Int) -> Spectrogram {
    let found = max(0, min(count, frames - start))
    let zeros = [Float](repeating: 0, count: count - found)
    let cut = (0..<bands).flatMap { band in
      values[(band * frames + start)..<(band * frames + start + found)] + zeros
    }
    return Spectrogram(values: cut, bands: bands, frames: count)
  }

  /// Repeated from its beginning until it has `count` frames.
  func tiled(to count: Int) -> Spectrogram {
    guard count != frames else { return self }
    let made = (0..<bands).flatMap { band in (0..<count).map { values[band * frames + $0 % frames] } }
    return Spectrogram(values: made, bands: bands, frames: count)
  }

  func standardised(_ statistics: BandStatistics) -> Spectrogram {
    var made = values
    for band in 0..<bands {
      let (mean, deviation) = (statistics.mean[band], statistics.deviation[band])
      for place in (band * frames)..<((band + 1) * frames) {
        made[place] = (values[place] - mean) / deviation
      }
    }
    return Spectrogram(values: made, bands: bands, frames: frames)
  }
}
