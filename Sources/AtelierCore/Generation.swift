public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// What to generate.
public struct GenerationRequest {
  /// How many outputs.
  public var count: Int
  /// Class indices, one an output (repeated where fewer); nil where the system has no classes or the
  /// caller leaves them to it.
  public var labels: [Int]?
  /// The text to go on from.
  public var prompt: String?
  /// Conditions that are tensors, by field name: `image` float32 `[n, channels, height, width]` in
  /// -1 … 1, and whatever other fields a system declares (`labelMap`, `style`, …).
  public var inputs: [String: Tensor]
  /// How many outputs of each source, where a style beside it is drawn.
  public var variations: Int
  /// How the latent vectors are chosen.
  public var latentPath: LatentPath
  /// Latent entries beyond this many standard deviations are drawn again (Brock et al. 2019).
  public var truncation: Double?
  /// Divides the logits before sampling; below 1 sharper, above 1 more random.
  public var temperature: Double
  /// Tokens to generate.
  public var length: Int
  /// Where random numbers come from.
  public var draws: any Draws

  /// A request with the usual settings.
  public init(
    count: Int, labels: [Int]? = nil, prompt: String? = nil, inputs: [String: Tensor] = [:],
    variations: Int = 1, latentPath: LatentPath = .random, truncation: Double? = nil, temperature: Double = 1,
    length: Int = 200,
    draws: any Draws
  ) {
    self.count = count
    self.labels = labels
    self.prompt = prompt
    self.inputs = inputs
    self.variations = variations
    self.latentPath = latentPath
    self.truncation = truncation
    self.temperature = temperature
    self.length = length
    self.draws = draws
  }
}

/// How the latent vectors of several outputs relate.
public enum LatentPath: Sendable, Hashable {
  /// Each drawn for itself.
  case random
  /// On great circles between drawn ones, so many outputs from one to the next (White 2016).
  case interpolation(steps: Int)
  /// One drawn vector with one entry moved over a range, `steps` outputs.
  case traversal(dimension: Int, from: Double, to: Double, steps: Int)
}

/// A piece of what a system generates.
public enum GeneratedValue {
  /// Images, float32 `[n, channels, height, width]` in -1 … 1.
  case images(Tensor)
  /// A piece of text to be appended to what came before.
  case text(String)
}

/// The distribution that latent vectors are drawn from.
public enum LatentDistribution: String, Sendable, Hashable, Codable {
  /// Standard normal.
  case normal
  /// Uniform in -1 … 1.
  case symmetricUniform
  /// Uniform in 0 … 1.
  case unitUniform

  /// Latent vectors `[count, size]` from the named draw.
  public func draw(_ name: String, _ shape: [Int], from draws: any Draws) -> Tensor {
    switch self {
    case .normal: draws.normal(name, shape)
    case .symmetricUniform: draws.uniform(name, shape) * 2 - 1
    case .unitUniform: draws.uniform(name, shape)
    }
  }
}

/// A system that turns latent vectors, and classes where it has them, into images.
///
/// Interpolation, traversal and truncation then come for free.
public protocol LatentSystem: GenerativeSystem {
  /// Images in -1 … 1 for latents `[n, size]` and int64 labels `[n]`, networks in evaluation mode.
  func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor
}

extension GenerativeSystem {
  /// Runs `body` with every averaged network's average in place of its weights.
  public func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
    func nested(_ rest: ArraySlice<(network: String, average: MovingAverage)>) throws -> Result {
      guard let first = rest.first else { return try body() }
      return try first.average.applied { try nested(rest.dropFirst()) }
    }
    do {
      return try nested(averages[...])
    }
  }
}

extension LatentSystem {
  /// The latent space, as the plan has it.
  public var latentSpace: LatentDecoding {
    if let space = plan.ability(LatentDecoding.self) { return space }
    check(false, "\(Self.identity.name) decodes latents, and its plan has no LatentDecoding")
    return LatentDecoding(size: 1, distribution: .normal)
  }

  /// The number of classes; nil for an unconditional system.
  public var classCount: Int? { latentSpace.classes }

