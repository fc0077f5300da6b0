import Atelier

/// Puts the invisible mark into the images, sounds and frames that a command writes, and the visible label into frames, and
/// says once what came of it.
final class OutputMarking {
  /// What can be marked, as sentences name it.
  private enum Medium: String, CaseIterable { case image, sound, frame }

  private let isOn: Bool
  /// How many are not marked, by the reason.
  private var unmarked: [Medium: [String: Int]] = [:]
  /// How many carry a mark that may not last.
  private var weak: [Medium: Int] = [:]
  /// The label of frames of the last size, as far as they have room for it.
  private var label: (width: Int, height: Int, label: VisibleLabel?)?
  private let labels: Bool

  /// - Parameters:
  ///   - isOn: whether anything is marked at all.
  ///   - labels: whether frames of videos carry the visible label.
  init(_ isOn: Bool, labels: Bool) { (self.isOn, self.labels) = (isOn, labels) }

  /// Whether anything is marked at all.
  var marks: Bool { isOn }

  /// An image as it is written.
  func callAsFunction(_ image: Image) -> Image {
    guard isOn else { return image }
    let (marked, outcome) = InvisibleMark.marked(image)
    count(outcome, .image)
    return marked
  }

  /// A frame of a video as it is written.
  ///
  /// - Throws: `ImageError` where the label cannot be drawn.
  func callAsFunction(frame: Image) throws(ImageError) -> Image {
    var shown = frame
    if labels {
      if label?.width != frame.width || label?.height != frame.height {
        label = (frame.width, frame.height, try VisibleLabel(width: frame.width, height: frame.height))
      }
      if let label = label?.label { shown = try label(frame) }
    }
    guard isOn else { return shown }
    let (marked, outcome) = InvisibleMark.marked(shown)
    count(outcome, .frame)
    return marked
  }

  /// A sound as it is written.
  func callAsFunction(_ sound: Audio) -> Audio {
    guard isOn else { return sound }
    let (marked, outcome) = InvisibleMark.marked(sound)
    count(outcome, .sound)
    return marked
  }

  /// An output as it is written: images and sounds are marked, and anything else stays.
  func callAsFunction(_ shown: FieldCodec.Shown) throws -> FieldCodec.Shown {
    switch shown {
    case .image(let image): .image(self(image))
    case .audio(let sound): .audio(self(sound))
    case .video(let frames, let rate): .video(try frames.map { try self(frame: $0) }, rate)
    case .text: shown
    }
  }

  private func count(_ outcome: InvisibleMark.Outcome, _ medium: Medium) {
    switch outcome {
    case .marked: break
    case .weak: weak[medium, default: 0] += 1
    case .unmarked(let reason): unmarked[medium, default: [:]][reason, default: 0] += 1
    }
  }

  /// What is to be said so far, a sentence each.
  var sentences: [String] {
    var sentences: [String] = []
    for medium in Medium.allCases {
      let (name, mark) = (medium.rawValue, medium == .sound ? "inaudible" : "invisible")
      sentences += (unmarked[medium] ?? [:]).sorted { $0.key < $1.key }.map { reason, count in
        count == 1
          ? "The \(name) carries no \(mark) mark: \(reason)."
          : "\(count) \(name)s carry no \(mark) mark: of each, \(reason)."
      }
      guard let weak = weak[medium] else { continue }
      let (nature, harm) =
        medium == .sound
        ? ("short or quiet", "lossy coding or cutting") : ("small or plain", "JPEG, halving or cropping")
      sentences.append(
        "\(weak == 1 ? "\(medium == .image ? "An" : "A") \(name) is" : "\(weak) \(name)s are") so \(nature) that the "
          + "\(mark) mark in \(weak == 1 ? "it" : "them") may not outlive \(harm).")
    }
    if let label, label.label == nil {
      sentences.append(
        "The frames are too small for a visible label; say beside the video that a model made it.")
    }
    return sentences
  }

  /// Says it.
  func report() {
    for sentence in sentences { standardError("\(sentence)\n") }
  }
}
