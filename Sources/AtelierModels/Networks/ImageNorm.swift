import AtelierCore
import TorchNN

/// A normalisation that networks on images are built with.
protocol MapNorm {
  /// A layer for `[batch, channels, height, width]`; nothing at all still takes its place in a chain.
  func layer(_ channels: Int) -> any Layer
}

/// The normalisation between the convolutions of networks that turn images into images.
public enum ImageNorm: String, Sendable, Hashable, Codable, CaseIterable, MapNorm {
  /// Batch normalisation with scale, shift and running statistics.
  case batch
  /// Instance normalisation without parameters or statistics.
  case instance
  /// None.
  case none

  /// A layer for `[batch, channels, height, width]`; nothing at all still takes its place in a chain.
  func layer(_ channels: Int) -> any Layer {
    switch self {
    case .batch: BatchNorm2d(channels: channels)
    case .instance: InstanceNorm2d(channels: channels)
    case .none: Identity()
    }
  }

  /// Whether CycleGAN's and pix2pix's authors give the convolution in front of the norm a bias: only where
  /// it is instance normalisation, although it takes the bias away again.
  var keepsBias: Bool { self == .instance }
}
