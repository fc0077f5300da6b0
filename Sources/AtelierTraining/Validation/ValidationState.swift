public import AtelierCore
public import AtelierGeneration
public import AtelierMetrics
public import Torch

/// What the measurements of a training came to so far; part of every checkpoint, so that a resumed training
/// decides as one that was not interrupted.
public struct ValidationState: Sendable, Hashable, Codable {
  /// The id of the number that decides.
  public var number: String
  /// The direction in which it is better.
  public var better: Better
  /// The part of the data that it was measured on.
  public var part: String
  /// Its best value; nil: it was never a number.
  public var best: Double?
  /// The step of the best value.
  public var bestStep: Int?
  /// Measurements since the best one.
  public var stale = 0
  /// The step of the last measurement.
  public var step: Int
  /// Seconds of training at the last measurement.
  public var seconds: Double

  /// Takes note of a measurement.
  ///
  /// - Returns: whether it is the best so far.
  mutating func observe(_ value: Double, step: Int, seconds: Double) -> Bool {
    (self.step, self.seconds) = (step, seconds)
    let isBetter =
      value.isFinite
      && (best.map { better == .smaller ? value < $0 : value > $0 } ?? true)
    if isBetter {
      (best, bestStep, stale) = (value, step, 0)
    } else {
      stale += 1
    }
    return isBetter
  }
}

/// How a system is measured while it is trained. The trainer knows no measure: it is handed this.
public struct ValidationMeasuring {
  /// Measures a system as it is now, networks in training mode; the same weights give the same numbers.
  public typealias Meter = (any GenerativeSystem) throws -> [MeasuredNumber]

  /// Checks that data can be measured on, before anything is written, and gives what measures.
  public let open: (ValidationRequest) throws -> Meter

  /// A way of measuring.
  public init(open: @escaping (ValidationRequest) throws -> Meter) { self.open = open }
}

/// What a training wants measured.
public struct ValidationRequest {
  /// The data it learns from.
  public let data: DataBinding
  /// Its run, which keeps what judges.
  public let run: RunDirectory
  /// What was asked for.
  public let policy: ValidationPolicy
  /// What samples are drawn with.
  public let seed: UInt64
  /// Told what is being done, for long work.
  public let say: (String) -> Void
  /// Those that measure together, each of which opens what measures and calls it at the same steps; the numbers of
  /// process 0 count. nil: this process alone.
  public var processes: (any ProcessGroup)?
}
