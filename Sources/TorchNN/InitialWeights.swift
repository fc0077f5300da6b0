public import Torch

/// Whether layers that are made now give their weights a shape only.
private enum InitialWeights {
  @TaskLocal static var areLeftOut = false
}

/// Makes networks whose linear, convolutional and recurrent weights have a shape and no values, for weights that
/// are loaded anyway: it takes neither the time to draw initial ones nor the memory for them.
///
/// ``Module/load(_:from:)`` gives the weights their values and memory. To compute with one that was not loaded is
/// an error. Moving averages and layouts of such networks take no memory either, until they are loaded.
public func withoutInitialWeights<Result>(_ body: () throws -> Result) rethrows -> Result {
  try InitialWeights.$areLeftOut.withValue(true, operation: body)
}

/// Zeros for a layer's initial weight, which are then drawn over; a placeholder within
/// ``withoutInitialWeights(_:)``.
func initialTensor(_ shape: [Int]) -> Tensor {
  InitialWeights.areLeftOut ? .placeholder(shape) : .zeros(shape)
}

/// Standard normal numbers for a layer's initial weight; a placeholder within ``withoutInitialWeights(_:)``.
func initialNormal(_ shape: [Int], _ stream: RandomStream) -> Tensor {
  InitialWeights.areLeftOut ? .placeholder(shape) : stream.normal(shape)
}
