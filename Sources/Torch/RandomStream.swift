internal import CTorch

/// A random generator that draws the numbers of PyTorch's CPU generator.
///
/// Streams draw on the CPU and results are moved, so that a seed gives the same numbers on every device.
/// There is no global generator.
public final class RandomStream {
  let generator: OpaquePointer

  /// A stream with the numbers of `torch.Generator().manual_seed(seed)`.
  public init(seed: UInt64) {
    guard let generator = CTGeneratorCreate(seed) else {
      fatalError("RandomStream: the engine made no generator: \(String(cString: CTLastError()))")
    }
    self.generator = generator
  }

  /// An independent stream for a purpose, process and step of a run.
  ///
  /// Streams keyed by the step need no saved state: resuming at step k creates the same stream again. The
  /// engine's Mersenne twister uses 32 bits of the seed, so the key is hashed (FNV-1a, then the finaliser of
  /// SplitMix64) rather than added up.
  public convenience init(seed: UInt64, purpose: String, rank: Int = 0, step: Int = 0) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    for byte in purpose.utf8 { mix(byte) }
    for number in [seed, UInt64(truncatingIfNeeded: rank), UInt64(truncatingIfNeeded: step)] {
      for shift in stride(from: 0, to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    }
    hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
    self.init(seed: hash ^ (hash >> 31))
  }

  deinit { CTGeneratorFree(generator) }

  /// The generator's state, in the bytes of PyTorch's `get_state`.
  public var state: HostTensor {
    get { Tensor(CTGeneratorState(generator), "RandomStream.state", rank: 1).host() }
    set {
      let tensor = Tensor(newValue)
      let done = withExtendedLifetime(tensor) { CTGeneratorSetState(generator, tensor.handle) }
      if !done { fail(engineFailure("RandomStream.state", [tensor])) }
    }
  }

  /// Draws from the standard normal distribution: `torch.randn`.
  public func normal(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor(withInt64(shape) { CTRandomNormal(generator, $0, $1, dtype.code) }, "normal", rank: shape.count)
  }

  /// Draws uniformly from [0, 1): `torch.rand`.
  public func uniform(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor(withInt64(shape) { CTRandomUniform(generator, $0, $1, dtype.code) }, "uniform", rank: shape.count)
  }

  /// Draws int64 numbers from 0 ..< `bound`: `torch.randint`.
  public func integers(below bound: Int, _ shape: [Int]) -> Tensor {
    let handle = withInt64(shape) { CTRandomIntegers(generator, 0, Int64(bound), $0, $1) }
    return Tensor(handle, "integers", rank: shape.count)
  }

  /// A random permutation of 0 ..< `count`: `torch.randperm`.
  public func permutation(_ count: Int) -> Tensor {
    Tensor(CTRandomPermutation(generator, Int64(count)), "permutation", rank: 1)
  }

  /// A float32 mask that is 1 with the given probability, otherwise 0.
  public func bernoulli(_ probability: Double, _ shape: [Int]) -> Tensor {
    let handle = withInt64(shape) { CTRandomBernoulli(generator, probability, $0, $1) }
    return Tensor(handle, "bernoulli", rank: shape.count)
  }

  /// Overwrites a tensor with uniform numbers from [low, high): `torch.nn.init.uniform_`.
  public func fillUniform(_ tensor: Tensor, low: Double, high: Double) {
    guard !tensor.isPlaceholder else { return }
    withExtendedLifetime(tensor) {
      if !CTRandomFillUniform(generator, tensor.handle, low, high) {
        fail(engineFailure("fillUniform", [tensor]))
      }
    }
  }

  /// Overwrites a tensor with normal numbers: `torch.nn.init.normal_`.
  public func fillNormal(_ tensor: Tensor, mean: Double = 0, standardDeviation: Double = 1) {
    guard !tensor.isPlaceholder else { return }
    withExtendedLifetime(tensor) {
      if !CTRandomFillNormal(generator, tensor.handle, mean, standardDeviation) {
        fail(engineFailure("fillNormal", [tensor]))
      }
    }
  }
}
