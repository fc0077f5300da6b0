import AtelierCore
import Perception
import Torch
import TorchNN

/// The normalisation of vid2vid's authors: batch norm, or instance norm without parameters that keeps running statistics.
struct TrackedNorm: MapNorm {
  let kind: ImageNorm

  func layer(_ channels: Int) -> any Layer {
    kind == .instance ? InstanceNorm2d(channels: channels, tracksStatistics: true) : kind.layer(channels)
  }
}

/// One scale of vid2vid's generator: the next frame from semantic maps and the frames before.
///
/// Encoders of both are added up; of the sum one branch makes a picture, another the flow from the frame before and a
/// weight between the picture and the warped frame. A foreground branch sees the semantic maps alone and takes the place
/// of both where the foreground is. Finer scales add the coarser scale's features to theirs.
///
/// Source: Wang et al. 2018, sections 3.1 and 3.2; NVIDIA/vid2vid `models/networks.py` `CompositeGenerator`,
/// `CompositeLocalGenerator`.
final class CompositeGenerator: Module {
  let semantics: Sequential
  let past: Sequential
  let imageBlocks: Sequential
  let imageUp: Sequential
  let imageHead: Sequential
  let flow: FlowBranch?
  let foreground: ForegroundBranch?
  private let multiplier: Double
  private let alignCorners: Bool

  /// The flow and the weight between the picture and the warped frame.
  final class FlowBranch: Module {
    let blocks: Sequential
    let up: Sequential
    let flowHead: Sequential
    let weightHead: Sequential

    init(blocks: [any Layer], up: [any Layer], width: Int, using stream: RandomStream) {
      self.blocks = Sequential(blocks)
      self.up = Sequential(up)
      flowHead = Sequential(CompositeGenerator.head(width, 2, using: stream))
      weightHead = Sequential(CompositeGenerator.head(width, 1, using: stream))
      super.init()
    }
  }

  /// The picture of the foreground.
  final class ForegroundBranch: Module {
    let down: Sequential
    let blocks: Sequential
    let up: Sequential
    let head: Sequential

    init(
      down: [any Layer], blocks: [any Layer], up: [any Layer], head: [any Layer]
    ) {
      (self.down, self.blocks) = (Sequential(down), Sequential(blocks))
      (self.up, self.head) = (Sequential(up), Sequential(head))
      super.init()
    }
  }

  /// What a scale makes of a frame.
  struct Frame {
    /// The picture: the own one, mixed with the warped frame.
    var image: Tensor
    /// The own picture.
    var raw: Tensor
    /// The flow in pixels `[batch, 2, height, width]`.
    var flow: Tensor?
    /// The share of the own picture, 0 … 1.
    var weight: Tensor?
    /// What the next finer scale adds to its features.
    var features: Features
  }

  /// A scale's last features.
  struct Features {
    var image: Tensor
    var flow: Tensor?
    var foreground: Tensor?

    /// Without history.
    var detached: Features {
      Features(image: image.detached(), flow: flow?.detached(), foreground: foreground?.detached())
    }
  }

