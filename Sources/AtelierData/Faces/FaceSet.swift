internal import AtelierHashing
public import AtelierMedia
public import Foundation

/// How faces are cut out of videos and images.
public struct FaceOptions: Sendable, Hashable, Codable {
  /// Where the face stands in its crop.
  public var layout = FaceLayout.ffhq
  /// The side of the square crops in pixels, 16 … 4096.
  public var size = 256
  /// How much more to take on each side, as a part of the layout's side, -0.4 … 2.
  public var margin = 0.0
  /// The shorter side of the smallest face in pixels, at least 12.
  public var minimumFace = 40
  /// The least score of a face, 0 … 1.
  public var score = 0.9
  /// Of a video each frame of so many is looked at.
  public var every = 1
  /// The least number of faces of an identity.
  public var minimumCount = 1
  /// The least sharpness of a face, see `Image.sharpness`; 0: any.
  public var sharpness = 0.0
  /// How many degrees a head may be turned to the side, up or down; nil: any.
  public var turn: Double?
  /// The cosine from which on two faces are of one person; nil: the network's own.
  public var likeness: Double?
  /// Whether a folder of images is one sequence of frames; otherwise each image stands for itself.
  public var areFrames = false

  /// The defaults.
  public init() {}

  fileprivate func check() throws(DatasetError) {
    func require(_ holds: Bool, _ reason: String) throws(DatasetError) {
      if !holds { throw .invalid(reason: reason) }
    }
    try require((16...4096).contains(size), "the side of crops is 16 to 4096 pixels, not \(size)")
    try require((-0.4...2).contains(margin), "the margin is -0.4 to 2 of the crop's side, not \(margin)")
    try require(minimumFace >= 12, "the smallest face has at least 12 pixels, not \(minimumFace)")
    try require((0...1).contains(score), "the score of a face is 0 to 1, not \(score)")
    try require(every >= 1, "at least each frame of one is looked at, not of \(every)")
    try require(likeness.map { (-1...1).contains($0) } ?? true, "the likeness is a cosine, -1 to 1")
    try require(turn.map { $0 >= 0 } ?? true, "a head is turned by 0 degrees or more")
  }
}

/// A data set of aligned faces, sorted by person, out of videos and images.
///
/// Frames are read one after another, and crops are written as they are found: memory grows with the number of tracks, not of
/// frames. Identities come from the faces alone, so look at the contact sheet.
public enum FaceSet {
  /// Where the set comes from: the content of `provenance.json`.
  public struct Provenance: Sendable, Hashable, Codable {
    /// A video or an image.
    public struct Source: Sendable, Hashable, Codable {
      /// Its path relative to the folder that was given.
      public var file: String
      /// SHA-256 of the file; nil for a folder of frames.
      public var sha256: String?
      /// The number of frames that were looked at.
      public var frames: Int
      /// The number of faces that were kept.
      public var faces: Int
    }

    /// Every source that was read.
    public var sources: [Source]
    /// What found the faces and told them apart.
    public var networks: [FaceNetworks.Origin]
    /// The settings.
    public var options: FaceOptions
    /// The number of faces of each identity.
    public var identities: [String: Int]
  }

  /// The name of the sheet that shows some faces of each identity.
  public static let sheetName = "contact-sheet.png"
  /// The name of the file that says where the faces come from.
  public static let provenanceName = "provenance.json"

  /// Writes `IDENTITY/SOURCE_FRAME.png`, ``FaceTable``, a contact sheet and the provenance into a new folder.
  ///
  /// A video or an image that cannot be read is named in the report, unless it is the only one.
  ///
  /// - Parameters:
  ///   - source: a video, an image, or a folder of them.
  ///   - progress: called with the numbers of frames looked at and, as far as files say it, in all.
  /// - Throws: ``DatasetError/exists(path:)`` where the folder exists, ``DatasetError/unusable(path:reason:)`` where there is no
  ///   face, and what the networks throw.
  public static func prepare(
    from source: URL, to target: URL, options: FaceOptions = FaceOptions(), networks: FaceNetworks,
    progress: PreparationProgress? = nil
  ) throws -> PreparationReport {
    try options.check()
    let sources = try FaceSources(source, areFrames: options.areFrames)
    if ImageFolders.isFolder(source) { try refuseNesting(of: target, in: source) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let settings = String(decoding: try encoder.encode(options), as: UTF8.self)
    let recipe = "faces \(settings)\n\(source.standardizedFileURL.path)\n"
    // Tracks are not kept over an interruption: it begins anew.
    try StagedFolder(target, recipe: recipe).discard()
    let folder = try StagedFolder(target, recipe: recipe)
    do {
      var work = try FaceWork(sources, folder, options, networks, progress)
      try work.find()
      let report = try work.sort(named: source)
      try folder.finish()
      return report
    } catch {
      folder.discard()
      throw error
    }
  }
}

/// One preparation under way.
private struct FaceWork {
  let sources: FaceSources
  let folder: StagedFolder
  let options: FaceOptions
  let networks: FaceNetworks
  let progress: PreparationProgress?
  let threshold: Double

