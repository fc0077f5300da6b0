public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// The deepfake autoencoder: one encoder for the faces of two people, a decoder for each of them; what one decoder makes of
/// the other's face is a swapped face.
///
/// It has no paper: an anonymous program of 2017, kept by deepfakes/faceswap (GPL-3.0) as its model `original`. Reference:
/// `plugins/train/model/original.py`, `lib/model/nn_blocks.py`, `lib/training/augmentation.py`, of which layers, formulas
/// and constants are taken.
///
/// Both autoencoders learn with one optimiser to give back faces as they were before the encoder's were warped, so that the
/// code holds pose and expression, and a decoder whatever is the same in all faces of its person.
///
/// Deviations are on the system's page.
public final class DeepfakeAutoencoder: TranslatingSystem {
  /// The name, the origin and the reference implementation.
  public static let identity = SystemIdentity(
    name: "deepfake-autoencoder", summary: "The faces of two people swapped, learned from their faces alone",
    paper: "none; the program deepfakes of 2017",
    reference: "deepfakes/faceswap plugins/train/model/original.py")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `encoder`, `decoderA`, `decoderB`.
  public let networks: [Network]
  private let encoder: FaceEncoder
  private let decoderA: FaceDecoder
  private let decoderB: FaceDecoder
  private let optimizer: Optimizer
  private let losses: [(loss: FaceLoss, weight: Double)]

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    losses = try configuration.losses
    encoder = FaceEncoder(configuration, using: stream)
    decoderA = FaceDecoder(configuration, using: stream)
    decoderB = FaceDecoder(configuration, using: stream)
    optimizer = configuration.adam.optimizer(
      namedParameters(of: ["encoder": encoder, "decoderA": decoderA, "decoderB": decoderB]),
      learningRate: configuration.learningRate)
    networks = Self.describe(encoder, [("A", decoderA), ("B", decoderB)])
  }

  /// One for the encoder and both decoders.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("autoencoders", optimizer)] }

  // MARK: Training

  /// What the encoder sees of a batch, and what the decoder is to give.
  private struct Faces {
    let source: Tensor
    let target: Tensor
    let mask: Tensor?
  }

  /// One step: both people's faces, warped, given back as they were.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let sides = [("A", decoderA, faces("A", of: batch, step)), ("B", decoderB, faces("B", of: batch, step))]
    let terms = try step.update("autoencoders", optimizer) { loss in
      for (name, decoder, faces) in sides {
        let made = decoder(encoder(faces.source))
        var total = losses.dropFirst().reduce(losses[0].loss(made.image, faces.target)) { sum, further in
          sum + further.loss(made.image, faces.target) * further.weight
        }
        if let mask = faces.mask, let madeMask = made.mask {
          let difference = meanSquaredError(madeMask, mask)
          step.log("mask" + name, difference)
          total = total + difference
        }
        loss.add(name, total)
        loss.backward()
      }
    }
    step.log("total", terms.total)
  }

  /// The faces of one side; recorded batches hold them warped already.
  private func faces(_ name: String, of batch: Batch, _ step: TrainingStep) -> Faces {
    if let source = batch.tensors["source" + name] {
      return Faces(source: source, target: batch["target" + name], mask: batch.tensors["mask" + name])
    }
    let (source, target) = withoutGradients {
      configuration.augmentation(batch[name], side: name, draws: step.draws)
    }
    let channels = configuration.images.imageChannels
    return Faces(
      source: source.narrow(1, from: 0, length: channels),
      target: target.narrow(1, from: 0, length: channels),
      mask: configuration.learnMask ? target.narrow(1, from: channels, length: 1) : nil)
  }

  // MARK: Generation

  /// False: the encoder's dense layers take one size.
  public var exportsAnySize: Bool { false }

  /// The same faces as the other person's, in 0 … 1; with `learnMask` the mask is their alpha.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    let decoder = direction.target == "A" ? decoderA : decoderB
    let made = decoder(encoder(pictures.narrow(1, from: 0, length: configuration.images.imageChannels)))
    return made.mask.map { .concatenated([made.image, $0], dim: 1) } ?? made.image
  }
}