  /// - Parameters:
  ///   - scale: 0 for the coarsest; each finer one has half the channels and one halving.
  init(_ configuration: Vid2Vid.Configuration, scale: Int, using stream: RandomStream) {
    let norm = TrackedNorm(kind: configuration.norm)
    let width = max(1, configuration.width >> scale)
    let halvings = scale == 0 ? configuration.downsamplings : 1
    multiplier = 20 * Double(1 << scale)
    alignCorners = configuration.alignCorners
    let semanticChannels = configuration.mapChannels * configuration.framesPerInput
    let pastChannels = 3 * (configuration.framesPerInput - 1)
    func down(_ inputs: Int, _ width: Int) -> [any Layer] {
      var layers: [any Layer] = [
        ReflectionPad2d(3),
        Conv2d(inputChannels: inputs, outputChannels: width, kernelSize: 7, using: stream),
        norm.layer(width), ReLU(isInPlace: true),
      ]
      for level in 0..<halvings {
        layers += ResidualGenerator.shrinking(width << level, norm: norm, hasBias: true, using: stream)
      }
      return layers
    }
    func blocks(_ count: Int, _ channels: Int) -> [any Layer] {
      (0..<count).map { _ in
        ResidualBlock(
          channels: channels, norm: norm, hasBias: true,
          isCheckpointed: configuration.gradientCheckpointing, using: stream)
      }
    }
    func up(_ width: Int) -> [any Layer] {
      (0..<halvings).reversed().flatMap {
        ResidualGenerator.growing(width << $0, norm: norm, hasBias: true, using: stream)
      }
    }
    let inner = width << halvings
    // The coarsest scale divides its blocks between the encoders and the branches; finer ones have theirs in front of the
    // doubling, behind the coarser features.
    let encoding = scale == 0 ? configuration.blocks - configuration.blocks / 2 : 0
    let branching = scale == 0 ? configuration.blocks / 2 : 0
    let local = scale == 0 ? 0 : configuration.localBlocks
    semantics = Sequential(down(semanticChannels, width) + blocks(encoding, inner))
    past = Sequential(down(pastChannels, width) + blocks(encoding, inner))
    imageBlocks = Sequential(blocks(branching, inner))
    imageUp = Sequential(blocks(local, inner) + up(width))
    imageHead = Sequential(ResidualGenerator.head(width, 3, using: stream))
    flow =
      configuration.flow
      ? FlowBranch(
        blocks: blocks(branching, inner), up: blocks(local, inner) + up(width), width: width, using: stream)
      : nil
    if configuration.foregroundChannels.isEmpty {
      foreground = nil
    } else {
      let narrow = configuration.downsamplings > 2 ? max(1, width / 2) : width
      foreground = ForegroundBranch(
        down: down(semanticChannels, narrow),
        blocks: blocks(scale == 0 ? configuration.blocks : 0, narrow << halvings),
        up: blocks(local, narrow << halvings) + up(narrow),
        head: ResidualGenerator.head(narrow, 3, using: stream))
    }
    super.init()
  }

  /// A 7 × 7 convolution without an activation.
  private static func head(_ width: Int, _ channels: Int, using stream: RandomStream) -> [any Layer] {
    [
      ReflectionPad2d(3),
      Conv2d(inputChannels: width, outputChannels: channels, kernelSize: 7, using: stream),
    ]
  }

  /// The authors' names: `model_down_seg.1.weight`, `model_final_w.1.bias`, `indv_up.0.weight`.
  static let authorsNames = KeyMap([
    "semantics": "model_down_seg", "past": "model_down_img", "image_blocks": "model_res_img",
    "image_up": "model_up_img", "image_head": "model_final_img", "flow.blocks": "model_res_flow",
    "flow.up": "model_up_flow", "flow.flow_head": "model_final_flow", "flow.weight_head": "model_final_w",
    "foreground.down": "indv_down", "foreground.blocks": "indv_res", "foreground.up": "indv_up",
    "foreground.head": "indv_final",
  ])

  /// - Parameters:
  ///   - maps: the semantic maps `[batch, frames · channels, height, width]`, oldest first.
  ///   - pictures: the frames before `[batch, (frames - 1) · 3, height, width]`, oldest first.
  ///   - mask: the newest map's foreground `[batch, 1, height, width]`.
  ///   - coarse: the coarser scale's features.
  ///   - rawOnly: whether the picture is the own one alone, as there is nothing before it that could be warped.
  func callAsFunction(
    _ maps: Tensor, _ pictures: Tensor, mask: Tensor?, coarse: Features?, rawOnly: Bool
  ) -> Frame {
    let inner = semantics(maps) + past(pictures)
    func entering(_ coarse: Tensor?) -> Tensor { coarse.map { inner + $0 } ?? inner }
    let features = imageUp(imageBlocks(entering(coarse?.image)))
    let raw = imageHead(features)
    var frame = Frame(image: raw, raw: raw, features: Features(image: features))
    if let branch = flow {
      let flowFeatures = branch.up(branch.blocks(entering(coarse?.flow)))
      let flow = branch.flowHead(flowFeatures).asType(.float32) * multiplier
      let weight = branch.weightHead(flowFeatures).asType(.float32).sigmoid()
      (frame.flow, frame.weight, frame.features.flow) = (flow, weight, flowFeatures)
      if !rawOnly {
        let channels = pictures.shape[1]
        let last = pictures.slice(1, channels - 3, channels).asType(.float32)
        frame.image = raw * weight + warped(last, by: flow, alignCorners: alignCorners) * (1 - weight)
      }
    }
    if let branch = foreground, let mask {
      let down = branch.down(maps)
      let own = branch.up(branch.blocks(coarse?.foreground.map { down + $0 } ?? down))
      let picture = branch.head(own)
      frame.features.foreground = own
      frame.image = picture * mask + frame.image * (1 - mask)
      frame.raw = picture * mask + raw * (1 - mask)
    }
    return frame
  }
}

