import Foundation
import Testing
import Torch

@Suite struct EngineTests {
  // Numbers of torch 2.13: torch.randn(3, generator=g) and so on with manual_seed(7).
  @Test func aSeedGivesTheNumbersOfPyTorch() {
    let normal = RandomStream(seed: 7).normal([3]).floats()
    #expect(zip(normal, [-0.146_795_1, 0.786_141_28, 0.946_821_63]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(RandomStream(seed: 7).uniform([3]).floats() == expectedUniform)
    #expect(RandomStream(seed: 7).permutation(8).integers() == expectedPermutation)
    #expect(RandomStream(seed: 7).integers(below: 10, [6]).integers() == expectedIntegers)
    #expect(RandomStream(seed: 7).bernoulli(0.5, [8]).floats() == expectedBernoulli)
  }

  private let expectedUniform: [Float] = [0.5349225401878357, 0.19880318641662598, 0.6592116951942444]
  private let expectedPermutation = [7, 0, 3, 4, 1, 5, 2, 6]
  private let expectedIntegers = [5, 2, 1, 6, 3, 7]
  private let expectedBernoulli: [Float] = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]

  /// The team that makes libgomp's threads sleep soon comes and goes between operations, and changes no bit of them.
  @Test func howThreadsWaitChangesNoNumber() {
    let threads = Engine.threadCount
    Engine.threadCount = 2
    defer { Engine.threadCount = threads }
    func result() -> [Float] {
      let matrix = RandomStream(seed: 3).normal([300, 300])
      return (matrix.matmul(matrix) + matrix.sum(dims: [0])).softmax(1).floats()
    }
    let expected = result()
    for round in 0..<20 {
      let canBeTold = Engine.setBriefWaiting(round.isMultiple(of: 2))
      #if os(Linux)
        #expect(canBeTold)
      #endif
      #expect(result() == expected)
    }
    _ = Engine.setBriefWaiting(false)
  }

  @Test func aStreamGoesOnFromASavedState() {
    let stream = RandomStream(seed: 1)
    _ = stream.normal([5])
    let state = stream.state
    let first = stream.normal([17]).floats()
    stream.state = state
    #expect(stream.normal([17]).floats() == first)
  }

  @Test func keyedStreamsDifferByEveryPartOfTheirKey() {
    let draws = [
      RandomStream(seed: 1, purpose: "a"), RandomStream(seed: 2, purpose: "a"),
      RandomStream(seed: 1, purpose: "b"),
      RandomStream(seed: 1, purpose: "a", rank: 1), RandomStream(seed: 1, purpose: "a", step: 1),
    ].map { $0.uniform([4]).floats() }
    #expect(Set(draws).count == draws.count)
    #expect(
      RandomStream(seed: 1, purpose: "a", rank: 2, step: 3).uniform([4]).floats()
        == RandomStream(seed: 1, purpose: "a", rank: 2, step: 3).uniform([4]).floats())
  }

  @Test(arguments: DType.allCases)
  func valuesOfEveryTypeGoThroughTheEngineUnchanged(_ dtype: DType) {
    let source = Tensor([0, 1, 1, 0, 1, 0] as [Float], shape: [2, 3]).asType(dtype)
    let host = source.host()
    #expect(host.dtype == dtype)
    #expect(host.bytes.count == 6 * dtype.byteCount)
    #expect(Tensor(host).dtype == dtype)
    #expect(Tensor(host).doubles() == [0, 1, 1, 0, 1, 0])
    #expect(Tensor(host).host() == host)
  }

  @Test func hostValuesOfSixteenBitsAreRead() {
    let values: [Float] = [1.5, -0.099_975_586, 65504, 0, -2]
    #expect(Tensor(values).asType(.float16).host().floats() == values)
    #expect(Tensor([1.5, -2, 0.5] as [Float]).asType(.bfloat16).host().floats() == [1.5, -2, 0.5])
  }

  @Test func anEmptyTensorHasNoElements() {
    let empty = Tensor.zeros([0, 3])
    #expect(empty.floats().isEmpty && empty.shape == [0, 3])
    #expect(empty.sum().item() == 0)
  }

  @Test func aFailedOperationThrowsInsideTheScopeAndNamesItsShapes() {
    // A function of its own: a macro's argument is compiled from a file that the macro made.
    func model(_ x: Tensor) -> Tensor { x.matmul(x) }
    let error = #expect(throws: TensorError.self) { try withTensorErrors { model(.zeros([2, 3])) } }
    #expect(error?.description.contains("matmul(float32 [2, 3], float32 [2, 3])") == true)
    #expect(error?.description.contains("EngineTests.swift:") == true)
  }

  @Test func insideTheScopeAFailedOperationKeepsTheRankThatWasAskedFor() throws {
    var shapes: [[Int]] = []
    let error = #expect(throws: TensorError.self) {
      try withTensorErrors {
        let a = Tensor.zeros([2, 3])
        shapes.append(a.reshaped([4, 2, 5]).shape)
        shapes.append(conv2d(a, a).shape)
        shapes.append(a.sum(dims: [7]).shape)
        shapes.append(Tensor.stacked([a, Tensor.zeros([1])]).shape)
      }
    }
    #expect(shapes.map(\.count) == [3, 4, 1, 3])
    #expect(error?.description.contains("reshaped") == true)
  }

  @Test func theFirstOfSeveralFailuresIsReported() {
    let error = #expect(throws: TensorError.self) {
      try withTensorErrors {
        check(false, "the first thing")
        check(false, "the second thing")
      }
    }
    #expect(error?.description.contains("the first thing") == true)
  }

  @Test func scopesNestAndTheOuterOneStaysClean() throws {
    let value = try withTensorErrors {
      _ = try? withTensorErrors { Tensor.zeros([2]).reshaped([3]) }
      return Tensor([4] as [Float]).item()
    }
    #expect(value == 4)
  }

  @Test func aFailedOperationOutsideAScopeEndsTheProcess() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3])) }
    await #expect(processExitsWith: .failure) { check(false, "a condition on shapes") }
  }

  @Test func autocastRunsProductsInSixteenBitsAndLeavesTheScopeAsItWas() {
    let a = Tensor.ones([4, 4])
    #expect(withAutocast(.bfloat16) { a.matmul(a).dtype } == .bfloat16)
    // Convolutions as well, also of what a product gave.
    let (line, plane) = (Tensor.ones([1, 2, 4]), Tensor.ones([1, 2, 4, 4]))
    let (narrow, wide) = (Tensor.ones([2, 2, 3]), Tensor.ones([2, 2, 3, 3]))
    withAutocast(.bfloat16) {
      #expect(conv1d(line, narrow).dtype == .bfloat16 && convTranspose1d(line, narrow).dtype == .bfloat16)
      #expect(conv2d(plane, wide).dtype == .bfloat16 && convTranspose2d(plane, wide).dtype == .bfloat16)
      #expect(conv2d(plane.asType(.bfloat16), wide).dtype == .bfloat16)
    }
    #expect(withAutocast(.bfloat16) { withoutAutocast { a.matmul(a).dtype } } == .float32)
    #expect(withAutocast(nil) { a.matmul(a).dtype } == .float32)
    #expect(a.matmul(a).dtype == .float32)
  }

  @Test func theProcessorIsThereAndDevicesAreReadFromText() {
    #expect(Device.cpu.isAvailable)
    #expect(Device(parsing: "cuda:3") == .cuda(3))
    #expect(Device(parsing: "mps") == .mps)
    for text in ["", "gpu", "cuda:", "cuda:-1", "cpu:1", "cuda:1:2"] { #expect(Device(parsing: text) == nil) }
  }

  @Test func memoryFiguresOfTheProcessAreThere() throws {
    let figures = try #require(Engine.memory())
    #expect(figures.current > 1_000_000 && figures.peak >= figures.current / 2)
    #expect(Engine.version.hasPrefix("2."))
    #expect(!Engine.cpuCapability.isEmpty)
  }

  @Test func anIntegerTensorStaysOneBesideWholeNumbers() {
    #expect((Tensor([1, 2]) * 3 + 1).dtype == .int64)
    #expect((Tensor([1, 2]) / 2).floats() == [0.5, 1])
    #expect((Tensor([1, 2]) * 0.5).dtype == .float32)
  }

  @Test func fusedAdamMatchesTheFormula() {
    let parameter = Tensor([1, -2] as [Float])
    let gradient = Tensor([0.5, 0.25] as [Float])
    let (first, second, step) = (Tensor.zeros([2]), Tensor.zeros([2]), Tensor(scalar: 1))
    FusedUpdates.adam(
      [parameter], gradients: [gradient], firstMoments: [first], secondMoments: [second], steps: [step],
      learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false)
    // The first bias-corrected step is learningRate * sign(gradient).
    #expect(zip(parameter.floats(), [0.9, -2.1]).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  /// A function that lets a C++ exception through would end the process far from its cause.
  @Test func everyExportedFunctionThatCanThrowIsGuarded() throws {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources/CTorch")
    // These read a field or set a thread's own flag and cannot throw.
    let plain: Set = [
      "CTLastError", "CTSetLastError", "CTTensorFree", "CTTensorRank", "CTTensorShape", "CTTensorDType",
      "CTTensorDeviceKind",
      "CTTensorDeviceIndex", "CTTensorRequiresGradient", "CTGradientModeEnabled", "CTSetGradientMode",
      "CTAutocastClearCache", "CTThreadCount", "CTEngineVersion", "CTCPUCapability", "CTThreadSlot",
      "CTSetThreadSlot", "CTGeneratorFree", "CTScriptModuleFree",
    ]
    var exported = 0
    for file in try FileManager.default.contentsOfDirectory(atPath: sources.path) where file.hasSuffix(".cpp")
    {
      let text = try String(contentsOf: sources.appendingPathComponent(file), encoding: .utf8)
      let pattern = /\n[A-Za-z][A-Za-z0-9_ ]*[ *](CT[A-Za-z0-9]+)\([^;{}]*\) \{\n([^\n]*)/
      for match in text.matches(of: pattern) {
        exported += 1
        let (name, body) = (String(match.1), String(match.2))
        if !plain.contains(name) {
          #expect(body.contains("return guard("), "\(name) in \(file) is not guarded")
        }
      }
    }
    #expect(exported > 80)
  }
}
