public import AtelierData
public import Torch
public import TorchNN

/// Sounds into sounds of the same length. The functions are those of ``SoundTranslatingSystem``.
public struct SoundTranslation: Ability, Hashable {
  /// The field of the sound to start from, which is a condition as well.
  public var source: String
  /// The field of the sound to come to.
  public var target: String
  /// Samples that the networks take at a time.
  public var window: Int
  /// How sources are made of whole sounds in training; nil where they are given.
  public var degradation: SoundDegradation?

  /// Describes the translation.
  public init(source: String, target: String, window: Int, degradation: SoundDegradation? = nil) {
    (self.source, self.target, self.window, self.degradation) = (source, target, window, degradation)
  }
}

/// How sounds are translated.
public struct SoundDrawing: Settings {
  /// Whether the given sound is the source itself; false: the source is made of it as in training.
  public var isSource = false
  /// The share of a window that overlaps with the next one, in which one fades into the other.
  public var overlap = 0.25

  /// As in training, a quarter overlapping.
  public init() {}

  /// Refuses windows that do not advance.
  public func validate() throws(ConfigurationError) {
    try Checks.require((0...0.5).contains(overlap), "overlap is 0 to 0.5, not \(overlap)")
  }
}

/// A system that turns sounds into sounds of the same length; its plan has ``SoundTranslation``, and its settings of
/// drawing are ``SoundDrawing``.
public protocol SoundTranslatingSystem: GenerativeSystem {
  /// What becomes of windows `[n, channels, window]`, networks in evaluation mode.
  func translated(_ windows: Tensor) throws -> Tensor

  /// What becomes of sounds `[n, channels, samples]` of any length.
  ///
  /// - Parameters:
  ///   - window: samples that the networks take at a time.
  ///   - overlap: the share of a window that overlaps with the next one.
  func translated(sounds: Tensor, _ window: Int, _ overlap: Double) throws -> Tensor
}

extension SoundTranslatingSystem {
  /// Sounds of any length, window by window.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let translation = plan.ability(SoundTranslation.self) else {
      throw ConfigurationError("\(Self.identity.name) does not say what it translates")
    }
    let settings = try request.sampling(as: SoundDrawing.self)
    var source = try request.required(translation.source)
    if !settings.isSource, let degradation = translation.degradation {
      source = Tensor(degradation(source.to(.cpu).contiguous().host()), device: source.device)
    }
    try emit(Output(translation.target, translated(sounds: source, translation.window, settings.overlap)))
  }

  /// Sounds `[n, channels, samples]` of any length: windows that overlap, added up with weights that rise and fall
  /// linearly in the overlaps and are 1 together.
  public func translated(sounds: Tensor, _ window: Int, _ overlap: Double) throws -> Tensor {
    let (count, channels, samples) = (sounds.shape[0], sounds.shape[1], sounds.shape[2])
    let shared = Int(Double(window) * overlap)
    let hop = window - shared
    let windows = samples <= window ? 1 : 1 + (samples - window + hop - 1) / hop
    let padded = sounds.padded([0, (windows - 1) * hop + window - samples])
    let rising = (Tensor.arange(max(1, shared)).asType(sounds.dtype) + 0.5) / Double(max(1, shared))
    let sum = Tensor.zeros(padded.shape, dtype: sounds.dtype, device: sounds.device)
    // A few at a time, so that memory does not grow with the sound.
    for first in stride(from: 0, to: windows, by: 8) {
      let numbers = Array(first..<min(windows, first + 8))
      let pieces = Tensor.concatenated(
        numbers.map { padded.narrow(2, from: $0 * hop, length: window) }, dim: 0)
      let made = try translated(pieces)
      for (place, number) in numbers.enumerated() {
        var piece = made.narrow(0, from: place * count, length: count).cloned()
        if shared > 0, number > 0 {
          let weights = rising.to(sounds.device)
          piece = Tensor.concatenated(
            [piece.narrow(2, from: 0, length: shared) * weights, piece.narrow(2, from: shared, length: hop)],
            dim: 2)
        }
        if shared > 0, number < windows - 1 {
          let weights = rising.flipped([0]).to(sounds.device)
          piece = Tensor.concatenated(
            [piece.narrow(2, from: 0, length: hop), piece.narrow(2, from: hop, length: shared) * weights],
            dim: 2)
        }
        sum.narrow(2, from: number * hop, length: window).addInPlace(piece)
      }
    }
    check(sum.shape == [count, channels, padded.shape[2]], "windows of a sound lost their shape")
    return sum.narrow(2, from: 0, length: samples)
  }
}
