internal import AtelierHashing
internal import AtelierMedia
public import Foundation
internal import Synchronization

/// Checks a folder of sounds or videos before training: decodes every file, and reports corrupt files, mixed
/// rates, clipping, silence, DC offset, frozen frames and duplicates.
///
/// Damaged files are reported as findings. Frames are compared at 32 x 32 pixels.
///
/// - Parameters:
///   - path: a folder, searched recursively without hidden names.
///   - system: the name of a system for a kind of data, and options that it needs, for the suggested command; nil suggests
///     none.
///   - progress: called on any thread with the numbers of files done and in total.
/// - Returns: nil where the folder holds neither sounds nor videos, or also images, which are checked by
///   ``checkData(at:options:suggesting:progress:)``. Where it holds both, only the videos are checked.
/// - Throws: ``DatasetError`` for a damaged archive, or a folder that cannot be listed.
public func checkMedia(
  at path: URL, suggesting system: (DataKind) -> String? = { _ in nil },
  progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
) throws(DatasetError) -> MediaReport? {
  let given = path.relativePath
  let path = try archiveFolder(at: path)
  return try ImageFolders.opening(path) { () throws(DatasetError) -> MediaReport? in
    try checkMedia(in: path, named: given, suggesting: system, progress)
  }
}

private func checkMedia(
  in path: URL, named given: String, suggesting system: (DataKind) -> String?,
  _ progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
) throws(DatasetError) -> MediaReport? {
  try ImageFolders.requireListable(path)
  // A damaged shard is named by the check of images, which comes next.
  if let shards = (try? SoundShards(at: path)) ?? nil {
    var places: [SoundPlace] = []
    for split in shards.splits {
      // Names begin with the part, as those of a divided folder do.
      places += try shards.places(of: split).map { place in
        let part = shards.splits.count > 1 ? split.rawValue + "/" : ""
        return SoundPlace(name: part + place.name, file: place.file, member: place.member)
      }
    }
    var check = MediaCheck(path, .sounds, places, progress)
    check.report.path = given
    check.suggest(check.good, system)
    return check.report
  }
  guard ImageFolders.isFolder(path), ImageFolders.pictures(below: path).isEmpty else { return nil }
  for medium in [MediaReport.Medium.videos, .sounds] {
    let files = MediaFiles.names(medium, below: path)
    guard !files.isEmpty else { continue }
    let places = files.map { SoundPlace(name: $0, file: path.appendingPathComponent($0)) }
    var check = MediaCheck(path, medium, places, progress)
    check.report.path = given
    check.suggest(check.good, system)
    return check.report
  }
  return nil
}

struct MediaCheck {
  /// The properties of one file.
  struct Facts: Sendable {
    var name: String
    var duration = 0.0
    var rate = ""
    var shape = ""
    var encoding = ""
    var digest = ""
    var levels: AudioLevels?
    var frames = 0
    var repeatedFrames = 0
    var isConstantRate = true
    var failure: String?
  }

  var report: MediaReport
  /// The files that could be decoded.
  private(set) var good: [Facts] = []

  init(
    _ path: URL, _ medium: MediaReport.Medium, _ files: [SoundPlace],
    _ progress: (@Sendable (Int, Int) -> Void)?
  ) {
    let done = Mutex(0)
    let all = inParallel(files.count) { index -> Facts in
      let place = files[index]
      var facts = Facts(name: place.name)
      switch medium {
      case .sounds:
        do throws(AudioError) { try Self.listen(to: place, &facts) } catch {
          facts.failure = error.description
        }
      case .videos:
        do throws(VideoError) { try Self.watch(place.file, &facts) } catch {
          facts.failure = error.description
        }
      }
      let now = done.withLock { count -> Int in
        count += 1
        return count
      }
      progress?(now, files.count)
      return facts
    }
    good = all.filter { $0.failure == nil }
    let lengths = good.map(\.duration).sorted()
    report = MediaReport(
      path: path.relativePath, medium: medium, count: good.count, duration: lengths.reduce(0, +),
      lengths: lengths.isEmpty ? [] : [lengths[0], lengths[lengths.count / 2], lengths[lengths.count - 1]],
      rates: Self.tallies(good.map(\.rate)), shapes: Self.tallies(good.map(\.shape)),
      encodings: Self.tallies(good.map(\.encoding)), folders: medium == .sounds ? Self.folders(good) : [],
      findings: [],
      corrupt: all.compactMap { facts in
        facts.failure.map { DataReport.Corrupt(path: facts.name, reason: $0) }
      },
      duplicates: Dictionary(grouping: good, by: \.digest).values.filter { $0.count > 1 }
        .map { $0.map(\.name) }.sorted { $0[0] < $1[0] })
    judge(good, all.count)
    if medium == .sounds {
      judgeSounds(good)
      judgeVoices(good)
    } else {
      judgeVideos(good)
    }
    let order = DataReport.Severity.allCases
    report.findings = order.flatMap { severity in report.findings.filter { $0.severity == severity } }
  }

