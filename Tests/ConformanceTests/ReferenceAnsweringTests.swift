import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import ReferenceCases
import TestSupport
import Testing
import Torch
import TorchNN

/// A system that multiplies, and answers checks that no runner knows.
private final class Multiplier: ReferenceAnswering {
  struct Configuration: SystemConfiguration {
    var factor = 2.0
    var batchSize = 1

    static var presets: [Preset<Configuration>] { [Preset("paper", "a factor", Configuration())] }
    var plan: SystemPlan { SystemPlan(stages: []) }
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(
    name: "multiplier", summary: "a factor", paper: "none", reference: "none")
  let configuration: Configuration
  let networks: [Network]
  let optimizers: [(name: String, optimizer: Optimizer)] = []

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    // What needs no networks is answered without them.
    guard configuration.factor > 0 else { throw ConfigurationError("networks were built") }
    self.configuration = configuration
    let layer = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
    networks = [
      Network("generator", layer) { _, inputs in
        ["image": try inputs.required("image") * configuration.factor]
      }
    ]
  }

  func step(_ step: TrainingStep) throws {}
  func generate(_ request: Request, emit: (Output) throws -> Void) throws {}

  static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "multiply" else { return nil }
    try check.refuseSettings(knowing: ["twice"])
    let factor = configuration.factor * (check.settings["twice"] == .boolean(true) ? 2 : 1)
    return ["product": .tensor(try inputs.tensors().required("image") * factor)]
  }

  func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    switch (check.kind, check.network) {
    case ("count", _):
      let counts = try inputs.texts("lines").map(\.count)
      return ["counts": .tensor(Tensor(counts)), "first": .text(try inputs.texts("lines")[0])]
    case ("forward", "losses"?):
      return ["isTraining": .tensor(Tensor([networks[0].module.isTraining ? 1 : 0]))]
    default: return nil
    }
  }
}

/// A case in a folder of its own, whose tensors are `image` 0 … 15 as `[1, 1, 4, 4]` and what is expected.
private struct WrittenCase {
  private static var common: [String: Any] { ["name": "a check", "rtol": 0, "atol": 0] }

  let folder: TemporaryFolder
  var root: [String: Any]

  init(system: String = "multiplier", expected: [String: HostTensor] = [:], checks: [[String: Any]]) throws {
    folder = try TemporaryFolder()
    root = [
      "format": 1, "system": system, "configuration": [String: Any](), "weights": [String: Any](),
      "tensors": "tensors.safetensors",
      "checks": checks.map { Self.common.merging($0) { $1 } },
    ]
    let image = HostTensor((0..<16).map { Float($0) }, shape: [1, 1, 4, 4])
    let tensors = expected.merging(["image": image]) { $1 }.sorted { $0.key < $1.key }
    try Safetensors.write(tensors.map { (name: $0.key, tensor: $0.value) }, to: folder("tensors.safetensors"))
  }

  func write() throws {
    try JSONSerialization.data(withJSONObject: root).write(to: folder("case.json"))
  }

  func run() throws -> [CheckResult] {
    try write()
    return CaseRunner(registry: SystemRegistry([Multiplier.self])).run(folder: folder.url)
  }

  /// Why the only check failed.
  func problem() throws -> String { try run().first?.problem ?? "" }
}

@Suite struct ReferenceAnsweringTests {
  private let product = HostTensor((0..<16).map { Float(6 * $0) }, shape: [1, 1, 4, 4])

  @Test func whatNeedsNoNetworksIsAnsweredWithoutThem() throws {
    var written = try WrittenCase(
      expected: ["product": HostTensor((0..<16).map { Float(-6 * $0) }, shape: [1, 1, 4, 4])],
      checks: [
        [
          "kind": "multiply", "twice": true, "inputs": ["image": "image"], "outputs": ["product": "product"],
        ]
      ])
    written.root["configuration"] = ["factor": -3]
    let results = try written.run()
    #expect(results.count == 1 && results.allSatisfy(\.passed), "\(results.map(\.text))")
  }

  @Test func textsReachTheSystem() throws {
    let written = try WrittenCase(
      expected: ["counts": HostTensor([5, 0, 3])],
      checks: [
        [
          "kind": "count", "texts": ["lines": ["words", "", "öäü"]], "inputs": ["image": "image"],
          "outputs": ["counts": "counts"],
        ]
      ])
    let results = try written.run()
    #expect(results.count == 1 && results.allSatisfy(\.passed), "\(results.map(\.text))")
  }

  @Test func anAnswerHasTheChecksMode() throws {
    for (mode, value) in [("train", 1), ("eval", 0)] {
      let written = try WrittenCase(
        expected: ["expected": HostTensor([value])],
        checks: [
          [
            "kind": "forward", "network": "losses", "mode": mode, "inputs": ["image": "image"],
            "outputs": ["isTraining": "expected"],
          ]
        ])
      #expect(try written.run().allSatisfy(\.passed))
    }
  }

