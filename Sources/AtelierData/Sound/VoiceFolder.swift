internal import AtelierMedia
internal import Foundation
internal import Synchronization

/// The sounds of several speakers: a folder a speaker, within folders of parts or not, or a table of files and speakers.
struct VoiceFolder {
  /// Columns of a table that name the file, in the order of search.
  static let fileColumns = ["file", "file_name", "filename", "path", "audio", "sound"]
  /// Columns that name the speaker.
  static let speakerColumns = ["speaker", "speaker_id", "voice", "label", "class"]

  let sounds: SoundFolder
  /// The speakers of the training part, sorted.
  let speakers: [String]
  /// The number of the speaker of each sound; nil: it has none, or one that the training does not know.
  let labels: [Int?]
  let notes: [String]

  /// A part of the data.
  ///
  /// - Throws: as ``SoundFolder`` and `LabelTable`, and ``DatasetError/unusable(path:reason:)`` where no sound has a speaker.
  init(_ place: URL, _ split: DatasetSplit) throws(DatasetError) {
    let root = try archiveFolder(at: place)
    let shards = try SoundShards(at: root)
    let table = shards != nil ? nil : ImageFolders.isFolder(root) ? LabelTable.find(in: root) : root
    let names: [String?]
    if let table {
      let listed = try LabelTable(table)
      guard let column = Self.speakerColumns.first(where: { listed.names.contains($0) }) else {
        throw .badTable(
          path: table.path,
          reason:
            "it has no column named \(Self.speakerColumns.joined(separator: ", ")); it has \(listed.names.joined(separator: ", "))"
        )
      }
      let folder = table.deletingLastPathComponent()
      let rows = try listed.named(split, columns: Self.fileColumns)
      sounds = try SoundFolder(rows.map(\.path), in: folder, name: folder.lastPathComponent)
      let owners = Dictionary(rows.map { ($0.path, $0.row[column]) }) { first, _ in first }
      names = sounds.entries.map { owners[$0.name] ?? nil }
      let training = try listed.named(.train, columns: Self.fileColumns)
      speakers = Set(training.compactMap { $0.row[column] }).sorted()
    } else {
      sounds = try SoundFolder(root, split)
      names = sounds.entries.map { Self.speaker(of: $0.name) }
      let training = SoundFolder.parts(of: root)[.train] ?? root
      let known = try shards?.places(of: .train).map(\.name) ?? MediaFiles.names(.sounds, below: training)
      speakers = Set(known.compactMap(Self.speaker)).sorted()
    }
    guard !speakers.isEmpty else {
      throw .unusable(
        path: place.path,
        reason:
          "none of its sounds lies in the folder of a speaker; make a folder a speaker, or a table with the columns file "
          + "and speaker")
    }
    let places = NamePlaces(speakers)
    labels = names.map { $0.flatMap { places($0) } }
    var notes = sounds.notes
    let bare = zip(names, sounds.entries).filter { $0.0 == nil }.map(\.1.name)
    if let first = bare.first {
      notes.append("\(bare.count) sounds have no speaker and are left out, such as \(first).")
    }
    for name in Set(names.compactMap(\.self)).sorted() where !places.contains(name) {
      if let place = places(name) {
        notes.append("The speaker \(name) is taken for \(speakers[place]) of the training part.")
      }
    }
    let strangers = Set(zip(names, labels).compactMap { $1 == nil ? $0 : nil }).sorted()
    let lost = zip(names, labels).filter { $0 != nil && $1 == nil }.count
    let left = lost == 1 ? "1 sound is" : "\(lost) sounds are"
    if let first = strangers.first {
      notes.append(
        strangers.count == 1
          ? "The speaker \(first) is not in the training part, and \(left) left out."
          : "\(strangers.count) speakers are not in the training part, and \(left) left out, such as \(first)'s."
      )
    }
    self.notes = notes
  }

  /// The first folder of a path; nil for a file beside the speakers' folders.
  private static func speaker(of path: String) -> String? {
    let parts = path.split(separator: "/")
    return parts.count > 1 ? String(parts[0]) : nil
  }