  // MARK: Reading

  private static func listen(to place: SoundPlace, _ facts: inout Facts) throws(AudioError) {
    let reader = try place.reader()
    let information = reader.information
    var meter = AudioMeter(sampleRate: information.sampleRate, channels: information.channels)
    var hash = SHA256Hasher()
    while let window = try reader.read(frames: 65_536) {
      meter.add(window)
      window.interleaved.withUnsafeBytes { hash.update($0) }
    }
    guard reader.position > 0 else { throw .damaged(file: place.path, reason: "it holds no frames") }
    facts.duration = Double(reader.position) / Double(information.sampleRate)
    facts.rate = "\(information.sampleRate) Hz"
    facts.shape = information.channels == 1 ? "mono" : "\(information.channels) channels"
    facts.encoding = information.encoding == .other ? information.encodingName : information.encoding.rawValue
    facts.digest = hash.hexDigest() + facts.rate + facts.shape
    facts.levels = meter.levels
  }

  private static func watch(_ file: URL, _ facts: inout Facts) throws(VideoError) {
    let video = try Video(contentsOf: file)
    let reader = try video.frames(FrameSelection(size: .init(width: 32, height: 32)))
    var hash = SHA256Hasher()
    var last: [UInt8] = []
    while let frame = try reader.next() {
      hash.update(frame.bytes)
      // Where nothing moves, an encoder changes pixels by up to half an 8-bit level on average.
      let change = zip(frame.bytes, last).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      if !last.isEmpty && 2 * change < last.count { facts.repeatedFrames += 1 }
      last = frame.bytes
      facts.frames += 1
    }
    guard facts.frames > 0 else { throw .damaged(file: file.path, reason: "it holds no frames") }
    facts.duration = video.information.duration ?? Double(facts.frames) / (video.frameRate?.value ?? 25)
    facts.rate = "\(video.frameRate?.description ?? "unknown") frames/s"
    facts.shape = "\(video.width) x \(video.height)"
    facts.encoding = video.information.codec
    facts.isConstantRate = video.information.isConstantRate
    facts.digest = hash.hexDigest() + facts.shape
  }

  private static func tallies(_ names: [String]) -> [DataReport.Tally] {
    Dictionary(grouping: names, by: { $0 }).map { DataReport.Tally(name: $0.key, count: $0.value.count) }
      .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
  }

  /// Seconds by the first folder within a part, as a folder a speaker has them.
  private static func folders(_ sounds: [Facts]) -> [DataReport.Tally] {
    var seconds: [String: Double] = [:]
    for sound in sounds {
      let names = sound.name.split(separator: "/").dropLast()
      guard let folder = names.dropFirst(part(sound.name) == nil ? 0 : 1).first else { continue }
      seconds[String(folder), default: 0] += sound.duration
    }
    return seconds.map { DataReport.Tally(name: $0.key, count: Int($0.value.rounded())) }
      .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
  }

  // MARK: Findings

  mutating func find(_ severity: DataReport.Severity, _ kind: MediaReport.Kind, _ message: String) {
    report.findings.append(MediaReport.Finding(severity: severity, kind: kind, message: message))
  }