  @Test func whatASystemLeavesIsTheRunners() throws {
    var written = try WrittenCase(
      expected: ["product": product, "part": HostTensor([6, 18, 54, 66] as [Float], shape: [1, 1, 2, 2])],
      checks: [
        [
          "kind": "forward", "network": "generator", "mode": "eval", "inputs": ["image": "image"],
          "outputs": ["image": "product"],
        ],
        [
          "kind": "forward", "network": "generator", "mode": "eval", "inputs": ["image": "image"],
          "outputs": ["image": "part"], "select": ["image": ["rows": [0, 2], "columns": [1, 2]]],
        ],
      ])
    written.root["configuration"] = ["factor": 6]
    let results = try written.run()
    #expect(results.count == 2 && results.allSatisfy(\.passed), "\(results.map(\.text))")
  }

  @Test func whatNoOneAnswersFails() throws {
    func problem(_ check: [String: Any]) throws -> String {
      let usual: [String: Any] = [
        "inputs": ["image": "image"], "outputs": ["image": "product"], "mode": "eval",
      ]
      return try WrittenCase(expected: ["product": product], checks: [usual.merging(check) { $1 }]).problem()
    }
    #expect(try problem(["kind": "glance"]).contains("does not answer checks of the kind 'glance'"))
    #expect(try problem(["kind": "forward"]).contains("names no network"))
    #expect(
      try problem(["kind": "forward", "network": "generator", "forcing": 1]).contains("setting 'forcing'"))
    #expect(
      try problem(["kind": "forward", "network": "generator", "texts": ["a": "b"]]).contains("texts 'a'"))
    #expect(try problem(["kind": "multiply", "thrice": true]).contains("setting 'thrice'"))
    #expect(try problem(["kind": "multiply", "losses": ["total": "product"]]).contains("only training"))
    #expect(try problem(["kind": "metric", "metric": "bleu", "hypotheses": ["a"]]).contains("hypotheses"))
    #expect(
      try problem(["kind": "count", "texts": ["lines": ["a"]], "outputs": ["first": "product"]]).contains(
        "'first' is a text"))
    #expect(try problem(["kind": "train", "steps": 1, "part": "generator"]).contains("expects outputs"))
  }

  @Test func aSystemThatIsNotThereFails() throws {
    let written = try WrittenCase(
      system: "divider", expected: ["product": product],
      checks: [
        ["kind": "multiply", "inputs": ["image": "image"], "outputs": ["product": "product"]]
      ])
    #expect(try written.problem().contains("unknown system 'divider'"))
  }

  @Test func allKeysOfCasesToComeAreRead() throws {
    var written = try WrittenCase(
      checks: [
        [
          "kind": "metric", "metric": "bleu", "hypotheses": ["a b", "c"],
          "references": [["a", "c"], ["b", "d"]], "parameters": ["tokenizer": "13a"],
          "outputs": ["score": "image"],
        ],
        [
          "kind": "train", "part": "sync", "steps": 1, "lossTolerance": ["rtol": 0.5, "atol": 0.25],
          "parameters": ["headSteps": 1], "losses": ["total": "image"],
        ],
        [
          "kind": "generate", "network": "model", "mode": "eval", "topK": 5, "length": 3,
          "inputs": ["prompt": "image"], "outputs": ["token": "image"],
        ],
        [
          "kind": "forward", "network": "packaged", "part": "utterance", "needs": "pip packaged==1",
          "parameters": ["rate": 1.3], "outputs": ["embedding": "image"],
        ],
      ])
    written.root["weights"] = [
      "packaged": ["package": "packaged==1", "file": "weights.pt", "entry": "state", "sha256": "0"]
    ]
    try written.write()
    let reference = try ReferenceCase(folder: written.folder.url)
    #expect(reference.checks.map(\.kind) == ["metric", "train", "generate", "forward"])
    let texts: [String: ConfigurationValue] = [
      "hypotheses": ["a b", "c"], "references.0": ["a", "c"], "references.1": ["b", "d"],
    ]
    #expect(reference.checks[0].texts == texts)
    #expect(reference.checks[0].settings.keys.sorted() == ["metric", "parameters"])
    #expect(reference.checks[1].lossTolerance == Tolerance(relative: 0.5, absolute: 0.25))
    #expect(reference.checks[1].tolerance == Tolerance(relative: 0, absolute: 0))
    #expect(reference.checks[1].question.part == "sync")
    #expect(reference.checks[2].settings["topK"] == 5)
    #expect(reference.checks[3].question.network == "packaged")
    // All of them fail: no registered system answers them.
    #expect(try written.run().allSatisfy { !$0.passed })
    #expect(try written.run().last?.problem?.contains("package packaged==1") == true)
  }

  @Test func whatIsNeitherTensorNorTextIsRefused() throws {
    let wrong: [[String: Any]] = [["a": 1], ["a": ["b", 2] as [Any]], ["image": "twice"]]
    for texts in wrong {
      let written = try WrittenCase(
        checks: [
          ["kind": "count", "texts": texts, "inputs": ["image": "image"], "outputs": ["counts": "image"]]
        ])
      #expect(try written.problem().contains("text"))
    }
  }
}