  private var tracks: [FaceTrack] = []
  private var records: [FaceSet.Provenance.Source] = []
  private var leftOut: [String] = []
  /// Faces that were found and not kept, by reason.
  private var dropped: [String: Int] = [:]
  private var looked = 0
  private var total = 0
  private let lines: FileHandle

  /// The records in the order in which they are found, with their tracks for identities.
  private static let draftName = ".faces.draft"
  /// The folder of the crops before they are sorted.
  private static let cropFolder = ".crops"

  init(
    _ sources: FaceSources, _ folder: StagedFolder, _ options: FaceOptions, _ networks: FaceNetworks,
    _ progress: PreparationProgress?
  ) throws(DatasetError) {
    (self.sources, self.folder, self.options) = (sources, folder, options)
    (self.networks, self.progress) = (networks, progress)
    threshold = options.likeness ?? networks.threshold
    try folder.write([], to: Self.draftName)
    lines = try Self.handle(folder.url(Self.draftName))
  }

  private static func handle(_ file: URL) throws(DatasetError) -> FileHandle {
    guard let handle = try? FileHandle(forWritingTo: file) else {
      throw .unwritable(path: file.path, reason: "the disk is full, or the folder is not writable")
    }
    return handle
  }

  private static func append(_ data: Data, to handle: FileHandle, _ path: String) throws(DatasetError) {
    do { try handle.write(contentsOf: data) } catch {
      throw .unwritable(path: path, reason: "the disk is full")
    }
  }

  // MARK: Finding

  /// Looks through all sources and writes a crop for each face.
  mutating func find() throws {
    for (number, source) in sources.all.enumerated() {
      var own = FaceSet.Provenance.Source(file: source.name, sha256: nil, frames: 0, faces: 0)
      do {
        try look(at: source, number, &own)
      } catch let error where sources.all.count > 1 && Self.isOfTheFile(error) {
        // What was found before the damage stays.
        leftOut.append("\(error)")
        if own.frames == 0 { continue }
      }
      if source.kind != .frames { own.sha256 = try? SHA256Hasher.hexDigest(of: source.url) }
      records.append(own)
    }
    try? lines.close()
  }

  /// Whether an error is a damaged file's, which another one may do without.
  private static func isOfTheFile(_ error: any Error) -> Bool {
    switch error {
    case VideoError.missingProgram: false
    case is VideoError: true
    case ImageError.exhausted: false
    case is ImageError: true
    default: false
    }
  }

  private mutating func look(
    at source: FaceSources.Source, _ number: Int, _ own: inout FaceSet.Provenance.Source
  ) throws {
    if source.kind == .image {
      total += 1
      // Each face of an image is a track of its own.
      let image = try ImageCodec().decode(source.url).rgb().with8Bits()
      var tracker = FaceTracker(source: number, threshold: threshold)
      try keep(image, source, 0, &tracker, &own)
      return
    }
    let sequence: any FrameSequence
    if source.kind == .video {
      sequence = try Video(contentsOf: source.url)
    } else {
      sequence = try FrameFolder(source.url, gaps: .close)
    }
    total += ((sequence.frameCount ?? 0) + options.every - 1) / options.every
    let reader = try sequence.frames()
    var tracker = FaceTracker(source: number, threshold: threshold)
    var frame = 0
    while let image = try reader.next() {
      if frame % options.every == 0 { try keep(image, source, frame, &tracker, &own) }
      frame += 1
    }
  }

  /// Writes the faces of a frame.
  private mutating func keep(
    _ image: Image, _ source: FaceSources.Source, _ frame: Int, _ tracker: inout FaceTracker,
    _ own: inout FaceSet.Provenance.Source
  ) throws {
    own.frames += 1
    looked += 1
    // Files without a number of frames have no end that could be reached.
    progress?(looked, max(total, looked + 1))
    var faces = try networks.faces(in: image, minimumFace: options.minimumFace, score: options.score)
    faces.removeAll { face in
      let isBlurred = face.sharpness < options.sharpness
      let isTurned = options.turn.map { max(abs(face.pose.yaw), abs(face.pose.pitch)) > $0 } ?? false
      if isBlurred || isTurned {
        dropped[isBlurred ? "are less sharp than asked for" : "are turned more than asked for", default: 0] +=
          1
      }
      return isBlurred || isTurned
    }
    let places = tracker.assign(faces, frame: frame, every: options.every, to: &tracks)
    for (index, (face, track)) in zip(faces, places).enumerated() {
      guard
        let alignment = FaceAlignment(
          face.face, as: options.layout, width: options.size, height: options.size, margin: options.margin)
      else { continue }
      let digits = String(frame)
      let padded = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
      let name = "\(source.stem)_\(padded)\(index > 0 ? "-\(index + 1)" : "").png"
      let crop = try alignment.crop(image)
      try folder.write(try ImageCodec().encode(crop, as: .png), to: "\(Self.cropFolder)/\(track)/\(name)")
      let record = FaceRecord(
        file: name, source: source.name, frame: frame, imageWidth: image.width, imageHeight: image.height,
        face: face.face, alignment: alignment, layout: options.layout, sharpness: face.sharpness,
        pose: face.pose, identity: "track", track: track,
        keypoints: try networks.outline?(image, face.face))
      try Self.append(try FaceTable.line(record), to: lines, folder.target.path)
      own.faces += 1
    }
  }

