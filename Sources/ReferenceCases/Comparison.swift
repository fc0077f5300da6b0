public import Torch

/// How far two numbers may lie apart: `absolute + relative * |expected|`.
public struct Tolerance: Sendable, Hashable {
  /// The part that grows with the expected value.
  public let relative: Double
  /// The part that does not.
  public let absolute: Double

  /// A tolerance.
  public init(relative: Double, absolute: Double) {
    self.relative = relative
    self.absolute = absolute
  }
}

/// The outcome of comparing one tensor with the expected one.
public struct Comparison: Sendable {
  /// What was compared.
  public let name: String
  /// The largest |actual - expected|.
  public let absoluteError: Double
  /// The largest |actual - expected| / |expected| over elements whose expected value is not tiny.
  public let relativeError: Double
  /// Why it failed; nil where it passed.
  public let failure: String?

  /// An outcome that another process found.
  init(name: String, absoluteError: Double, relativeError: Double, failure: String?) {
    self.name = name
    self.absoluteError = absoluteError
    self.relativeError = relativeError
    self.failure = failure
  }

  /// Compares element by element; a not-a-number, another shape or another kind of type fails.
  ///
  /// - Parameter outliers: the share of elements that may miss the tolerance, at least one where above 0.
  public init(
    _ name: String, actual: HostTensor, expected: HostTensor, tolerance: Tolerance, outliers: Double = 0
  ) {
    self.name = name
    guard actual.shape == expected.shape else {
      (absoluteError, relativeError) = (.infinity, .infinity)
      failure = "the shape is \(actual.shape), expected \(expected.shape)"
      return
    }
    guard actual.dtype.isFloatingPoint == expected.dtype.isFloatingPoint else {
      (absoluteError, relativeError) = (.infinity, .infinity)
      failure = "the type is \(actual.dtype), expected \(expected.dtype)"
      return
    }
    let exact = !expected.dtype.isFloatingPoint
    var absolute = 0.0
    var relative = 0.0
    var missed = 0
    var notNumbers = 0
    for (a, e) in zip(actual.doubles(), expected.doubles()) {
      guard a.isFinite, e.isFinite else {
        notNumbers += 1
        continue
      }
      let difference = abs(a - e)
      absolute = max(absolute, difference)
      if abs(e) > 1e-3 { relative = max(relative, difference / abs(e)) }
      let allowed = exact ? 0 : tolerance.absolute + tolerance.relative * abs(e)
      if difference > allowed { missed += 1 }
    }
    absoluteError = absolute
    relativeError = relative
    let pardoned = outliers > 0 ? max(1, Int(outliers * Double(expected.count))) : 0
    if notNumbers > 0 {
      failure = "\(notNumbers) elements are not finite numbers"
    } else if missed > pardoned {
      failure = "\(missed) of \(expected.count) elements miss the tolerance"
    } else {
      failure = nil
    }
  }
}
