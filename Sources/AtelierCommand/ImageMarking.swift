import Atelier

/// Puts the invisible mark into the images that a command writes, and says once what came of it.
final class ImageMarking {
  private let isOn: Bool
  /// How many images are not marked, by the reason.
  private var unmarked: [String: Int] = [:]
  /// How many carry a mark that may not last.
  private var weak = 0

  /// - Parameter isOn: whether images are marked at all.
  init(_ isOn: Bool) { self.isOn = isOn }

  /// An image as it is written.
  func callAsFunction(_ image: Image) -> Image {
    guard isOn else { return image }
    let (marked, outcome) = InvisibleMark.marked(image)
    switch outcome {
    case .marked: break
    case .weak: weak += 1
    case .unmarked(let reason): unmarked[reason, default: 0] += 1
    }
    return marked
  }

  /// An output as it is written: images are marked, and anything else stays.
  func callAsFunction(_ shown: FieldCodec.Shown) -> FieldCodec.Shown {
    if case .image(let image) = shown { .image(self(image)) } else { shown }
  }

  /// What is to be said of the images so far, a sentence each.
  var sentences: [String] {
    var sentences = unmarked.sorted { $0.key < $1.key }.map { reason, count in
      count == 1
        ? "The image carries no invisible mark: \(reason)."
        : "\(count) images carry no invisible mark: of each, \(reason)."
    }
    if weak > 0 {
      sentences.append(
        "\(weak == 1 ? "An image is" : "\(weak) images are") so small or plain that the invisible mark in "
          + "\(weak == 1 ? "it" : "them") may not outlive JPEG, halving or cropping.")
    }
    return sentences
  }

  /// Says it.
  func report() {
    for sentence in sentences { standardError("\(sentence)\n") }
  }
}