  // MARK: Sorting

  /// Names identities, and moves the crops into their folders.
  mutating func sort(named place: URL) throws -> PreparationReport {
    for (reason, count) in dropped.sorted(by: { $0.key < $1.key }) {
      leftOut.append("\(count) faces \(reason).")
    }
    guard !tracks.isEmpty else {
      let skipped = leftOut.isEmpty ? "" : " (\(leftOut.joined(separator: " ")))"
      throw DatasetError.unusable(
        path: place.path,
        reason: looked == 0
          ? "none of its files could be read\(skipped)"
          : "no face of at least \(options.minimumFace) pixels was found in \(looked) frames\(skipped); ask for "
            + "smaller or less certain faces, or choose frames in which they are larger")
    }
    let groups = FaceClusters.groups(of: tracks, threshold: threshold)
    let kept = groups.filter { group in
      group.reduce(0) { $0 + tracks[$1].count } >= options.minimumCount
    }
    guard !kept.isEmpty else {
      throw DatasetError.unusable(
        path: place.path,
        reason: "none of its \(groups.count) people has \(options.minimumCount) faces; ask for fewer")
    }
    if groups.count > kept.count {
      leftOut.append(
        "\(groups.count - kept.count) people with fewer than \(options.minimumCount) faces.")
    }
    let width = String(kept.count).count
    var names = [String?](repeating: nil, count: tracks.count)
    for (number, group) in kept.enumerated() {
      let digits = String(number + 1)
      let name = "person-" + String(repeating: "0", count: width - digits.count) + digits
      for track in group { names[track] = name }
    }
    var sheet = ContactSheet(
      totals: Dictionary(grouping: names.indices.filter { names[$0] != nil }) { names[$0] ?? "" }
        .mapValues { $0.reduce(0) { $0 + tracks[$1].count } })
    let counts = try write(names, &sheet)
    try folder.write(try ImageCodec().encode(try sheet.image(in: folder), as: .png), to: FaceSet.sheetName)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let provenance = FaceSet.Provenance(
      sources: records, networks: networks.origins, options: options, identities: counts)
    try folder.write([UInt8](try encoder.encode(provenance)), to: FaceSet.provenanceName)
    for name in [Self.draftName, Self.cropFolder] {
      try? FileManager.default.removeItem(at: folder.url(name))
    }
    var report = PreparationReport(written: counts.values.reduce(0, +), leftOut: leftOut)
    report.found = [
      "\(counts.count) \(counts.count == 1 ? "person" : "people") in \(looked) frames of \(records.count) files, in "
        + "\(tracks.count) tracks; see \(FaceSet.sheetName).",
      networks.outline == nil
        ? "5 landmarks of each face; for 68 besides, which some systems learn from, run `atelier weights install "
          + "face-mesh` first."
        : "5 and 68 landmarks of each face.",
    ]
    return report
  }

  /// Writes the table line by line, and moves the crops.
  private func write(_ names: [String?], _ sheet: inout ContactSheet) throws -> [String: Int] {
    try folder.write([], to: FaceTable.fileName)
    let table = try Self.handle(folder.url(FaceTable.fileName))
    defer { try? table.close() }
    var counts: [String: Int] = [:]
    var chosen = sheet
    try FaceTable.forEach(file: folder.url(Self.draftName)) { (record) throws(DatasetError) in
      guard let name = names[record.track] else { return }
      var record = record
      let file = "\(name)/\(record.file)"
      try folder.move("\(Self.cropFolder)/\(record.track)/\(record.file)", to: file)
      (record.file, record.identity) = (file, name)
      try Self.append(try FaceTable.line(record), to: table, folder.target.path)
      chosen.see(file, of: name, counts[name, default: 0])
      counts[name, default: 0] += 1
    }
    sheet = chosen
    return counts
  }
}
