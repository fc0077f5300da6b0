import ArgumentParser
import Atelier
import Foundation

/// A part of the data that training leaves alone.
enum HeldOutPart: String, CaseIterable, ExpressibleByArgument {
  case test, validation

  var split: DatasetSplit { self == .test ? .test : .validation }
}

extension MeasuredNumber {
  /// `recall: 0.8120 (real against real 0.9010) [0.7 … 0.9] — protocol`.
  var line: String {
    var text = "\(name): \(Self.spelled(value))"
    if let realAgainstReal { text += " (real against real \(Self.spelled(realAgainstReal)))" }
    if let interval { text += " [95 % \(Self.spelled(interval.lower)) … \(Self.spelled(interval.upper))]" }
    for baseline in baselines ?? [] { text += " (\(baseline.name) \(Self.spelled(baseline.value)))" }
    return text + " — " + protocolText
  }

  static func spelled(_ value: Double) -> String {
    String(format: abs(value) >= 100 ? "%.1f" : "%.4f", value)
  }
}
