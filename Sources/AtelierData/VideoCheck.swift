internal import AtelierMedia
public import Foundation
internal import Synchronization

/// Checks videos with what lies beside their frames (folders `labels`, `instances`, `poses` and `actions`) before training: decodes every frame,
/// and reports what is missing for frames, what is of another size, frames without a pose, actions that no table of classes
/// knows, cuts, and frames that repeat the one before.
///
/// - Parameters:
///   - path: a folder as ``Videos`` reads it.
///   - system: the name of the system that the suggested command trains on data of a kind, with options.
///   - progress: called on any thread with the numbers of videos done and in total.
/// - Returns: nil where the folder holds nothing beside frames in a folder `frames` or `videos`.
/// - Throws: ``DatasetError`` for a damaged archive, or a folder that cannot be listed.
public func checkVideos(
  at path: URL, suggesting system: (DataKind) -> String? = { _ in nil },
  progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
) throws(DatasetError) -> MediaReport? {
  let given = path.relativePath
  let place = try archiveFolder(at: path)
  try ImageFolders.requireListable(place)
  guard ImageFolders.isFolder(place) else { return nil }
  var parts: [(split: DatasetSplit, folder: VideoFolder)] = []
  for split in DatasetSplit.allCases {
    if let folder = try? VideoFolder(place, split) { parts.append((split, folder)) }
  }
  // Images beside maps are pairs, and no videos.
  guard parts.contains(where: { $0.folder.sides.count > 1 }),
    !parts.contains(where: { part in
      // Of a part within the folder, that folder's own name counts.
      let frames = part.folder.folder
      return [frames, frames.deletingLastPathComponent()].contains { $0.lastPathComponent == "images" }
    })
  else { return nil }
  var report = VideoCheck(parts.map(\.folder), given, progress).report
  let sides = parts.reduce(into: Set<VideoFolder.Side>()) { $0.formUnion($1.folder.sides.keys) }
  let kinds: [(VideoFolder.Side, DataKind)] = [
    (.labels, .labelledVideos), (.poses, .posedVideos), (.actions, .playedVideos),
  ]
  if report.isUsable, report.count > 0 {
    report.suggestedCommand =
      kinds.filter { sides.contains($0.0) }.compactMap { system($0.1) }.first.map {
        videoCommand($0, given, isDivided: Set(parts.map(\.split)).count > 1)
      }
  }
  return report
}

/// What is found of videos with their sides.
struct VideoCheck {
  /// What is beside one video.
  private struct Facts: Sendable {
    var name = ""
    var frames = 0
    var size = ""
    var repeated = 0
    var cuts = 0
    var digest = ""
    var failure: (file: String, reason: String)?
    /// Sentences about what is beside the frames, by kind.
    var problems: [(kind: MediaReport.Kind, text: String)] = []
    var emptyPoses = 0
  }

  private(set) var report: MediaReport

  init(_ folders: [VideoFolder], _ path: String, _ progress: (@Sendable (Int, Int) -> Void)?) {
    let all = folders.flatMap { folder in folder.videos.map { (folder: folder, video: $0) } }
    let done = Mutex(0)
    let found = inParallel(all.count) { index -> Facts in
      let (folder, video) = all[index]
      let facts = Self.look(at: video, in: folder, several: folders.count > 1)
      let now = done.withLock { count -> Int in
        count += 1
        return count
      }
      progress?(now, all.count)
      return facts
    }
    let good = found.filter { $0.failure == nil }
    let counts = good.map(\.frames).sorted()
    report = MediaReport(
      path: path, medium: .videos, count: good.count, duration: Double(counts.reduce(0, +)) / 25,
      lengths: counts.isEmpty
        ? [] : [counts[0], counts[counts.count / 2], counts[counts.count - 1]].map { Double($0) / 25 },
      rates: [], shapes: Self.tallies(good.map(\.size)), encodings: Self.tallies(Self.sides(folders)),
      folders: [], findings: [],
      corrupt: found.compactMap { facts in
        facts.failure.map { DataReport.Corrupt(path: $0.file, reason: $0.reason) }
      },
      duplicates: Dictionary(grouping: good, by: \.digest).values.filter { $0.count > 1 }
        .map { $0.map(\.name).sorted() }.sorted { $0[0] < $1[0] })
    judge(found)
    for place in folders.compactMap({ $0.sides[.labels] }) {
      do throws(DatasetError) { _ = try ClassTable(in: place) } catch {
        find(.error, .missing, error.description)
      }
    }
    let order = DataReport.Severity.allCases
    report.findings = order.flatMap { severity in report.findings.filter { $0.severity == severity } }
  }

  private static func sides(_ folders: [VideoFolder]) -> [String] {
    folders.flatMap { folder in
      folder.sides.keys.filter { $0 != .frames }.sorted { $0.rawValue < $1.rawValue }.flatMap {
        [String](repeating: "videos with \($0.rawValue)", count: folder.videos.count)
      }
    }
  }

