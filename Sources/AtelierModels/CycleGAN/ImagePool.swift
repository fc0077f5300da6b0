package import AtelierCore
package import Torch
package import TorchNN

/// Generated images of earlier steps, of which a discriminator sees some again, so that it does not
/// forget what the generator did before.
///
/// Source: Shrivastava et al. 2017, section 2.3; junyanz/pytorch-CycleGAN-and-pix2pix `util/image_pool.py`:
/// each image of a batch on its own; while the pool fills, it is kept and given back; afterwards half of
/// the time it takes the place of a random one, which is given back in its stead.
package final class ImagePool {
  private let name: String
  private let capacity: Int
  private var pictures: [Tensor] = []

  /// - Parameters:
  ///   - name: what its draws and its state are called.
  ///   - capacity: how many images it holds; 0: it gives back what it is given.
  package init(_ name: String, capacity: Int) {
    self.name = name
    self.capacity = capacity
  }

  /// What the discriminator is to see in place of `[batch, channels, height, width]`, without history.
  ///
  /// Among several processes the pool is that of the whole batch, which each of them keeps, and takes its part of.
  package func exchanged(_ batch: Tensor, draws: any Draws) -> Tensor {
    guard capacity > 0 else { return batch.detached() }
    return exchangedWhole(batch.detached().gatheredOverProcesses(), draws: draws).ownRows()
  }

  /// The same for the images of the whole batch, `[count, channels, height, width]`, all of which come back.
  func exchangedWhole(_ batch: Tensor, draws: any Draws) -> Tensor {
    guard capacity > 0 else { return batch }
    let draws = draws.common
    var isChanged = false
    let seen = (0..<batch.shape[0]).map { index in
      let picture = batch.slice(0, index, index + 1)
      if pictures.count < capacity {
        pictures.append(picture.cloned())
        return picture
      }
      guard draws.uniform(name + ".exchange", [1]).item() > 0.5 else { return picture }
      let place = Int(draws.integers(name + ".place", below: capacity, [1]).item())
      let old = pictures[place]
      pictures[place] = picture.cloned()
      isChanged = true
      return old
    }
    return isChanged ? .concatenated(seen, dim: 0) : batch
  }

  /// The images `[count, channels, height, width]` under the pool's name; nothing while there are none.
  package func state() -> [(name: String, tensor: HostTensor)] {
    pictures.isEmpty ? [] : [(name, Tensor.concatenated(pictures, dim: 0).contiguous().host())]
  }

  /// Puts back what ``state()`` gave.
  ///
  /// - Parameter channels: of the images that the pool is for.
  /// - Throws: ``ConfigurationError`` for more images than the pool holds, or others.
  package func restore(_ state: HostTensor?, channels: Int, device: Device) throws(ConfigurationError) {
    guard let state else {
      pictures = []
      return
    }
    guard state.shape.count == 4, state.shape[0] <= capacity, state.shape[1] == channels else {
      throw ConfigurationError(
        "the checkpoint's pool '\(name)' is \(state.shape), and this one holds \(capacity) images of "
          + "\(channels) channels; keep poolSize and the channels as they were")
    }
    let all = Tensor(state, device: device)
    pictures = (0..<state.shape[0]).map { all.slice(0, $0, $0 + 1).cloned() }
  }
}
