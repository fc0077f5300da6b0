import Atelier

// A plan in words, for `atelier systems`.

extension FieldKind {
  /// What it holds, without the number of examples.
  var summary: String {
    switch self {
    case .image(let channels, let height, let width, let range):
      "image, \(channels) × \(height) × \(width) in \(range == .signed ? "-1 … 1" : "0 … 1")"
    case .labelMap(let classes, let height, let width):
      "map of \(classes == .max ? "ids" : "\(classes) classes"), \(height) × \(width)"
    case .labelMaps(let classes, let frames, let height, let width):
      "\(frames) maps of \(classes == .max ? "ids" : "\(classes) classes"), \(height) × \(width)"
    case .label(let classes): classes == .max ? "class" : "class of \(classes)"
    case .tokens(let vocabulary, let length): "\(length) tokens of \(vocabulary)"
    case .audio(let channels, let samples, let sampleRate):
      "sound, \(channels) × \(samples) samples at \(sampleRate) Hz"
    case .video(let frames, let channels, let height, let width, let range):
      "video, \(frames) × \(channels) × \(height) × \(width) in \(range == .signed ? "-1 … 1" : "0 … 1")"
    case .features(let size): "vector of \(size)"
    case .spectrogram(let bands, let frames): "spectrogram, \(bands) bands × \(frames) frames"
    case .sequence(let vocabulary, let longest, _): "up to \(longest) tokens of \(vocabulary)"
    case .labels(let classes, let length): "\(length) classes of \(classes)"
    case .text: "text"
    }
  }
}

extension Condition {
  /// What it is, where it comes from, and what it does.
  var summary: String {
    let what =
      switch kind {
      case .field(let kind): kind.summary
      case .label(let classes): "class of \(classes)"
      case .text: "text"
      case .tensor(let shapes):
        "tensor of the shape "
          + shapes.map { "[" + $0.map { $0.map(String.init) ?? "any" }.joined(separator: ", ") + "]" }
          .joined(separator: " or ")
      }
    let source =
      switch origin {
      case .user: isRequired ? "required" : "optional"
      case .drawn: "drawn where not given"
      case .data: "from the data where not given"
      }
    return "\(what); \(source): \(help)"
  }
}
