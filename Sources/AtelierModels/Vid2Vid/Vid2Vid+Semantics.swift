public import AtelierCore
public import AtelierData
package import Torch
import TorchNN

// What frames are made for: classes or pictures, and edges between instances.

extension Vid2Vid {
  /// Takes over the data's classes, where maps are of classes.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    let found = data.description.classNames.count
    if configuration.semantics == .oneHot, found > 0 {
      configuration.semanticChannels = found
      if let missing = configuration.foregroundChannels.first(where: { $0 >= found }) {
        throw ConfigurationError(
          "foregroundChannels names the class \(missing), and the data have \(found) classes; set foregroundChannels to "
            + "theirs, or to [] for no foreground")
      }
    }
    return configuration
  }

  /// Semantic frames `[batch, time, channels, height, width]` of a batch.
  package func semantics(of batch: Batch) -> Tensor {
    batch.tensors["semantics"] ?? semantics(batch[configuration.source], batch.tensors[Videos.instance])
  }

  /// Semantic frames of maps `[…, height, width]` or pictures `[…, channels, height, width]`: one-hot classes, or the
  /// pictures, and the edges of a map of instances, or without one of the map of classes.
  package func semantics(_ source: Tensor, _ instances: Tensor?) -> Tensor {
    let isMap = configuration.semantics == .oneHot
    let channels = isMap ? oneHot(source) : source
    guard configuration.instanceEdges, let instances = instances ?? (isMap ? source : nil) else {
      return channels
    }
    let shape = channels.shape
    let edges = instanceEdges(instances.reshaped([-1] + Array(shape.suffix(2))))
    return .concatenated(
      [channels, edges.reshaped(Array(shape.dropLast(3)) + [1] + Array(shape.suffix(2)))],
      dim: shape.count - 3)
  }

  /// Half of the sequences are mirrored, maps and frames alike.
  func mirrored(_ maps: Tensor, _ frames: Tensor, _ step: TrainingStep) -> (Tensor, Tensor) {
    guard configuration.flips else { return (maps, frames) }
    let chosen = step.draws.uniform("flip", [frames.shape[0], 1, 1, 1, 1]).less(0.5)
    func half(_ video: Tensor) -> Tensor { .select(chosen, video.flipped([4]), video) }
    return (half(maps), half(frames))
  }

  /// Channels of classes of maps `[…, height, width]`.
  private func oneHot(_ maps: Tensor) -> Tensor {
    let rank = maps.rank
    return maps.asType(.int64).oneHot(configuration.semanticChannels)
      .permuted(Array(0..<(rank - 2)) + [rank, rank - 2, rank - 1])
  }
}

/// Frames `[batch · time, …]` of a video.
func flatFrames(_ video: Tensor) -> Tensor { video.reshaped([-1] + Array(video.shape.suffix(3))) }
