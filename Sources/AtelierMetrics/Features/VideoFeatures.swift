public import Foundation
public import Torch
public import TorchNN

/// Features of short videos for distances between sets of them.
public protocol VideoFeatures {
  /// A short name, part of the protocol of every number on these features.
  var name: String { get }
  /// What a Fréchet distance on them is called.
  var distanceName: String { get }
  /// Frames of a video.
  var length: Int { get }
  /// The features `[n, features]` of videos, bytes `[n, length, 3, height, width]`.
  func features(_ videos: Tensor) throws -> Tensor
}

/// The features of a TorchScript file, such as I3D trained on Kinetics-400, whose `forward` takes videos `[n, 3, 16, 224, 224]` in
/// -1 … 1.
///
/// A distance on 400 features, which are I3D's logits, is called FVD (Unterthiner et al. 2018).
public final class ScriptedVideoFeatures: VideoFeatures {
  private let judge: ScriptedJudge
  private var width: Int?

  /// Opens a file.
  ///
  /// - Throws: `MetricError` where there is no such file; `ScriptError` where it is not TorchScript.
  public init(_ file: URL) throws {
    judge = try ScriptedJudge(file, as: "video network")
  }

  /// The file's name and the first digits of its fingerprint.
  public var name: String { "\(judge.file.lastPathComponent)-\(judge.fingerprint)" }
  /// FVD on I3D's logits.
  public var distanceName: String {
    width == 400 ? "FVD" : "Fréchet distance of videos, \(judge.file.lastPathComponent)"
  }
  /// 16
  public var length: Int { 16 }

  /// The features; see ``VideoFeatures``. Frames are resized bilinearly to 224×224.
  public func features(_ videos: Tensor) throws -> Tensor {
    try withoutGradients {
      let parts = try (0..<videos.shape[0]).map { index -> Tensor in
        let frames = videos.selected(dim: 0, index: index).asType(.float32) / 127.5 - 1
        let sized = upsampleBilinear(frames, size: (224, 224), antialias: false)
        let found = try judge(sized.permuted([1, 0, 2, 3]).unsqueezed(0))
        guard found.rank >= 2, found.shape[0] == 1, found.dtype.isFloatingPoint, found.isFinite() else {
          throw judge.refusal(
            "\(found.dtype) \(found.shape) for a video [1, 3, 16, 224, 224]; it must give finite features [1, features]"
          )
        }
        return found.asType(.float32).flattened(from: 1)
      }
      let all = Tensor.concatenated(parts, dim: 0)
      width = all.shape[1]
      return all
    }
  }
}

/// A small network that Atelier trains on real training videos to tell them from the same videos made faulty: played twice as
/// fast, with frames in another order, standing still, blurred, or with noise. Its features see both frames and motion.
///
/// Not from a paper: numbers on it compare with each other on the same data only, and are never called FVD.
public final class FaultNetwork: Module, VideoFeatures {
  private static let side = 32
  private static let widths = [16, 32, 48]
  /// Real, fast, shuffled, still, blurred, noisy.
  private static let faults = 6

  private let space: [Conv2d]
  private let time: [Conv1d]
  private let output: Linear
  /// Frames of a video.
  public let length: Int
  /// The share of faults that it tells in held-out videos.
  public private(set) var accuracy = 0.0
  private var steps = 0

  /// A network with drawn weights.
  ///
  /// - Parameter length: frames of a video, at least 4.
  public init(length: Int, using stream: RandomStream) {
    check(length >= 4, "a network of videos sees at least 4 frames, not \(length)")
    self.length = length
    let inputs = [3] + Self.widths.dropLast()
    space = zip(inputs, Self.widths).map {
      Conv2d(inputChannels: $0, outputChannels: $1, kernelSize: 3, stride: 2, padding: 1, using: stream)
    }
    time = Self.widths.map {
      Conv1d(inputChannels: $0, outputChannels: $0, kernelSize: 3, padding: 1, using: stream)
    }
    output = Linear(inputFeatures: 2 * Self.widths[2], outputFeatures: Self.faults, using: stream)
    super.init()
  }

  /// How it was trained.
  public var name: String {
    "fault-network-\(length) (\(steps) steps on real training videos at \(Self.side)×\(Self.side), tells "
      + "\(Int((100 * accuracy).rounded())) % of faults in held-out ones)"
  }
  /// Never FVD.
  public var distanceName: String { "Fréchet distance of videos, fault network" }