  private static func tallies(_ names: [String]) -> [DataReport.Tally] {
    Dictionary(grouping: names, by: { $0 }).map { DataReport.Tally(name: $0.key, count: $0.value.count) }
      .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
  }

  private mutating func find(_ severity: DataReport.Severity, _ kind: MediaReport.Kind, _ message: String) {
    report.findings.append(MediaReport.Finding(severity: severity, kind: kind, message: message))
  }

  private mutating func judge(_ found: [Facts]) {
    if let first = report.corrupt.first {
      find(
        .error, .corrupt,
        "\(report.corrupt.count) of \(found.count) videos cannot be read, the first because of \(first.path); repair or remove "
          + "them.")
    }
    let problems = found.flatMap(\.problems)
    for kind in [MediaReport.Kind.missing, .otherSize] {
      let own = problems.filter { $0.kind == kind }
      for problem in own.prefix(10) { find(kind == .missing ? .error : .warning, kind, problem.text) }
      if own.count > 10 {
        find(kind == .missing ? .error : .warning, kind, "… and \(own.count - 10) more of the same kind.")
      }
    }
    let poseless = found.filter { $0.emptyPoses > 0 }
    if let worst = poseless.max(by: { $0.emptyPoses * $1.frames < $1.emptyPoses * $0.frames }) {
      find(
        .warning, .emptyPoses,
        "In \(poseless.count) of \(found.count) videos frames have no pose (a black picture), in \(worst.name) "
          + "\(worst.emptyPoses) of \(worst.frames); cut them out, or find their poses.")
    }
    let frozen = found.filter { $0.repeated > 0 }
    if let worst = frozen.max(by: { $0.repeated * $1.frames < $1.repeated * $0.frames }) {
      find(
        2 * worst.repeated > worst.frames ? .warning : .note, .frozen,
        "In \(frozen.count) of \(found.count) videos frames repeat the one before, in \(worst.name) "
          + "\(worst.repeated) of \(worst.frames).")
    }
    let cut = found.filter { $0.cuts > 0 }
    if let first = cut.first {
      find(
        .note, .cuts,
        "There are cuts in \(cut.count) of \(found.count) videos, such as \(first.name); no clip crosses one."
      )
    }
    let short = found.filter { $0.failure == nil && $0.frames < 8 }
    if let first = short.first {
      find(
        .note, .shortVideos,
        "\(short.count) of \(found.count) videos have fewer than 8 frames, such as \(first.name) with \(first.frames)."
      )
    }
    if let first = report.duplicates.first {
      find(.note, .duplicates, "Videos are copies of others, such as \(first.joined(separator: " = ")).")
    }
    if report.shapes.count > 1 {
      find(
        .note, .mixedSizes,
        "The videos have \(report.shapes.count) different sizes, mostly \(report.shapes[0].name).")
    }
  }

  // MARK: One video

  private static func look(
    at video: VideoFolder.Sequence, in folder: VideoFolder, several: Bool
  ) -> Facts {
    var facts = Facts()
    // Parts have videos of the same names.
    let part = folder.folder.deletingLastPathComponent().lastPathComponent
    facts.name = several ? "\(part)/\(video.name)" : video.name
    do { try watch(video, &facts) } catch {
      facts.failure = (video.files[0].path, "\(error)")
      return facts
    }
    for side in [VideoFolder.Side.labels, .instances, .poses] where folder.sides[side] != nil {
      compare(video, side, folder, &facts)
    }
    if let place = folder.sides[.actions] { compareActions(video, place, &facts) }
    return facts
  }

  private static func watch(_ video: VideoFolder.Sequence, _ facts: inout Facts) throws {
    var (digest, detector, last) = ("", CutDetector(), [UInt8]())
    func take(_ image: Image, _ name: String) throws {
      let size = "\(image.width) x \(image.height)"
      if facts.size.isEmpty { facts.size = size }
      if size != facts.size, !facts.problems.contains(where: { $0.kind == .otherSize }) {
        facts.problems.append(
          (.otherSize, "The frame \(name) is \(size), and the frames before are \(facts.size); resize it."))
      }
      try detector.add(image)
      let small = try image.with8Bits().rgb().resized(width: 32, height: 32).bytes
      digest = contentFingerprint(of: Array(digest.utf8) + small)
      let change = zip(small, last).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      if !last.isEmpty, 2 * change < last.count { facts.repeated += 1 }
      last = small
      facts.frames += 1
    }
    if video.isFile {
      let reader = try Video(contentsOf: video.files[0]).frames()
      while let image = try reader.next() { try take(image, "\(video.name) \(facts.frames)") }
    } else {
      for file in video.files { try take(try ImageCodec().decode(file), file.lastPathComponent) }
    }
    guard facts.frames > 0 else {
      throw VideoError.damaged(file: video.files[0].path, reason: "it holds no frames")
    }
    facts.cuts = detector.cuts.count
    facts.digest = digest + facts.size
  }

