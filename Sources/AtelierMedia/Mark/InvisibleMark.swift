/// A mark in the values of a medium that says that a model drew it, and that is still there when metadata are gone.
///
/// It says no more than that, carries no text, and is no proof against somebody who wants it gone: the pattern is the
/// same for everyone and stands in the source.
public enum InvisibleMark {
  /// What a search for the mark came to.
  public struct Finding: Sendable, Hashable {
    /// How far the medium agrees with the mark, in standard deviations of media without it.
    public let score: Double
    /// The scale at which it does: 2 where the medium was halved since.
    public let scale: Double
    /// Whether that is the mark.
    public var isFound: Bool { score >= InvisibleMark.threshold }
    /// The chance that a medium without the mark scores as much, at most.
    public var falseAlarm: Double {
      MarkPattern.falseAlarm(score, shifts: InvisibleMark.scales.count * MarkPattern.side * MarkPattern.side)
    }
  }

  /// What became of a medium that was to be marked.
  public enum Outcome: Sendable, Hashable {
    /// It carries the mark, and still does after JPEG of quality 75, halved and enlarged again, or with a tenth cut off;
    /// a sound after lossy coding and with a piece cut off.
    case marked
    /// It carries the mark, but so small, short or plain that it may not outlive what is done to it.
    case weak
    /// It is as it was: the reason, which fits behind "it is not marked:".
    case unmarked(String)
  }

  /// The score from which on the mark counts as found.
  public static let threshold = 7.0

  /// The scales that are tried: as it is, halved since, doubled since.
  static let scales: [Double] = [1, 2, 0.5]
}
