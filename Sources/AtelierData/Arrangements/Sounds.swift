public import Foundation

/// Sounds, cut into clips; where a source is asked for, it is made from the sound itself, or given in a folder beside it.
///
/// See ``SoundFolder`` and ``SoundPairs`` for the forms of folders.
public struct Sounds: DataArrangement {
  /// `sounds`
  public let id = "sounds"
  /// The field of the source; nil: there is none.
  public var source: String?
  /// The field of the sound itself.
  public var target: String
  /// Samples from one clip to the next.
  public var hop: Int
  /// How the source is made.
  public var degradation: SoundDegradation?

  /// Clips of sounds.
  public init(source: String? = nil, target: String, hop: Int, degradation: SoundDegradation? = nil) {
    (self.source, self.target, self.hop, self.degradation) = (source, target, hop, degradation)
  }

  /// Opens a part.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    guard let field = opening.fields.first(where: { $0.name == target }),
      case .audio(1, let length, let sampleRate) = field.kind
    else { throw DatasetError.invalid(reason: "\(place.lastPathComponent): the system takes no mono sounds") }
    if source != nil, let pairs = try SoundPairs(place, split) {
      return .examples(
        try SoundClips(
          pairs.targets, split, names: (source, target), sampleRate: sampleRate, length: length, hop: hop,
          degradation: nil, sources: pairs.sources))
    }
    return .examples(
      try SoundClips(
        SoundFolder(place, split), split, names: (source, target), sampleRate: sampleRate, length: length,
        hop: hop,
        degradation: degradation))
  }
}