  /// Means and deviations over places and times `[n, 96]` of videos `[n, length, 3, 32, 32]` in -1 … 1.
  private func pooled(_ videos: Tensor) -> Tensor {
    let (count, length) = (videos.shape[0], videos.shape[1])
    var x = videos.reshaped([count * length] + videos.shape.dropFirst(2))
    for (one, other) in zip(space, time) {
      x = one(x).leakyRelu(0.2)
      let shape = x.shape
      let places = shape[2] * shape[3]
      // [n, places, channels, time]
      let lines = x.reshaped([count, length, shape[1], places]).permuted([0, 3, 2, 1]).contiguous()
        .reshaped([count * places, shape[1], length])
      let changed = other(lines).reshaped([count, places, shape[1], length]).permuted([0, 3, 2, 1])
        .contiguous().reshaped(shape)
      x = (x + changed).leakyRelu(0.2)
    }
    let channels = x.shape[1]
    let all = x.reshaped([count, length, channels, -1]).permuted([0, 2, 1, 3]).contiguous()
      .reshaped([count, channels, -1])
    let mean = all.mean(dims: [2])
    let spread = ((all - mean.unsqueezed(2)).square().mean(dims: [2]) + 1e-6).sqrt()
    return .concatenated([mean, spread], dim: 1)
  }

  /// Frames at the network's size, in -1 … 1.
  static func small(_ videos: Tensor) -> Tensor {
    let (count, length) = (videos.shape[0], videos.shape[1])
    let frames = videos.reshaped([count * length] + videos.shape.dropFirst(2)).asType(.float32) / 127.5 - 1
    return adaptiveAveragePool2d(frames, size: (side, side)).reshaped([count, length, 3, side, side])
  }

  /// The features; see ``VideoFeatures``.
  public func features(_ videos: Tensor) -> Tensor {
    withoutGradients {
      let parts = stride(from: 0, to: videos.shape[0], by: 16).map { start in
        pooled(Self.small(videos.slice(0, start, min(start + 16, videos.shape[0]))))
      }
      return .concatenated(parts, dim: 0)
    }
  }

  /// Videos with the fault of a number, `[n, length, 3, side, side]`, of videos twice as long.
  private func faulty(_ videos: Tensor, _ fault: Int, _ stream: RandomStream) -> Tensor {
    func taken(_ places: [Int]) -> Tensor { videos.indexSelected(1, Tensor(places)) }
    let plain = Array(0..<length)
    switch fault {
    case 1: return taken(plain.map { 2 * $0 })
    case 2:
      var order = stream.permutation(length).integers()
      if order == plain { order.reverse() }
      return taken(order)
    case 3: return taken([Int](repeating: 0, count: length))
    case 4:
      let frames = taken(plain)
      let flat = frames.reshaped([-1] + frames.shape.dropFirst(2))
      let side = Self.side
      return upsampleBilinear(averagePool2d(flat, kernelSize: (4, 4)), size: (side, side)).reshaped(
        frames.shape)
    case 5:
      let frames = taken(plain)
      return (frames + stream.normal(frames.shape) * 0.1).clamped(min: -1, max: 1)
    default: return taken(plain)
    }
  }

  /// Trains a network.
  ///
  /// - Parameters:
  ///   - training: real videos twice as long as the network's, bytes `[n, 2 · length, 3, height, width]`.
  ///   - test: held-out ones likewise; nil: none are long enough.
  ///   - steps: batches of 12, each fault twice.
  /// - Throws: `MetricError` for videos that do not fit.
  public static func trained(
    on training: Tensor, test: Tensor?, length: Int, steps: Int = 300, seed: UInt64
  ) throws -> FaultNetwork {
    guard training.rank == 5, training.shape[1] == 2 * length, training.shape[2] == 3 else {
      throw MetricError("videos \(training.shape) are no videos of \(2 * length) frames in three channels")
    }
    let network = FaultNetwork(length: length, using: RandomStream(seed: seed, purpose: "fault network"))
    let stream = RandomStream(seed: seed, purpose: "fault network batches")
    let real = withoutGradients { small(training) }
    let optimizer = Adam(network, learningRate: 2e-3)
    withGradients {
      for step in 0..<steps {
        let faults = (0..<(2 * Self.faults)).map { $0 % Self.faults }
        let rows = stream.integers(below: real.shape[0], [faults.count])
        let batch = withoutGradients {
          let chosen = real.indexSelected(0, rows)
          return Tensor.concatenated(
            faults.enumerated().map { network.faulty(chosen.slice(0, $0, $0 + 1), $1, stream) }, dim: 0)
        }
        let loss = crossEntropy(network.output(network.pooled(batch)), Tensor(faults))
        optimizer.learningRate = 2e-3 * (1 - Double(step) / Double(steps))
        optimizer.minimize(loss)
      }
    }
    network.steps = steps
    withoutGradients {
      let judged = test.map { small($0) } ?? real
      let hits = (0..<Self.faults).map { fault -> Double in
        let logits = network.output(network.pooled(network.faulty(judged, fault, stream)))
        return logits.argmax(dim: 1).equal(Double(fault)).asType(.float32).mean().item()
      }
      network.accuracy = hits.reduce(0, +) / Double(hits.count)
    }
    return network
  }
}
