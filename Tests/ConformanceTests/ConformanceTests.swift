import AtelierCore
import AtelierModels
import Foundation
import ReferenceCases
import TestSupport
import Testing
import Torch

/// The committed reference cases, by folder name.
private let casesFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent()
  .appendingPathComponent("ReferenceCases")

private let caseNames: [String] = {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: casesFolder.path)) ?? []
  return names.filter {
    FileManager.default.fileExists(
      atPath: casesFolder.appendingPathComponent($0).appendingPathComponent("case.json").path)
  }.sorted()
}()

@Suite struct ConformanceTests {
  @Test func theCasesAreThere() {
    #expect(caseNames.count >= 20)
  }

  @Test(arguments: caseNames)
  func theAuthorsTensorsAreReproduced(_ name: String) throws {
    let folder = casesFolder.appendingPathComponent(name)
    let results: [CheckResult]
    if PlainArithmetic.isNeeded(byCaseIn: folder) {
      let program = try #require(Program(named: "conformance"), "the program conformance is not built")
      results = PlainArithmetic.run(folder: folder, program: program.url)
    } else {
      results = CaseRunner(registry: .standard).run(folder: folder)
    }
    for result in results { #expect(result.passed || result.omission != nil, "\(result.text)") }
    #expect(results.contains { $0.passed })
  }
}

/// Cases that amplify rounding errors run in a process whose arithmetic is the same everywhere.
@Suite struct PlainArithmeticTests {
  @Test func onlyLossesPerEvaluationAskForIt() {
    #expect(PlainArithmetic.isNeeded(byCaseIn: casesFolder.appendingPathComponent("neural-style")))
    #expect(!PlainArithmetic.isNeeded(byCaseIn: casesFolder.appendingPathComponent("neural-style-adam")))
    #expect(!PlainArithmetic.isNeeded(byCaseIn: casesFolder.appendingPathComponent("nowhere")))
  }

  @Test func failuresComeBackFromTheProcess() throws {
    let program = try #require(Program(named: "conformance"), "the program conformance is not built")
    let folder = try TemporaryFolder()
    let copy = folder("cgan")
    try FileManager.default.copyItem(at: casesFolder.appendingPathComponent("cgan-16"), to: copy)
    let file = copy.appendingPathComponent("case.json")
    var root = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    var checks = try #require(root["checks"] as? [[String: Any]])
    checks[0]["mode"] = "eval"
    checks[1]["network"] = "nowhere"
    root["checks"] = checks
    try JSONSerialization.data(withJSONObject: root).write(to: file)
    let here = CaseRunner(registry: .standard).run(folder: copy)
    let there = PlainArithmetic.run(folder: copy, program: program.url)
    #expect(there.map(\.check) == here.map(\.check))
    #expect(there.map(\.passed) == here.map(\.passed))
    #expect(there.map(\.problem) == here.map(\.problem))
    #expect(there.map { $0.comparisons.map(\.name) } == here.map { $0.comparisons.map(\.name) })
    #expect(there.contains { $0.comparisons.contains { $0.failure != nil } })
    #expect(there.contains { $0.problem != nil } && there.contains { $0.passed })
  }

  @Test func aProgramThatReportsNothingFails() {
    for name in ["true", "false", "no-such-program"] {
      let results = PlainArithmetic.run(
        folder: casesFolder.appendingPathComponent("neural-style"),
        program: URL(fileURLWithPath: "/usr/bin/\(name)"))
      #expect(results.count == 1 && results.allSatisfy { !$0.passed && $0.problem != nil })
    }
  }
}

/// A case that was changed must fail: a runner that cannot fail proves nothing.
@Suite struct TamperedCaseTests {
  /// A copy of a case whose `case.json` was edited.
  private func failures(of name: String, _ edit: (inout [String: Any]) -> Void) throws -> [CheckResult] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("case-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(at: casesFolder.appendingPathComponent(name), to: folder)
    let file = folder.appendingPathComponent("case.json")
    var root = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    edit(&root)
    try JSONSerialization.data(withJSONObject: root).write(to: file)
    return CaseRunner(registry: .standard).run(folder: folder).filter { !$0.passed }
  }

  private func editCheck(_ index: Int, _ root: inout [String: Any], _ edit: (inout [String: Any]) -> Void) {
    guard var checks = root["checks"] as? [[String: Any]] else { return }
    edit(&checks[index])
    root["checks"] = checks
  }

  @Test func anUnknownKeyFails() throws {
    #expect(try !failures(of: "cgan-16") { $0["extra"] = 1 }.isEmpty)
    #expect(try !failures(of: "cgan-16") { root in editCheck(0, &root) { $0["tolerence"] = 1 } }.isEmpty)
    #expect(
      try !failures(of: "cgan-16") { root in
        var configuration = root["configuration"] as? [String: Any] ?? [:]
        configuration["lattentSize"] = 3
        root["configuration"] = configuration
      }.isEmpty)
  }

  @Test func anUnknownSystemOrKindFails() throws {
    #expect(try !failures(of: "cgan-16") { $0["system"] = "cgann" }.isEmpty)
    #expect(try !failures(of: "cgan-16") { root in editCheck(0, &root) { $0["kind"] = "glance" } }.isEmpty)
  }

