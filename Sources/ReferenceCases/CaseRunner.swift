public import AtelierCore
public import Foundation
import Perception
import Torch

/// Repeats a reference case with the registered systems and compares.
///
/// Nothing is defined here: networks, losses, the order of updates and measures are those that
/// `atelier train` and `atelier evaluate` use; only the random draws and the batches are recorded ones. The
/// runner knows forward passes, training, tokens, losses and measures; whatever else a check asks for, the
/// system answers (``AtelierCore/ReferenceAnswering``), and what no one answers fails.
public struct CaseRunner {
  private let registry: SystemRegistry

  /// A runner for the systems of a registry.
  public init(registry: SystemRegistry) { self.registry = registry }

  /// Runs every check of a case; whatever goes wrong becomes a failed result, never a skip.
  public func run(folder: URL) -> [CheckResult] {
    let reference: ReferenceCase
    do {
      reference = try ReferenceCase(folder: folder)
    } catch {
      return [
        CheckResult(
          caseName: folder.lastPathComponent, check: "reading the case", comparisons: [], problem: "\(error)")
      ]
    }
    var results = reference.checks.map { check in
      do {
        let comparisons = try withTensorErrors { try run(check, of: reference) }
        return CheckResult(
          caseName: reference.name, check: check.name, comparisons: comparisons, problem: nil)
      } catch let error as PerceptionError where reference.needsPackage(check) && error.isMissing {
        return CheckResult(
          caseName: reference.name, check: check.name, comparisons: [], problem: nil, omission: "\(error)")
      } catch {
        return CheckResult(caseName: reference.name, check: check.name, comparisons: [], problem: "\(error)")
      }
    }
    let left = reference.unreferenced
    if !left.isEmpty {
      results.append(
        CheckResult(
          caseName: reference.name, check: "all tensors used", comparisons: [],
          problem: "no check reads or expects \(left.joined(separator: ", "))"))
    }
    return results
  }

  private func run(_ check: ReferenceCase.Check, of reference: ReferenceCase) throws -> [Comparison] {
    switch (reference.system, check.kind) {
    case ("metrics", _):
      return try metric(check, of: reference)
    case ("gan-losses", _):
      return try loss(check, of: reference)
    case (VoiceCases.system, "features"):
      return try features(check, of: reference)
    default:
      return try run(check, of: reference, type: VoiceCases.system(of: reference, in: registry))
    }
  }

  // MARK: Systems

  private func run<System: GenerativeSystem>(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, type: System.Type
  ) throws -> [Comparison] {
    if check.kind == "neighbours" {
      return try neighbours(
        check, of: reference,
        System.Configuration().overlaid(with: changes(of: check, reference, System.Configuration())))
    }
    if let type = type as? any ReferenceAnswering.Type { return try ask(type, check, of: reference) }
    let changes = try changes(of: check, reference, System.Configuration())
    return try run(check, of: reference, system: build(type, changes, reference, for: check))
  }

  /// Lets the system answer, first without its networks, and does itself what the system leaves to others.
  private func ask<System: ReferenceAnswering>(
    _ type: System.Type, _ check: ReferenceCase.Check, of reference: ReferenceCase
  ) throws -> [Comparison] {
    let changes = try changes(of: check, reference, System.Configuration())
    guard check.kind != "train" else {
      let system = try build(type, changes, reference, for: check)
      if let steps = try System.recordedSteps(
        reference.tensors(of: check), configuration: system.configuration)
      {
        return try train(check, of: reference, system: system, steps)
      }
      let source = try System.recordedSource(
        reference.tensors(of: check), configuration: system.configuration)
      return try run(check, of: reference, system: system, source)
    }
    let inputs = try reference.values(of: check)
    let configuration = try System.Configuration().overlaid(with: changes)
    if let answer = try type.answer(check.question, inputs, configuration: configuration) {
      return try compare(check.outputs, answer, check, reference)
    }
    let system = try build(type, changes, reference, for: check)
    if check.question.mode != nil { try setMode(check, system.networks.map(\.module)) }
    if let answer = try system.answer(check.question, inputs) {
      return try compare(check.outputs, answer, check, reference)
    }
    return try run(check, of: reference, system: system)
  }

  /// What the runner knows by itself.
  ///
  /// - Parameter source: the batches of a training check; nil: a slice of each recorded input a step.
  private func run(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, system: any GenerativeSystem,
    _ source: (any BatchSource)? = nil
  ) throws -> [Comparison] {
    switch check.kind {
    case "forward": return try forward(check, of: reference, system: system)
    case "train":
      return try train(check, of: reference, system: system, reference.tensors(of: check), source)
    case "generate": return try generate(check, of: reference, system: system)
    case "metric": return try metric(check, of: reference)
    default: throw CaseError("\(reference.system) does not answer checks of the kind '\(check.kind)'")
    }
  }
}
