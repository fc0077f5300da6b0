/// Batch normalisation by the statistics of all processes' batches together, where this process has a part of a batch.
///
/// The mean comes first and the variance about it after, two small sums over the processes in a forward pass and two in
/// a backward pass. Both are differentiated, twice where a penalty asks for it, so that every process gets the gradient
/// of the whole batch. The processes may have parts of different sizes. Statistics are float32, as without processes.
func synchronizedBatchNorm(
  _ x: Tensor, weight: Tensor?, bias: Tensor?, runningMean: Tensor?, runningVariance: Tensor?,
  momentum: Double, epsilon: Double
) -> Tensor {
  withoutAutocast(on: x.device) {
    let channels = x.shape[1]
    let others = [0] + Array(2..<x.rank)
    let across = [1, channels] + [Int](repeating: 1, count: x.rank - 2)
    let wide = x.dtype == .float32 || x.dtype == .float64 ? x : x.asType(.float32)
    let own = Tensor.full([1], Double(x.count / max(1, channels)), dtype: wide.dtype, device: x.device)
    let sums = Tensor.concatenated([wide.sum(dims: others), own], dim: 0).summedOverProcesses()
    let count = sums.narrow(0, from: channels, length: 1).detached()
    let mean = sums.narrow(0, from: 0, length: channels) / count
    let centred = wide - mean.reshaped(across)
    let variance = centred.square().sum(dims: others).summedOverProcesses() / count
    withoutGradients {
      let examples = count.item()
      runningMean?.lerpInPlace(to: mean.detached(), weight: momentum)
      runningVariance?.lerpInPlace(
        to: variance.detached() * (examples / max(1, examples - 1)), weight: momentum)
    }
    var result = centred * (variance + epsilon).rsqrt().reshaped(across)
    if let weight { result = result * weight.reshaped(across) }
    if let bias { result = result + bias.reshaped(across) }
    return result.dtype == x.dtype ? result : result.asType(x.dtype)
  }
}
