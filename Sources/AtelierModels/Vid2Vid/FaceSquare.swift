package import Torch

/// Where a face is in semantic frames: the square that vid2vid's discriminator of faces judges.
///
/// Source: NVIDIA/vid2vid `models/vid2vid_model_D.py` `get_face_region`.
package struct FaceSquare {
  /// How semantic frames say where faces are.
  package let mark: Vid2Vid.Configuration.FaceDiscriminator
  /// Sides of the square in pixels, an even number.
  package let side: Int

  /// Squares of a size.
  package init(mark: Vid2Vid.Configuration.FaceDiscriminator, side: Int) {
    (self.mark, self.side) = (mark, side)
  }

  /// The square around all that marks a face in some frames of one example: its first row and column.
  ///
  /// - Parameter frames: `[time, channels, height, width]` in -1 … 1 or 0 … 1.
  /// - Returns: nil where nothing marks one.
  package func place(in frames: Tensor) -> (row: Int, column: Int)? {
    withoutGradients {
      let marked = marks(frames).asType(.float32)
      func middle(_ others: [Int], _ length: Int) -> Int? {
        let found = marked.sum(dims: others).floats()
        guard let first = found.firstIndex(where: { $0 > 0 }), let last = found.lastIndex(where: { $0 > 0 })
        else { return nil }
        return max(side / 2, min(length - 1 - side / 2, (first + last) / 2))
      }
      guard let row = middle([0, 2], frames.shape[2]), let column = middle([0, 1], frames.shape[3]) else {
        return nil
      }
      return (row - side / 2, column - side / 2)
    }
  }

  /// Which pixels mark a face, `[time, height, width]`.
  private func marks(_ frames: Tensor) -> Tensor {
    func channel(_ number: Int) -> Tensor { frames.selected(dim: 1, index: number) }
    func isBetween(_ number: Int, _ lowest: Double, _ highest: Double) -> Tensor {
      channel(number).greater(lowest).asType(.float32) * channel(number).less(highest).asType(.float32)
    }
    return switch mark {
    case .none: Tensor.zeros(like: channel(0))
    case .densepose: channel(2).greater(0.9)
    // (153, 0, 51) of 255.
    case .openpose:
      isBetween(0, 0.19, 0.21) * channel(1).less(-0.99).asType(.float32) * isBetween(2, -0.61, -0.59)
    case .poseDrawing: HeadBox.marks(frames)
    }
  }

  /// What lies in the squares of examples that have one, one behind the other.
  ///
  /// - Parameters:
  ///   - video: `[batch, time, channels, height, width]`.
  ///   - places: of each example.
  /// - Returns: `[examples · time, channels, side, side]`.
  func cut(_ video: Tensor, _ places: [(row: Int, column: Int)?]) -> Tensor {
    .concatenated(
      places.enumerated().compactMap { index, place in
        place.map {
          video.selected(dim: 0, index: index).narrow(2, from: $0.row, length: side)
            .narrow(3, from: $0.column, length: side)
        }
      }, dim: 0)
  }
}
