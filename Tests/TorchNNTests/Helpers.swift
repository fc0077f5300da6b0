import Foundation
import Testing
import Torch
import TorchNN

/// sin(a·i + b) in row-major order: an input that both languages can write down.
func ramp(_ shape: Int..., a: Double = 0.37, b: Double = 0.5, dtype: DType = .float32) -> Tensor {
  let count = shape.reduce(1, *)
  let values = (0..<count).map { sin(Double($0) * a + b) }
  return dtype == .float64
    ? Tensor(HostTensor(values, shape: shape))
    : Tensor(HostTensor(values.map { Float($0) }, shape: shape))
}

func expectClose(
  _ tensor: Tensor?, _ expected: [Double], tolerance: Double = 2e-6,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let tensor else {
    Issue.record("there is no tensor", sourceLocation: sourceLocation)
    return
  }
  let found = tensor.detached().doubles()
  guard found.count == expected.count else {
    Issue.record("\(found.count) elements, not \(expected.count)", sourceLocation: sourceLocation)
    return
  }
  // Not-a-number compares false, which counts as wrong.
  let wrong = zip(found, expected).enumerated().first { _, pair in
    !(abs(pair.0 - pair.1) <= tolerance * max(1, abs(pair.1)))
  }
  if let wrong {
    Issue.record(
      "element \(wrong.offset) is \(wrong.element.0), not \(wrong.element.1)", sourceLocation: sourceLocation)
  }
}

/// Compares gradients, and gradients of gradients, with central differences in float64.
///
/// - Parameters:
///   - inputs: float64 leaves that `function` reads.
///   - function: to a tensor of any shape; must not draw or count anything.
func expectGradients(
  of inputs: [Tensor], secondOrder: Bool = true, tolerance: Double = 1e-5,
  sourceLocation: SourceLocation = #_sourceLocation, _ function: () -> Tensor
) {
  func scalar() -> Tensor {
    let y = function()
    let weights = (0..<y.count).map { cos(Double($0) * 1.3 + 0.2) }
    return (y * Tensor(HostTensor(weights, shape: y.shape))).sum()
  }
  func penalty(_ createGraph: Bool) -> Tensor {
    let first = gradients(of: scalar(), withRespectTo: inputs, createGraph: createGraph, allowUnused: true)
    return first.map { $0.square().sum() }.reduce(Tensor(scalar: 0, dtype: .float64), +)
  }
  func compare(_ name: String, _ analytic: [Tensor], _ value: () -> Double) {
    let step = 1e-5
    for (input, gradient) in zip(inputs, analytic) {
      let original = input.detached().doubles()
      let found = gradient.detached().doubles()
      for index in stride(from: 0, to: original.count, by: max(1, original.count / 12)) {
        func shifted(_ delta: Double) -> Double {
          var values = original
          values[index] += delta
          input.copy(from: Tensor(HostTensor(values, shape: input.shape)))
          return value()
        }
        let numeric = (shifted(step) - shifted(-step)) / (2 * step)
        input.copy(from: Tensor(HostTensor(original, shape: input.shape)))
        if !(abs(numeric - found[index]) <= tolerance * max(1, abs(numeric))) {
          Issue.record(
            "\(name): element \(index) of \(input.shape) is \(found[index]), differences say \(numeric)",
            sourceLocation: sourceLocation)
          return
        }
      }
    }
  }
  for input in inputs { input.requiresGradient = true }
  compare("gradient", gradients(of: scalar(), withRespectTo: inputs, allowUnused: true)) { scalar().item() }
  guard secondOrder else { return }
  compare(
    "second gradient", gradients(of: penalty(true), withRespectTo: inputs, allowUnused: true)
  ) { penalty(false).item() }
}

/// A module's tensor by name.
func tensor(_ name: String, of module: Module) -> Tensor? { module.state().first { $0.name == name }?.tensor }
