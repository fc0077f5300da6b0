import AtelierData
import Foundation
public import Torch
public import TorchNN

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

extension Request {
  /// The outputs that are decoded at a time, at most 100, of those that are wanted.
  package func pieces(of total: Int) -> [Range<Int>] {
    let wanted = (part ?? 0..<total).clamped(to: 0..<total)
    return stride(from: wanted.lowerBound, to: wanted.upperBound, by: 100).map {
      $0..<min($0 + 100, wanted.upperBound)
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

  /// The name of the output that latent vectors are decoded into.
  package var imageOutput: String { plan.outputs.first?.name ?? "image" }

  /// Images in -1 … 1 for a request, at most 100 a piece so that memory stays bounded.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    try drawImages(request, emit: emit)
  }

  /// Images for a request by the networks as they are, at most 100 a piece.
  package func drawImages(_ request: Request, emit: (Output) throws -> Void) throws {
    let latents = try latents(for: request)
    let total = latents.shape[0]
    let labels = try labels(for: request, count: total)
    let name = imageOutput
    for piece in request.pieces(of: total) {
      let (start, end) = (piece.lowerBound, piece.upperBound)
      let picked = labels.map { Tensor(Array($0[start..<end]), device: latents.device) }
      try emit(Output(name, decode(latents.slice(0, start, end), labels: picked)))
    }
  }

  /// The class of each output; nil where the system has none.
  package func labels(for request: Request, count: Int) throws -> [Int]? {
    guard let classes = classCount else {
      if request.labels("label") != nil {
        throw ConfigurationError("\(Self.identity.name) has no classes, and the request names some")
      }
      return nil
    }
    let wanted = request.labels("label") ?? Array(0..<classes)
    guard !wanted.isEmpty, let worst = wanted.first(where: { !(0..<classes).contains($0) }) else {
      return (0..<count).map { wanted.isEmpty ? 0 : wanted[$0 % wanted.count] }
    }
    throw ConfigurationError("there is no class \(worst); the classes are 0 … \(classes - 1)")
  }

  /// The latents `[n, size]` that a request stands for.
  package func latents(for request: Request) throws -> Tensor {
    let (size, distribution) = (latentSpace.size, latentSpace.distribution)
    let sampling = try request.sampling(as: LatentSampling.self)
    func draw(_ count: Int) -> Tensor {
      let drawn = distribution.draw("latent", [count, size], from: request.draws)
      guard let limit = sampling.truncation, distribution == .normal else { return drawn }
      return truncated(drawn, limit: limit, draws: request.draws)
    }
    switch sampling.path {
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