  /// The mono samples of a sound at a rate.
  ///
  /// - Throws: `AudioError` for a file that cannot be decoded, or holds NaN.
  static func samples(of place: SoundPlace, at rate: Int) throws(AudioError) -> [Float] {
    let sound = try place.audio().mono().resampled(to: rate)
    guard sound.samples.allSatisfy(\.isFinite) else {
      throw .damaged(file: place.path, reason: "some of its samples are NaN or infinite")
    }
    return sound.samples
  }

  // MARK: Features

  /// An utterance with its features.
  struct Utterance: Sendable {
    let entry: SoundFolder.Entry
    let speaker: Int
    let spectrogram: Spectrogram
  }

  /// Features that were computed already, the latest of a few: a training opens its data for each of its parts.
  private static let computed = Mutex<[(key: String, utterances: [Utterance], notes: [String])]>([])

  /// The utterances that have features, with those left out as notes.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` where a speaker of the training part has none.
  func utterances(
    _ features: any UtteranceFeatures, _ split: DatasetSplit
  ) throws(DatasetError) -> (utterances: [Utterance], notes: [String]) {
    // Utterances name their files, so that equal files elsewhere are others.
    let place = sounds.entries.first?.place.path ?? ""
    let key = "\(place) \(sounds.fingerprint) \(speakers) \(features)"
    if let known = Self.computed.withLock({ $0.first { $0.key == key } }) {
      return (known.utterances, known.notes)
    }
    enum Outcome: Sendable {
      case good(Utterance), short(String), silent(String), damaged(String, String), foreign
    }
    let (entries, labels) = (sounds.entries, labels)
    let outcomes = inParallel(entries.count) { index -> Outcome in
      let entry = entries[index]
      guard let speaker = labels[index] else { return .foreign }
      do {
        let samples = try Self.samples(of: entry.place, at: features.sampleRate)
        guard samples.count >= features.shortest else { return .short(entry.name) }
        var meter = AudioMeter(sampleRate: features.sampleRate, channels: 1)
        meter.add(Audio(sampleRate: features.sampleRate, channels: 1, samples: samples))
        guard meter.levels.silentFraction < 1 else { return .silent(entry.name) }
        return .good(
          Utterance(entry: entry, speaker: speaker, spectrogram: Spectrogram(try features(samples))))
      } catch { return .damaged(entry.name, "\(error)") }
    }
    var (good, short, silent, damaged) = ([Utterance](), [String](), [String](), [(String, String)]())
    for outcome in outcomes {
      switch outcome {
      case .good(let utterance): good.append(utterance)
      case .short(let name): short.append(name)
      case .silent(let name): silent.append(name)
      case .damaged(let name, let reason): damaged.append((name, reason))
      case .foreign: break
      }
    }
    var notes = self.notes
    if let first = short.first {
      let milliseconds = features.shortest * 1000 / features.sampleRate
      notes.append(
        "\(short.count) sounds are shorter than \(milliseconds) ms and are left out, such as \(first).")
    }
    if let first = silent.first {
      notes.append("\(silent.count) sounds are silent and are left out, such as \(first).")
    }
    if let first = damaged.first {
      notes.append("\(damaged.count) sounds are damaged and are left out, such as \(first.0): \(first.1)")
    }
    guard !good.isEmpty else {
      throw .unusable(
        path: sounds.name,
        reason: "none of its sounds can be used: " + (notes.last ?? "they have no speakers"))
    }
    if split == .train,
      let lacking = speakers.indices.first(where: { label in !good.contains { $0.speaker == label } })
    {
      throw .unusable(
        path: sounds.name,
        reason:
          "the speaker \(speakers[lacking]) has no sound that can be used; repair his files, or take his folder away"
      )
    }
    let found = (key: key, utterances: good, notes: notes)
    Self.computed.withLock { $0 = $0.suffix(3) + [found] }
    return (good, notes)
  }
}