  private static func compare(
    _ video: VideoFolder.Sequence, _ side: VideoFolder.Side, _ folder: VideoFolder, _ facts: inout Facts
  ) {
    guard let place = folder.sides[side] else { return }
    let what = side.rawValue
    guard let beside = VideoFolder.sequences(in: place).first(where: { $0.name == video.name }) else {
      facts.problems.append(
        (.missing, "There are no \(what) for the video \(facts.name); add them, or remove the video."))
      return
    }
    if beside.isFile {
      if side != .poses {
        facts.problems.append(
          (
            .missing,
            "The \(what) of \(facts.name) are a video, whose compression changes their numbers; give them as a folder of PNG."
          ))
        return
      }
    } else if !video.isFile {
      let known = Set(beside.stems)
      let missing = video.stems.filter { !known.contains($0) }
      if let first = missing.first {
        facts.problems.append(
          (
            .missing,
            "\(missing.count) of \(facts.frames) frames of \(facts.name) have no \(what), the first being \(first); add them, or "
              + "remove the frames."
          ))
      }
    }
    do {
      var (count, size) = (0, "")
      if beside.isFile {
        let reader = try Video(contentsOf: beside.files[0]).frames()
        while let image = try reader.next() {
          if size.isEmpty { size = "\(image.width) x \(image.height)" }
          if isBlack(image) { facts.emptyPoses += 1 }
          count += 1
        }
      } else {
        for file in beside.files {
          if side == .poses {
            let image = try ImageCodec().decode(file)
            if size.isEmpty { size = "\(image.width) x \(image.height)" }
            if isBlack(image) { facts.emptyPoses += 1 }
          } else if size.isEmpty {
            let found = try ImageCodec().information(of: file)
            size = "\(found.width) x \(found.height)"
          }
          count += 1
        }
      }
      if video.isFile || beside.isFile, count != facts.frames {
        facts.problems.append(
          (
            .missing,
            "\(facts.name) has \(facts.frames) frames, and there are \(what) for \(count); add the missing ones."
          ))
      }
      if !size.isEmpty, !haveOneShape(size, facts.size) {
        facts.problems.append(
          (
            .otherSize,
            "The \(what) of \(facts.name) are \(size), and its frames \(facts.size); both are brought to the system's size, which "
              + "is right only where they show the same."
          ))
      }
    } catch {
      facts.problems.append((.missing, "The \(what) of \(facts.name) cannot be read: \(error)"))
    }
  }

  /// Whether sizes such as `64 x 48` have the same sides but for a factor and the rounding of a pixel.
  private static func haveOneShape(_ one: String, _ other: String) -> Bool {
    let sides = [one, other].map { $0.split(separator: " ").compactMap { Int($0) } }
    guard sides.allSatisfy({ $0.count == 2 }) else { return one == other }
    let difference = sides[0][0] * sides[1][1] - sides[1][0] * sides[0][1]
    return abs(difference) <= (sides[0] + sides[1]).reduce(0, max)
  }

  private static func isBlack(_ image: Image) -> Bool { image.with8Bits().rgb().bytes.allSatisfy { $0 < 16 } }

  private static func compareActions(
    _ video: VideoFolder.Sequence, _ place: URL, _ facts: inout Facts
  ) {
    let files = ["csv", "jsonl"].map { place.appendingPathComponent("\(video.name).\($0)") }
    guard let file = files.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
      facts.problems.append(
        (.missing, "There is no table \(video.name).csv of the actions of the video \(facts.name); add it."))
      return
    }
    do {
      let table = try LabelTable(file)
      guard let column = VideoActions.columns.first(where: table.names.contains) else {
        facts.problems.append(
          (
            .missing,
            "\(file.path) has no column named action; it has \(table.names.joined(separator: ", "))."
          ))
        return
      }
      if table.rows.count != facts.frames {
        facts.problems.append(
          (
            .missing,
            "\(facts.name) has \(facts.frames) frames, and its table actions for \(table.rows.count); a frame has a row."
          ))
      }
      let empty = table.rows.filter { $0[column] == nil }.count
      if empty > 0 {
        facts.problems.append(
          (.missing, "\(empty) of \(table.rows.count) rows of \(file.path) have no action; fill them in."))
      }
      let listed = try ClassTable(in: place).names
      let unknown = Set(table.rows.compactMap { $0[column] }).subtracting(listed).sorted()
      if !listed.isEmpty, let first = unknown.first {
        facts.problems.append(
          (
            .missing,
            "\(file.path) has the action '\(first)', which the table of classes does not list; the actions are "
              + listed.joined(separator: ", ") + "."
          ))
      }
    } catch {
      facts.problems.append((.missing, "\(error)"))
    }
  }
}
