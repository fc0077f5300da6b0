import Torch

/// Where the head is in pictures of poses: their white points, which ``PoseDrawing`` draws for the nose and the face.
struct HeadBox {
  /// First row, end row, first column, end column, ends excluded: the size of every box, and its place where no head is drawn.
  let standard: [Int]
  /// Whether boxes follow the head.
  let follows: Bool

  /// The value in -1 … 1 from which on all channels of a white point are.
  private static let white = 0.2

  /// The box of each picture `[n, 3, height, width]` in -1 … 1: around the head and within the picture.
  func boxes(_ poses: Tensor) -> [[Int]] {
    let (count, height, width) = (poses.shape[0], poses.shape[2], poses.shape[3])
    guard follows else { return [[Int]](repeating: standard, count: count) }
    let (rows, columns) = (standard[1] - standard[0], standard[3] - standard[2])
    return withoutGradients {
      let head = Self.marks(poses)
      return (0..<count).map { index in
        let one = head.selected(dim: 0, index: index).to(.cpu)
        let size = one.sum().item()
        guard size > 0 else { return standard }
        func middle(_ dim: Int, _ length: Int) -> Double {
          let shares = one.sum(dims: [1 - dim])
          return (shares * Tensor.arange(length).asType(.float32)).sum().item() / size + 0.5
        }
        func first(_ middle: Double, _ side: Int, _ length: Int) -> Int {
          max(0, min(length - side, Int((middle - Double(side) / 2).rounded())))
        }
        let top = first(middle(0, height), rows, height)
        let left = first(middle(1, width), columns, width)
        return [top, top + rows, left, left + columns]
      }
    }
  }

  /// 1 at the white points of pictures `[n, 3, height, width]` in -1 … 1, float32 `[n, height, width]`.
  static func marks(_ poses: Tensor) -> Tensor {
    let lit = poses.greater(white).asType(.float32)
    let channels = (0..<3).map { lit.selected(dim: 1, index: $0) }
    return channels[0] * channels[1] * channels[2]
  }

  /// What lies in the box of each picture of a batch.
  static func cut(_ images: Tensor, _ boxes: [[Int]]) -> Tensor {
    if let first = boxes.first, boxes.allSatisfy({ $0 == first }) {
      return images.slice(2, first[0], first[1]).slice(3, first[2], first[3])
    }
    return .concatenated(
      boxes.enumerated().map { index, box in
        images.slice(0, index, index + 1).slice(2, box[0], box[1]).slice(3, box[2], box[3])
      }, dim: 0)
  }

  /// Boxes put into black pictures of a size.
  static func paste(_ parts: Tensor, _ boxes: [[Int]], height: Int, width: Int) -> Tensor {
    func padded(_ part: Tensor, _ box: [Int]) -> Tensor {
      part.padded([box[2], width - box[3], box[0], height - box[1]])
    }
    if let first = boxes.first, boxes.allSatisfy({ $0 == first }) { return padded(parts, first) }
    return .concatenated(
      boxes.enumerated().map { padded(parts.slice(0, $0, $0 + 1), $1) }, dim: 0)
  }
}