  @Test func aMisspeltNetworkFailsAndNamesTheOthers() throws {
    let failed = try failures(of: "cgan-16") { root in
      editCheck(0, &root) { $0["network"] = "generater" }
    }
    #expect(failed.count == 1)
    #expect(failed.first?.problem?.contains("no network 'generater'") == true)
    #expect(failed.first?.problem?.contains("generator, discriminator") == true, "\(failed)")
  }

  @Test func aCheckThatExpectsNothingFails() throws {
    #expect(
      try !failures(of: "cgan-16") { root in editCheck(0, &root) { $0["outputs"] = [String: String]() } }
        .isEmpty)
    #expect(try !failures(of: "cgan-16") { $0["checks"] = [[String: Any]]() }.isEmpty)
  }

  @Test func aTensorThatNoCheckNamesFails() throws {
    let failed = try failures(of: "cgan-16") { root in
      var checks = root["checks"] as? [[String: Any]] ?? []
      checks.removeFirst()
      root["checks"] = checks
    }
    #expect(failed.contains { $0.check == "all tensors used" })
  }

  @Test func aMissingOrExchangedTensorFails() throws {
    #expect(
      try !failures(of: "cgan-16") { root in editCheck(0, &root) { $0["outputs"] = ["image": "nowhere"] } }
        .isEmpty)
    #expect(
      try !failures(of: "cgan-16") { root in
        editCheck(0, &root) { $0["outputs"] = ["image": "forward.generator.eval"] }
      }.isEmpty)
    #expect(
      try !failures(of: "cgan-16") { root in
        editCheck(0, &root) { $0["outputs"] = ["image": "forward.discriminator.train"] }
      }.isEmpty)
  }

  @Test func aTermThatACaseDoesNotNameIsLeftOut() throws {
    // Without `weights.labelMix` nothing is drawn for it, so that the recorded mask need not be there.
    let failed = try failures(of: "oasis") { root in
      var configuration = root["configuration"] as? [String: Any] ?? [:]
      configuration["weights"] = nil
      root["configuration"] = configuration
      editCheck(4, &root) { check in
        for (table, key) in [("inputs", "mask"), ("losses", "labelMix")] {
          var entries = check[table] as? [String: Any] ?? [:]
          entries[key] = nil
          check[table] = entries
        }
      }
    }
    let training = failed.first { $0.check == "training steps" }
    // The recorded discriminator learned from the mixture, so that values differ; the step runs all the same.
    #expect(training != nil && training?.problem == nil)
    #expect(
      training?.comparisons.contains { $0.name == "discriminatorReal" && $0.relativeError < 0.1 } == true)
  }

  @Test func anotherModeOrOptimizerFails() throws {
    #expect(try !failures(of: "cgan-16") { root in editCheck(0, &root) { $0["mode"] = "eval" } }.isEmpty)
    #expect(
      try !failures(of: "cgan-16") { root in
        editCheck(4, &root) { check in
          var optimizer = check["optimizer"] as? [String: Any] ?? [:]
          optimizer["learningRate"] = 0.02
          check["optimizer"] = optimizer
        }
      }.isEmpty)
    #expect(
      try !failures(of: "cgan-16") { root in
        editCheck(4, &root) { check in
          var optimizer = check["optimizer"] as? [String: Any] ?? [:]
          optimizer["name"] = "rmsprop"
          check["optimizer"] = optimizer
        }
      }.isEmpty)
  }

  @Test func lossesHaveAToleranceOfTheirOwn() throws {
    let failed = try failures(of: "cgan-16") { root in
      editCheck(4, &root) { check in
        check["lossTolerance"] = ["rtol": check["rtol"] ?? 0, "atol": check["atol"] ?? 0]
        check["rtol"] = 0
        check["atol"] = 0
      }
    }
    let missed = failed.flatMap(\.comparisons).filter { $0.failure != nil }.map(\.name)
    #expect(!missed.isEmpty && missed.allSatisfy { $0.hasSuffix("after training") })
  }

  @Test func weightsThatLeaveTheFolderAreRefused() throws {
    let failed = try failures(of: "cgan-16") { $0["weights"] = ["generator": "../cgan-16/generator.pth"] }
    #expect(failed.contains { $0.problem?.contains("leave the case's folder") == true })
  }

  @Test func aNotANumberFailsEvenBesideAnother() {
    let nan = HostTensor([Float.nan, 1])
    let comparison = Comparison(
      "x", actual: nan, expected: nan, tolerance: Tolerance(relative: 0.5, absolute: 0.5))
    #expect(comparison.failure != nil)
  }

  @Test func toleranceAndOutliersAreCounted() {
    let expected = HostTensor([1, 2, 3, 4] as [Float])
    let tolerance = Tolerance(relative: 0, absolute: 0.1)
    func failure(_ values: [Float], outliers: Double = 0) -> String? {
      Comparison(
        "x", actual: HostTensor(values), expected: expected, tolerance: tolerance, outliers: outliers
      ).failure
    }
    #expect(failure([1.05, 2, 3, 4]) == nil)
    #expect(failure([1.2, 2, 3, 4]) != nil)
    #expect(failure([1.2, 2, 3, 4], outliers: 0.25) == nil)
    #expect(failure([1.2, 2.2, 3, 4], outliers: 0.25) != nil)
    #expect(failure([1, 2, 3]) != nil)
  }
}
