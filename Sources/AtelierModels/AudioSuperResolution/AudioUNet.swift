import AtelierCore
import Torch
import TorchNN

/// The network of audio super-resolution: strided convolutions down, convolutions and subpixel layers up, with skips, and
/// the signal itself added at the end. Signals are `[batch, 1, samples]`, samples a multiple of ``sampleMultiple``.
final class AudioUNet: Module, Layer {
  private let downsampling: [Conv1d]
  private let bottleneck: Conv1d
  private let upsampling: [Conv1d]
  private let last: Conv1d
  /// Layers that multiply blocks of an activation by what a recurrence over the blocks says; none in the plain form.
  private let downFilm: [TemporalFiLM]
  private let bottleneckFilm: TemporalFiLM?
  private let upFilm: [TemporalFiLM]
  private let dropout: Double
  private let isFilm: Bool

  init(_ configuration: AudioSuperResolution.Configuration, using stream: RandomStream) {
    let (filters, kernels) = (configuration.filters, configuration.kernelSizes)
    let depth = configuration.layers
    let isFilm = configuration.form == .temporalFiLM
    let stride = isFilm ? 1 : 2
    let dilation = isFilm ? configuration.dilation : 1
    self.isFilm = isFilm
    dropout = configuration.dropout

    func layer(_ inputs: Int, _ outputs: Int, _ kernel: Int, _ stride: Int = 1, dilation: Int = 1) -> Conv1d {
      let layer = Conv1d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, stride: stride,
        dilation: dilation,
        using: stream)
      withoutGradients {
        stream.fillOrthogonal(layer.weight)
        layer.bias?.fill(0)
      }
      return layer
    }
    var channels = 1
    downsampling = (0..<depth).map { level in
      defer { channels = filters[level] }
      return layer(channels, filters[level], kernels[level], stride, dilation: dilation)
    }
    let deepest = (filters: filters[filters.count - 1], kernel: kernels[kernels.count - 1])
    bottleneck = layer(channels, deepest.filters, deepest.kernel, stride, dilation: dilation)
    channels = deepest.filters
    upsampling = (0..<depth).reversed().map { level in
      defer { channels = 2 * filters[level] }
      return layer(channels, 2 * filters[level], kernels[level], dilation: dilation)
    }
    let last = Conv1d(inputChannels: channels, outputChannels: 2, kernelSize: 9, using: stream)
    withoutGradients {
      stream.fillNormal(last.weight, standardDeviation: 1e-3)
      last.bias?.fill(0)
    }
    self.last = last
    let blocks = configuration.filmBlock
    downFilm =
      isFilm ? (0..<depth).map { TemporalFiLM(filters[$0], block: max(1, blocks >> $0), using: stream) } : []
    bottleneckFilm =
      isFilm ? TemporalFiLM(deepest.filters, block: max(1, blocks >> depth), using: stream) : nil
    upFilm =
      isFilm
      ? (0..<depth).reversed().map {
        TemporalFiLM(filters[$0], block: max(1, blocks >> depth), using: stream)
      } : []
  }

  func callAsFunction(_ signal: Tensor) -> Tensor {
    var x = signal
    var skips: [Tensor] = []
    for (level, convolution) in downsampling.enumerated() {
      x = shrunk(convolution, x).leakyRelu(0.2)
      if isFilm { x = downFilm[level](x) }
      skips.append(x)
    }
    x = dropped(shrunk(bottleneck, x), "bottleneck").leakyRelu(0.2)
    if let bottleneckFilm { x = bottleneckFilm(x) }
    for (index, convolution) in upsampling.enumerated() {
      x = Self.subpixel(dropped(same(convolution, x), "up.\(index)").relu(), factor: 2)
      if isFilm { x = upFilm[index](x) }
      x = Tensor.concatenated([x, skips[skips.count - 1 - index]], dim: 1)
    }
    return Self.subpixel(same(last, x), factor: 2) + signal
  }

  /// Half as many samples: by the convolution's stride, or by the larger of two neighbours.
  private func shrunk(_ convolution: Conv1d, _ x: Tensor) -> Tensor {
    let y = same(convolution, x)
    guard isFilm else { return y }
    return maxPool2d(y.unsqueezed(2), kernelSize: (1, 2), stride: (1, 2)).squeezed(2)
  }

  /// TensorFlow's padding `same`: of an odd number of zeros one more lies behind.
  private func same(_ convolution: Conv1d, _ x: Tensor) -> Tensor {
    let padding = convolution.samePadding(of: x.shape[2])
    return convolution(x.padded([padding / 2, padding - padding / 2]))
  }

  private func dropped(_ x: Tensor, _ name: String) -> Tensor {
    guard isTraining, dropout > 0 else { return x }
    return TorchNN.dropout(x, probability: dropout, drawName: name, maskShape: x.shape)
  }

  /// `[batch, factor * channels, samples]` to `[batch, channels, factor * samples]`: channel c at sample
  /// factor · t + i is input channel i · channels + c at t.
  static func subpixel(_ x: Tensor, factor: Int) -> Tensor {
    let (batch, channels, samples) = (x.shape[0], x.shape[1] / factor, x.shape[2])
    return x.reshaped([batch, factor, channels, samples]).permuted([0, 2, 3, 1])
      .reshaped([batch, channels, samples * factor])
  }
}

/// Temporal feature-wise modulation (Birnbaum et al. 2019): the largest values of each block of time go through an LSTM,
/// whose outputs multiply the blocks.
final class TemporalFiLM: Module {
  private let lstm: Recurrent
  private let block: Int

  init(_ channels: Int, block: Int, using stream: RandomStream) {
    lstm = Recurrent(cell: .lstm, inputSize: channels, hiddenSize: channels, using: stream)
    self.block = block
  }

  /// `[batch, channels, samples]`, samples a multiple of the block.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let (batch, channels, samples) = (x.shape[0], x.shape[1], x.shape[2])
    let pooled = maxPool2d(x.unsqueezed(2), kernelSize: (1, block), stride: (1, block)).squeezed(2)
    let factors = lstm(pooled.permuted([2, 0, 1])).output.permuted([1, 2, 0])
    return (x.reshaped([batch, channels, samples / block, block]) * factors.unsqueezed(3))
      .reshaped([batch, channels, samples])
  }
}
