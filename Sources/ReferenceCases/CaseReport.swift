import Foundation

/// What a check gave: its comparisons, or the reason why it could not run.
public struct CheckResult: Sendable {
  /// The case's name.
  public let caseName: String
  /// The check's name.
  public let check: String
  /// One comparison for every expected tensor.
  public let comparisons: [Comparison]
  /// Why the check failed as a whole; nil where it ran.
  public let problem: String?
  /// Why the check was left out: weights of another program's package that are not installed; nil where it ran.
  public var omission: String?

  /// Whether every expected tensor was there and within its tolerance.
  public var passed: Bool {
    problem == nil && omission == nil && !comparisons.isEmpty && comparisons.allSatisfy { $0.failure == nil }
  }

  /// The largest absolute error.
  public var absoluteError: Double { comparisons.map(\.absoluteError).max() ?? .infinity }
  /// The largest relative error.
  public var relativeError: Double { comparisons.map(\.relativeError).max() ?? .infinity }

  /// A line for people, and a line for every tensor that failed.
  public var text: String {
    let mark = passed ? "passed" : "FAILED"
    var lines: [String] = []
    if let omission {
      lines.append("left out  \(caseName): \(check): \(omission)")
    } else if let problem {
      lines.append("\(mark)  \(caseName): \(check): \(problem)")
    } else {
      lines.append(
        "\(mark)  \(caseName): \(check): \(comparisons.count) tensors, largest absolute error "
          + "\(short(absoluteError)), relative \(short(relativeError))")
    }
    for comparison in comparisons {
      if let failure = comparison.failure { lines.append("          \(comparison.name): \(failure)") }
    }
    return lines.joined(separator: "\n")
  }

  private func short(_ value: Double) -> String { String(format: "%.2g", value) }
}

/// The results of several cases as JSON and as the closing line.
public struct CaseReport: Sendable {
  /// Every check's result.
  public let results: [CheckResult]

  /// Collects results.
  public init(_ results: [CheckResult]) { self.results = results }

  /// How many checks passed.
  public var passedCount: Int { results.count { $0.passed } }
  /// How many were left out.
  public var omittedCount: Int { results.count { $0.omission != nil } }
  /// How many ran and did not pass.
  public var failedCount: Int { results.count - passedCount - omittedCount }
  /// `N passed, N failed`, and how many were left out, if any were.
  public var summary: String {
    "\(passedCount) passed, \(failedCount) failed" + (omittedCount > 0 ? ", \(omittedCount) left out" : "")
  }

  /// The whole report for programs.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let document = Document(passed: passedCount, failed: failedCount, checks: results.map { Row($0) })
    return String(decoding: try encoder.encode(document), as: UTF8.self)
  }

  /// Reads what ``json()`` wrote.
  ///
  /// - Throws: `DecodingError` for anything else.
  init(json: Data) throws {
    self.init(try JSONDecoder().decode(Document.self, from: json).checks.map(\.result))
  }
}

/// A report as a JSON document; an error that is no finite number is left out.
private struct Document: Codable {
  let passed: Int
  let failed: Int
  let checks: [Row]
}

private struct Row: Codable {
  struct Tensor: Codable {
    let name: String
    let absoluteError: Double?
    let relativeError: Double?
    let failure: String?
  }

  let caseName: String
  let check: String
  let passed: Bool
  let tensors: Int
  let absoluteError: Double?
  let relativeError: Double?
  let problem: String?
  let omission: String?
  let problems: [String]
  let comparisons: [Tensor]

  init(_ result: CheckResult) {
    caseName = result.caseName
    check = result.check
    passed = result.passed
    tensors = result.comparisons.count
    absoluteError = result.absoluteError.finite
    relativeError = result.relativeError.finite
    problem = result.problem
    omission = result.omission
    problems =
      (result.problem.map { [$0] } ?? [])
      + result.comparisons.compactMap { row in row.failure.map { "\(row.name): \($0)" } }
    comparisons = result.comparisons.map {
      Tensor(
        name: $0.name, absoluteError: $0.absoluteError.finite, relativeError: $0.relativeError.finite,
        failure: $0.failure)
    }
  }

  var result: CheckResult {
    CheckResult(
      caseName: caseName, check: check,
      comparisons: comparisons.map {
        Comparison(
          name: $0.name, absoluteError: $0.absoluteError ?? .infinity,
          relativeError: $0.relativeError ?? .infinity, failure: $0.failure)
      }, problem: problem, omission: omission)
  }
}

extension Double {
  fileprivate var finite: Double? { isFinite ? self : nil }
}
