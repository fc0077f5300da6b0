public import Foundation

/// Utterances of several speakers as spectrograms, with the number of the speaker: a folder a speaker, or a table.
///
/// A speaker's folder may hold folders; parts are folders `train`, `validation` and `test` around the speakers, as in
/// ``Sounds``. A table (`.csv` or `.jsonl`, named itself or within the folder as `metadata.csv`) has a column of files and
/// one of speakers, and may have one of parts, `split`. Features are computed once, of whole utterances, and kept in memory.
public struct Voices: DataArrangement {
  /// How utterances become examples.
  public enum Serving: Sendable, Hashable {
    /// Random crops of the field's frames, with zeros behind the end of a shorter utterance.
    case crops
    /// The same, so many of one speaker after the other, where he has as many.
    case groups(of: Int)
    /// Whole utterances, a batch of each speaker in turn, repeated to the longest and to a multiple of frames.
    case rounds(multiple: Int)
  }

  /// `voices`
  public let id = "voices"
  /// The field of the spectrogram.
  public var utterance: String
  /// The field of the speaker's number.
  public var speaker: String
  /// How utterances become examples.
  public var serving: Serving
  /// What spectrograms are.
  public var features: any UtteranceFeatures
  /// Whether each band has mean 0 and deviation 1 over the training part; see ``BandStatistics``.
  public var standardises: Bool
  /// What makes the speakers' embeddings, which become the artefact ``SpeakerEmbeddings``; nil: there are none.
  public var embedding: (any SpeakerEmbedding)?

  /// Utterances of speakers.
  public init(
    utterance: String, speaker: String, serving: Serving, features: any UtteranceFeatures,
    standardises: Bool = false,
    embedding: (any SpeakerEmbedding)? = nil
  ) {
    (self.utterance, self.speaker, self.serving) = (utterance, speaker, serving)
    (self.features, self.standardises, self.embedding) = (features, standardises, embedding)
  }

  /// What weights are fitted to.
  public var numberingArtefacts: [String] { [BandStatistics.name, SpeakerEmbeddings.name] }

  /// Opens the training part, and adds statistics and embeddings as artefacts.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let folder = try VoiceFolder(place, .train)
    let found = try folder.utterances(features, .train)
    if standardises {
      _ = try artefacts.value(BandStatistics.name) {
        BandStatistics(of: found.utterances.map(\.spectrogram), bands: features.bands)
      }
    }
    if let embedding {
      _ = try artefacts.value(SpeakerEmbeddings.name) {
        try Self.embeddings(embedding, of: found.utterances, folder.speakers)
      }
    }
    return try part(folder, found, .train, opening, artefacts)
  }

  /// Opens a part.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let folder = try VoiceFolder(place, split)
    return try part(folder, try folder.utterances(features, split), split, opening, artefacts)
  }

  /// True where crops have the same length: the number of speakers adapts to the data.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    first.reading == opening.reading
      && first.fields.first { $0.name == utterance } == opening.fields.first { $0.name == utterance }
  }

  private func part(
    _ folder: VoiceFolder, _ found: (utterances: [VoiceFolder.Utterance], notes: [String]),
    _ split: DatasetSplit,
    _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    guard let field = opening.fields.first(where: { $0.name == utterance }),
      case .spectrogram(let bands, let frames) = field.kind, bands == features.bands
    else { throw DatasetError.invalid(reason: "\(folder.sounds.name): the system takes no spectrograms") }
    let statistics =
      standardises && artefacts.contents[BandStatistics.name] != nil
      ? try artefacts.decode(BandStatistics.self, BandStatistics.name) : nil
    guard statistics.map({ $0.mean.count == bands && $0.deviation.count == bands }) ?? true else {
      throw DatasetError.invalid(
        reason:
          "the artefact '\(BandStatistics.name)' is of another number of bands than \(bands); train on the data again"
      )
    }
    var histogram = [Int](repeating: 0, count: folder.speakers.count)
    for utterance in found.utterances { histogram[utterance.speaker] += 1 }
    let used = found.utterances.map(\.entry)
    let description = DatasetDescription(
      layout: .sounds, name: folder.sounds.name, split: split, count: found.utterances.count,
      classNames: folder.speakers, labelHistogram: histogram,
      fingerprint: contentFingerprint(of: Array("\(folder.sounds.fingerprint) \(folder.labels)".utf8)),
      notes: found.notes + SoundFolder.remarks(of: used, sampleRate: features.sampleRate, channels: 1))
    return .examples(
      VoiceSet(
        found.utterances, description, names: (utterance, speaker), serving: serving, frames: frames,
        statistics: statistics))
  }

  /// A vector for each speaker, of the first of his utterances.
  private static func embeddings(
    _ embedding: any SpeakerEmbedding, of utterances: [VoiceFolder.Utterance], _ speakers: [String]
  ) throws -> SpeakerEmbeddings {
    SpeakerEmbeddings(
      speakers: speakers,
      vectors: try embedding(of: speakers.count) { label in
        let chosen = utterances.filter { $0.speaker == label }.prefix(embedding.utterances)
        return try chosen.map { try VoiceFolder.samples(of: $0.entry.place, at: embedding.sampleRate) }
      })
  }

  /// Whether another arrangement says the same.
  public static func == (one: Voices, other: Voices) -> Bool {
    one.utterance == other.utterance && one.speaker == other.speaker && one.serving == other.serving
      && one.standardises == other.standardises && AnyHashable(one.features) == AnyHashable(other.features)
      && one.embedding.map { AnyHashable($0) } == other.embedding.map { AnyHashable($0) }
  }

  /// Hashes what `==` compares.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(utterance)
    hasher.combine(speaker)
    hasher.combine(serving)
    hasher.combine(standardises)
    hasher.combine(AnyHashable(features))
    hasher.combine(embedding.map { AnyHashable($0) })
  }
}
