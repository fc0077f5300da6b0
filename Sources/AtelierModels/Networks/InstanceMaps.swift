import AtelierCore
package import Torch

/// Label or instance maps as int64 `[batch, height, width]`, given so or with one channel.
func flatMap(_ map: Tensor) -> Tensor {
  let flat = map.rank == 4 ? map.squeezed(1) : map
  return flat.dtype == .int64 ? flat : flat.asType(.int64)
}

/// One-hot labels `[batch, classes, height, width]`, float32, of a map `[batch, height, width]`.
func oneHotLabels(_ map: Tensor, classes: Int) -> Tensor {
  flatMap(map).oneHot(classes).permuted([0, 3, 1, 2])
}

/// Where instances meet: 1 at every pixel that has a horizontal or vertical neighbour of another id, float32
/// `[batch, 1, height, width]`.
///
/// Source: Wang et al. 2018, section 3.3; NVIDIA/pix2pixHD `models/pix2pixHD_model.py` `get_edges`.
package func instanceEdges(_ instances: Tensor) -> Tensor {
  let map = flatMap(instances).unsqueezed(1)
  // Ends that hold for every size, because a recording keeps them.
  let across = map.slice(3, 1, .max).notEqual(map.slice(3, 0, -1)).asType(.float32)
  let down = map.slice(2, 1, .max).notEqual(map.slice(2, 0, -1)).asType(.float32)
  let edges =
    across.padded([1, 0, 0, 0]) + across.padded([0, 1, 0, 0]) + down.padded([0, 0, 1, 0])
    + down.padded([0, 0, 0, 1])
  return edges.greater(0).asType(.float32)
}

/// Which instance each pixel of a batch belongs to, numbered anew; examples keep to themselves.
package struct InstanceIndex {
  /// Instances in all examples together.
  package let count: Int
  /// The instance's number of every pixel, example by example and row by row.
  private let places: Tensor
  private let sides: (batch: Int, height: Int, width: Int)

  /// Numbers the instances of a map of ids, int64 `[batch, height, width]` or with one channel.
  package init(_ instances: Tensor) {
    let map = flatMap(instances)
    let shape = map.shape
    sides = (shape[0], shape[1], shape[2])
    let area = shape[1] * shape[2]
    let ids = map.contiguous().integers()
    var numbers: [Int] = []
    numbers.reserveCapacity(ids.count)
    var count = 0
    for example in 0..<shape[0] {
      var known: [Int: Int] = [:]
      for id in ids[(example * area)..<((example + 1) * area)] {
        let number = known[id] ?? count
        if number == count {
          known[id] = number
          count += 1
        }
        numbers.append(number)
      }
    }
    self.count = count
    places = Tensor(numbers, device: map.device)
  }

  /// Features `[batch, channels, height, width]` with each instance's mean in place of its values.
  ///
  /// Source: Wang et al. 2018, section 3.4; NVIDIA/pix2pixHD `models/networks.py` `Encoder.forward`.
  package func means(_ features: Tensor) -> Tensor {
    let channels = features.shape[1]
    let rows = features.permuted([0, 2, 3, 1]).reshaped([places.count, channels])
    func summed(_ values: Tensor) -> Tensor {
      let indices = places.unsqueezed(1).expanded(values.shape)
      return Tensor.zeros([count, values.shape[1]], device: features.device).scatterAdded(0, indices, values)
    }
    return spread(summed(rows) / summed(.ones([places.count, 1], device: features.device)))
  }

  /// Values `[count, channels]`, one row an instance, at every pixel of theirs: `[batch, channels, height,
  /// width]`.
  package func spread(_ values: Tensor) -> Tensor {
    values.indexSelected(0, places).reshaped([sides.batch, sides.height, sides.width, values.shape[1]])
      .permuted([0, 3, 1, 2])
  }
}
