import AtelierCore
import AtelierData
public import Foundation
import Torch
import TorchNN

/// What an exported module computes: a system's generation as a function of tensors alone.
struct ExportPlan {
  /// One size of a condition, where the system takes more than one.
  struct Size: Sendable, Hashable {
    let height: Int
    let width: Int
  }

  /// An input that the caller gives: a condition, a latent vector, a class.
  struct Input {
    let name: String
    /// What a person should give.
    let meaning: String
    /// What its sides have to be multiples of; nil where it has none.
    let sizeMultiple: Int?
    /// A random one.
    let make: (_ batch: Int, _ size: Size?, _ stream: RandomStream) -> Tensor
  }

  /// The inputs before the noise.
  let inputs: [Input]
  /// What the output is, for people.
  let output: String
  /// The direction, where the system has several.
  let direction: String?
  /// What the numbers of a size are called; the second is empty where there is one.
  var sides = ["height", "width"]
  /// The sizes to be checked; the first is the one that is recorded. Nil where there is only one.
  let sizes: [Size?]
  /// The output for the inputs in their order.
  let compute: ([Tensor], any Draws) throws -> Tensor

  /// The plan of a system.
  ///
  /// - Throws: ``ExportError`` for a system whose generation is not a function of tensors.
  static func of(_ system: any GenerativeSystem, direction: String?) throws -> ExportPlan {
    if let system = system as? any ExportingSystem {
      return function(try system.exportedFunction(direction: direction), direction)
    }
    if let system = system as? any TranslatingSystem { return try translating(system, direction) }
    if direction != nil { throw ExportError("this system has no directions; leave the direction out") }
    if let system = system as? any LatentSystem { return latent(system) }
    throw ExportError(
      "what this system generates is no function of tensors, so TorchScript cannot hold it; "
        + "its weights can be exported as safetensors")
  }

  private static func function(_ function: ExportedFunction, _ direction: String?) -> ExportPlan {
    ExportPlan(
      inputs: function.inputs.map { input in
        Input(name: input.name, meaning: input.meaning, sizeMultiple: input.sizeMultiple) {
          batch, size, stream in
          input.make(
            batch, size.map { Array([$0.height, $0.width].prefix(function.sides.count)) } ?? [], stream)
        }
      },
      output: function.output, direction: direction, sides: function.sides,
      sizes: function.sizes.isEmpty
        ? [nil] : function.sizes.map { Size(height: $0[0], width: $0.count > 1 ? $0[1] : 1) },
      compute: { tensors, _ in try function.compute(tensors) })
  }

  private static func translating(
    _ system: any TranslatingSystem, _ name: String?
  ) throws -> ExportPlan {
    let direction = try system.direction(named: name)
    guard let kind = system.plan.fields.first(where: { $0.name == direction.source })?.kind
    else { throw ExportError("the direction \(direction.name) starts from no field of the system") }
    let multiple = direction.sizeMultiple
    let make: (Int, Size, RandomStream) -> Tensor
    let (height, width): (Int, Int)
    let meaning: String
    switch kind {
    case .image(let channels, let h, let w, let range):
      (height, width) = (h, w)
      meaning = "an image of \(channels) channels in \(text(range))"
      make = { batch, size, stream in
        let drawn = stream.uniform([batch, channels, size.height, size.width])
        return range == .unit ? drawn : drawn * 2 - 1
      }
    case .labelMap(let classes, let h, let w):
      (height, width) = (h, w)
      meaning = "a map of the classes 0 … \(classes - 1)"
      make = { batch, size, stream in stream.integers(below: classes, [batch, size.height, size.width]) }
    default: throw ExportError("the direction \(direction.name) does not start from images")
    }
    let all = system.directions
    let own = Size(height: height, width: width)
    // Sides that differ show whether a recording mixed them up.
    let larger = Size(height: height + multiple, width: width + 2 * multiple)
    return ExportPlan(
      inputs: [
        Input(
          name: direction.source, meaning: system.exportsAnySize ? meaning : meaning + ", of this size only",
          sizeMultiple: system.exportsAnySize ? multiple : nil
        ) { batch, size, stream in
          make(batch, size ?? own, stream)
        }
      ],
      output: "an image in \(text(system.range(of: direction.target)))",
      direction: all.count > 1 ? direction.name : nil,
      sizes: system.exportsAnySize ? [own, larger] : [own],
      compute: { tensors, draws in try system.translate(tensors[0], direction: direction, draws: draws) })
  }

  private static func latent(_ system: some LatentSystem) -> ExportPlan {
    let (length, distribution) = (system.latentSpace.size, system.latentSpace.distribution)
    let drawn =
      switch distribution {
      case .normal: "standard normal"
      case .symmetricUniform: "uniform in -1 … 1"
      case .unitUniform: "uniform in 0 … 1"
      }
    var inputs = [
      Input(name: "latent", meaning: "latent vectors of \(length) numbers, \(drawn)", sizeMultiple: nil) {
        batch, _, stream in distribution.draw("latent", [batch, length], from: StreamDraws(stream))
      }
    ]
    if let classes = system.classCount {
      inputs.append(
        Input(name: "label", meaning: "classes 0 … \(classes - 1)", sizeMultiple: nil) { batch, _, stream in
          stream.integers(below: classes, [batch])
        })
    }
    return ExportPlan(
      inputs: inputs, output: "an image in \(text(.signed))", direction: nil, sizes: [nil],
      compute: { tensors, _ in try system.decode(tensors[0], labels: tensors.count > 1 ? tensors[1] : nil) })
  }

  private static func text(_ range: ImageRange) -> String { range == .signed ? "-1 … 1" : "0 … 1" }
}

/// Why a model could not be exported; one sentence that names the way out.
public struct ExportError: Error, Sendable, CustomStringConvertible, LocalizedError {
  /// The sentence.
  public let description: String
  /// Whether the exported module does not do what the system does, which no choice of the user's could mend.
  public let isInternal: Bool

  init(_ description: String, isInternal: Bool = false) {
    self.description = description
    self.isInternal = isInternal
  }

  /// The same sentence, for Foundation.
  public var errorDescription: String? { description }
}