  private mutating func judge(_ good: [Facts], _ total: Int) {
    let medium = report.medium.rawValue
    if let first = report.corrupt.first {
      find(
        good.isEmpty ? .error : .warning, .corrupt,
        "\(report.corrupt.count) of \(total) \(medium) cannot be decoded, the first being \(first.path); remove or "
          + "repair the files listed as corrupt.")
    }
    if !good.isEmpty && good.count < 100 {
      find(.note, .fewExamples, "There are \(good.count) \(medium); most systems need hundreds to thousands.")
    }
    if let first = report.duplicates.first {
      let surplus = report.duplicates.reduce(0) { $0 + $1.count - 1 }
      find(
        .note, .duplicates, "\(surplus) of \(good.count) \(medium) are copies of others, such as \(first[1])."
      )
    }
    let leaks = report.duplicates.filter { Set($0.compactMap(Self.part)).count > 1 }
    if let first = leaks.first {
      find(
        .warning, .leakage,
        "Copies are in more than one part, such as \(first.joined(separator: " = ")); measures on held-out data will "
          + "be too good.")
    }
    if report.rates.count > 1 {
      find(
        .warning, .mixedRates,
        "The \(medium) have \(report.rates.count) different rates, mostly \(report.rates[0].name); resample them to one."
      )
    }
    if report.shapes.count > 1 {
      find(
        .note, report.medium == .sounds ? .mixedChannels : .mixedSizes,
        "The \(medium) have \(report.shapes.count) different shapes, mostly \(report.shapes[0].name).")
    }
  }

  /// The part of a file by the name of its first folder.
  static func part(_ name: String) -> DatasetSplit? {
    let folders = name.split(separator: "/")
    guard folders.count > 1 else { return nil }
    return DatasetSplit.allCases.first { ImageFolders.names(of: $0).contains(folders[0].lowercased()) }
  }

  private mutating func judgeSounds(_ sounds: [Facts]) {
    let measured = sounds.compactMap { facts in facts.levels.map { (name: facts.name, levels: $0) } }
    let clipped = measured.filter { $0.levels.clippedSamples > 0 }
    if let worst = clipped.max(by: { $0.levels.clippedSamples < $1.levels.clippedSamples }) {
      find(
        .warning, .clipping,
        "\(clipped.count) of \(sounds.count) sounds are clipped, \(worst.name) most with "
          + "\(worst.levels.clippedSamples) samples; record them at a lower level, or leave them out.")
    }
    let silent = measured.filter { $0.levels.silentFraction == 1 }
    if let first = silent.first {
      find(
        silent.count == sounds.count ? .error : .warning, .silence,
        "\(silent.count) of \(sounds.count) sounds are silent from beginning to end, such as \(first.name).")
    }
    let long = measured.filter {
      $0.levels.silentFraction < 1 && max($0.levels.leadingSilence, $0.levels.trailingSilence) > 1
    }
    if let first = long.first {
      find(
        .note, .longSilence,
        "\(long.count) of \(sounds.count) sounds begin or end with more than a second of silence, such as "
          + "\(first.name).")
    }
    let shifted = measured.filter { $0.levels.dcOffset.contains { abs($0) > 0.01 } }
    if let first = shifted.first {
      find(
        .note, .offset,
        "\(shifted.count) of \(sounds.count) sounds have a DC offset above 0.01, such as \(first.name).")
    }
  }

  private mutating func judgeVideos(_ videos: [Facts]) {
    let frozen = videos.filter { $0.repeatedFrames > 0 }
    if let worst = frozen.max(by: { $0.repeatedFrames * $1.frames < $1.repeatedFrames * $0.frames }) {
      find(
        2 * worst.repeatedFrames > worst.frames ? .warning : .note, .frozen,
        "In \(frozen.count) of \(videos.count) videos frames repeat the one before, in \(worst.name) "
          + "\(worst.repeatedFrames) of \(worst.frames).")
    }
    let varying = videos.filter { !$0.isConstantRate }
    if let first = varying.first {
      find(
        .note, .variableRate,
        "\(varying.count) of \(videos.count) videos have a variable frame rate, such as \(first.name); read "
          + "them at a constant one.")
    }
  }
}