  /// Images for a request, at most 100 a piece so that memory stays bounded.
  public func generate(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws {
    for module in networks.map(\.module) { module.eval() }
    try withoutGradients { try withAverages { try drawPictures(request, emit: emit) } }
  }

  /// Images for a request by the networks as they are, at most 100 a piece.
  package func drawPictures(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws {
    let latents = try latents(for: request)
    let total = latents.shape[0]
    let labels = try labels(for: request, count: total)
    for start in stride(from: 0, to: total, by: 100) {
      let end = min(start + 100, total)
      let picked = labels.map { Tensor(Array($0[start..<end])) }
      try emit(.images(decode(latents.slice(0, start, end), labels: picked)))
    }
  }

  /// The class of each output; nil where the system has none.
  package func labels(for request: GenerationRequest, count: Int) throws -> [Int]? {
    guard let classes = classCount else {
      if request.labels != nil {
        throw ConfigurationError("\(Self.identity.name) has no classes; leave --class out")
      }
      return nil
    }
    let wanted = request.labels ?? Array(0..<classes)
    guard !wanted.isEmpty, let worst = wanted.first(where: { !(0..<classes).contains($0) }) else {
      return (0..<count).map { wanted.isEmpty ? 0 : wanted[$0 % wanted.count] }
    }
    throw ConfigurationError("there is no class \(worst); the classes are 0 … \(classes - 1)")
  }

  /// The latents `[n, size]` that a request stands for.
  package func latents(for request: GenerationRequest) throws -> Tensor {
    let (size, distribution) = (latentSpace.size, latentSpace.distribution)
    func draw(_ count: Int) -> Tensor {
      let drawn = distribution.draw("latent", [count, size], from: request.draws)
      guard let limit = request.truncation, distribution == .normal else { return drawn }
      return truncated(drawn, limit: limit, draws: request.draws)
    }
    switch request.latentPath {
    case .random:
      return draw(request.count)
    case .interpolation(let steps):
      guard steps >= 2 else {
        throw ConfigurationError("an interpolation needs at least 2 steps, not \(steps)")
      }
      let ends = draw(request.count + 1)
      let weights = Tensor.linspace(0, 1, steps).reshaped([steps, 1])
      return .concatenated(
        (0..<request.count).map {
          spherical(ends.slice(0, $0, $0 + 1), ends.slice(0, $0 + 1, $0 + 2), weights)
        },
        dim: 0)
    case .traversal(let dimension, let from, let to, let steps):
      guard (0..<size).contains(dimension) else {
        throw ConfigurationError("there is no latent dimension \(dimension); they are 0 … \(size - 1)")
      }
      let base = draw(request.count).unsqueezed(1).expanded([request.count, steps, size])
      let moved = Tensor.linspace(from, to, steps).reshaped([1, steps, 1])
      let mask = Tensor([dimension]).oneHot(size).reshaped([1, 1, size])
      return (base * (1 - mask) + moved * mask).reshaped([request.count * steps, size])
    }
  }

  /// Draws entries beyond the limit again; after 30 rounds what is left is clamped, which for any
  /// sensible limit never happens.
  private func truncated(_ latents: Tensor, limit: Double, draws: any Draws) -> Tensor {
    var result = latents
    for _ in 0..<30 {
      let outside = result.abs().greater(limit)
      guard outside.any().item() != 0 else { return result }
      result = .select(outside, draws.normal("latent", result.shape), result)
    }
    return result.clamped(min: -limit, max: limit)
  }

  private func spherical(_ a: Tensor, _ b: Tensor, _ weights: Tensor) -> Tensor {
    let cosine = (a * b).sum(dims: [1], keepDim: true) / (a.norm() * b.norm())
    let angle = acos(min(1, max(-1, cosine.item())))
    guard angle > 1e-4 else { return a * (1 - weights) + b * weights }
    let sine = sin(angle)
    return a * (((1 - weights) * angle).sin() / sine) + b * ((weights * angle).sin() / sine)
  }
}