/// All scales of the generator, and how they make one frame after the other.
struct FrameGenerator {
  /// Coarse to fine.
  let scales: [CompositeGenerator]
  let framesPerInput: Int
  let foregroundChannels: [Int]

  /// Several frames.
  struct Clip {
    /// `[batch, time, 3, height, width]`.
    var frames: Tensor
    /// The own pictures alone.
    var raw: Tensor
    /// `[batch, time, 2, height, width]`.
    var flow: Tensor?
    /// `[batch, time, 1, height, width]`.
    var weight: Tensor?
  }

  /// Half the sides over and over, full resolution first, of `[batch, time, channels, height, width]`.
  func pyramid(_ video: Tensor) -> [Tensor] {
    var levels = [video]
    for _ in scales.dropFirst() {
      let last = levels[levels.count - 1]
      let shape = last.shape
      let down = halved(last.reshaped([-1] + Array(shape.suffix(3))))
      levels.append(down.reshaped(Array(shape.prefix(2)) + Array(down.shape.suffix(3))))
    }
    return levels
  }

  /// One frame.
  ///
  /// - Parameters:
  ///   - maps: a pyramid of `framesPerInput` semantic maps `[batch, time, channels, height, width]`.
  ///   - past: a pyramid of the frames before, one fewer.
  ///   - fixed: whether only the finest scale learns.
  /// - Returns: what the finest scale made, and the frame on each level, full resolution first.
  func frame(
    _ maps: [Tensor], _ past: [Tensor], rawOnly: Bool, fixed: Bool = false
  ) -> (frame: CompositeGenerator.Frame, levels: [Tensor]) {
    var levels: [Tensor] = []
    var coarse: CompositeGenerator.Features?
    var made: CompositeGenerator.Frame?
    for (scale, generator) in scales.enumerated() {
      let level = scales.count - 1 - scale
      var mask: Tensor?
      if !foregroundChannels.isEmpty {
        let newest = maps[level].selected(dim: 1, index: framesPerInput - 1)
        let parts = foregroundChannels.map { newest.narrow(1, from: $0, length: 1) }
        mask = parts.dropFirst().reduce(parts[0], +).clamped(min: 0, max: 1)
      }
      func joined(_ video: Tensor) -> Tensor {
        video.reshaped([video.shape[0], -1, video.shape[3], video.shape[4]])
      }
      let frame = generator(
        joined(maps[level]), joined(past[level].detached()), mask: mask, coarse: coarse, rawOnly: rawOnly)
      coarse = fixed ? frame.features.detached : frame.features
      levels.insert(fixed && level > 0 ? frame.image.detached() : frame.image, at: 0)
      made = frame
    }
    guard let made else { preconditionFailure("a generator has at least one scale") }
    return (made, levels)
  }

  /// Frames one after the other, each from the frames before without their history.
  ///
  /// - Parameters:
  ///   - maps: semantic maps `[batch, framesPerInput - 1 + time, channels, height, width]`.
  ///   - past: the frames before as a pyramid; afterwards the last ones of these.
  ///   - rawOnly: whether nothing is warped.
  func clip(_ maps: Tensor, past: inout [Tensor], rawOnly: Bool = false, fixed: Bool = false) -> Clip {
    let maps = pyramid(maps)
    var (frames, raws, flows, weights) = ([Tensor](), [Tensor](), [Tensor](), [Tensor]())
    for time in 0...(maps[0].shape[1] - framesPerInput) {
      let window = maps.map { $0.narrow(1, from: time, length: framesPerInput) }
      let (made, levels) = frame(window, past, rawOnly: rawOnly, fixed: fixed)
      past = zip(past, levels).map { past, level in
        Tensor.concatenated([past.slice(1, 1, .max), level.detached().unsqueezed(1)], dim: 1)
      }
      frames.append(made.image)
      raws.append(made.raw)
      if let flow = made.flow { flows.append(flow) }
      if let weight = made.weight { weights.append(weight) }
    }
    func stacked(_ parts: [Tensor]) -> Tensor? { parts.isEmpty ? nil : .stacked(parts, dim: 1) }
    return Clip(
      frames: .stacked(frames, dim: 1), raw: .stacked(raws, dim: 1), flow: stacked(flows),
      weight: stacked(weights))
  }
}
