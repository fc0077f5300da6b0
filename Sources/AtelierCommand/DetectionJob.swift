import Atelier
import Foundation

/// What `generate` does with a system that tells real images from fake ones: a line for each picture, each folder of
/// frames and each video; with --output JSON lines, those of frames as well.
struct DetectionJob: GenerateJob {
  private let detector: FakeDetector
  /// Which numbers of images are black and white.
  private let scale: SampleScale?
  private let inputs: [String]
  /// The folder is that of heat maps.
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool {
    context.plan.ability(FakeDetection.self) != nil && context.startsFromInputs
  }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope("what is found in images and videos", options: ["--sampling"])
  }

  init(_ context: GenerateContext) throws {
    guard try context.choices.conditions().isEmpty else {
      throw Refusal.usage("name images and videos after the run or give one by --condition, not both")
    }
    let settings = try context.choices.sampling() as? FakeDetectionSettings ?? FakeDetectionSettings()
    detector = try FakeDetector(context.generator, settings: settings)
    scale = context.generator.description.data.scale
    (inputs, results) = (context.command.inputs, context.results)
  }

  /// A JSON line.
  private struct Line: Encodable {
    var file: String
    var frame: Int?
    var frames: Int?
    var fakeFrames: Int?
    var probability: Double
    var fake: Bool?
  }

  /// A picture, the pictures of a folder, or a video.
  private enum Source {
    case picture(name: String, URL)
    /// The folder's name within what was named, and its images.
    case frames(name: String, inner: String, files: [URL])
    case video(name: String, Video)

    var isPicture: Bool { if case .picture = self { true } else { false } }

    /// What is read.
    var files: [URL] {
      switch self {
      case .picture(_, let file): [file]
      case .frames(_, _, let files): files
      case .video(_, let video): [video.file]
      }
    }

    /// The name of each heat map without its ending; of a video, whose frames are not counted yet, that of their folder.
    var stems: [String] {
      switch self {
      case .picture(_, let file): [file.deletingPathExtension().lastPathComponent]
      case .frames(_, let inner, let files):
        files.map { inner + "/" + $0.deletingPathExtension().lastPathComponent }
      case .video(_, let video): [video.file.deletingPathExtension().lastPathComponent + "/"]
      }
    }
  }

  func run() throws {
    guard !inputs.isEmpty else {
      throw Refusal.usage("this system starts from images and videos; name files or folders after the run")
    }
    let target = results.output == "-" ? nil : results.output.map { URL(fileURLWithPath: $0) }
    let sources = try inputs.flatMap { try self.sources($0) }
    if let target {
      try ResultFiles.check(
        [target], of: ["the findings"], inputs: sources.flatMap(\.files).map(\.path), force: results.force)
    }
    try refuseHeatMaps(of: sources)
    var lines = ""
    var rows: [(String, String)] = []
    for source in sources {
      let (name, found) = try look(source) { lines += try Self.text($0) }
      let isFake = found.probability >= detector.settings.threshold
      var line = Line(file: name, probability: found.probability, fake: isFake)
      var remark = ""
      if !source.isPicture {
        (line.frames, line.fakeFrames) = (found.frames, found.fakeFrames)
        remark = "  (\(found.frames) frames, \(found.fakeFrames) of them above 0.5)"
      }
      lines += try Self.text(line)
      let word = isFake ? "fake" : "real"
      rows.append((name, String(format: "%.4f  ", found.probability) + word + remark))
    }
    if let target {
      try AtomicFile.write(Data(lines.utf8), to: target)
    } else if results.output == "-" {
      print(lines, terminator: "")
    } else {
      print(columns(rows, indent: 0))
    }
    if let folder = results.folder { print("heat maps in \(URL(fileURLWithPath: folder).path)") }
  }

  private static func text(_ line: Line) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(line), as: UTF8.self) + "\n"
  }

  // MARK: What is looked at

  private func sources(_ path: String) throws -> [Source] {
    let url = try DataArchive.folder(at: URL(fileURLWithPath: path))
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw Refusal.input("\(path) does not exist; generate takes images, videos and folders of frames")
    }
    guard isFolder.boolValue else {
      return ImageFormat(fileExtension: url.pathExtension) == nil
        ? [.video(name: path, try Video(contentsOf: url))]
        : [.picture(name: path, url)]
    }
    let names = imageFiles(below: url)
    guard !names.isEmpty else { throw Refusal.data("there is no image in \(path)") }
    // A folder's own images are the frames of one video.
    let folders = Dictionary(grouping: names) { $0.split(separator: "/").dropLast().joined(separator: "/") }
    return folders.sorted { $0.key < $1.key }.map { inner, files in
      .frames(
        name: inner.isEmpty ? path : (path.hasSuffix("/") ? path : path + "/") + inner,
        inner: url.lastPathComponent + (inner.isEmpty ? "" : "/" + inner),
        files: files.map { url.appendingPathComponent($0) })
    }
  }

  /// What a source shows; each frame of a folder or a video is told.
  private func look(
    _ source: Source, each: (Line) throws -> Void
  ) throws -> (name: String, found: FakeDetector.Verdict) {
    switch source {
    case .video(let name, let video):
      let found = try detector.verdict(of: video, heats: results.folder != nil) { finding in
        try each(Line(file: name, frame: finding.place, probability: finding.probability))
        let number = String(format: "%06d", finding.place)
        try keep(finding.heat, video.file.deletingPathExtension().lastPathComponent + "/\(number)")
      }
      return (name, found)
    case .picture(let name, let file):
      var isNew = true
      let found = try detector.verdict(heats: results.folder != nil) { finding in
        try keep(finding.heat, file.deletingPathExtension().lastPathComponent)
      } ofFrames: {
        guard isNew else { return nil }
        isNew = false
        return (0, try ImageCodec(scale: scale).decode(file))
      }
      guard let found else { throw Refusal.data("\(name) holds no image") }
      return (name, found)
    case .frames(let name, let inner, let files):
      var reasons: [String] = []
      var next = 0
      let codec = ImageCodec(scale: scale)
      let found = try detector.verdict(heats: results.folder != nil) { finding in
        let file = files[finding.place]
        try each(Line(file: file.path, frame: finding.place, probability: finding.probability))
        try keep(finding.heat, inner + "/" + file.deletingPathExtension().lastPathComponent)
      } ofFrames: {
        while next < files.count {
          let place = next
          next += detector.settings.every
          do throws(ImageError) { return (place, try codec.decode(files[place])) } catch {
            if case .exhausted = error { throw error }
            reasons.append(error.description)
          }
        }
        return nil
      }
      if let first = reasons.first {
        standardError(
          "\(reasons.count) images of \(name) are left out and count as nothing, such as: \(first)\n")
      }
      guard let found else {
        throw Refusal.data("none of the \(files.count) images of \(name) can be read: \(reasons.first ?? "")")
      }
      return (name, found)
    }
  }

  /// Refuses heat maps of which one would replace another, an input or what is there.
  private func refuseHeatMaps(of sources: [Source]) throws {
    guard let folder = results.folder else { return }
    let place = URL(fileURLWithPath: folder)
    let all = sources.flatMap { source in
      zip(source.stems, source.files).map { (stem: $0, file: $1.path) }
    }
    let maps = all.filter { !$0.stem.hasSuffix("/") }
    try ResultFiles.check(
      maps.map { place.appendingPathComponent($0.stem + ".png") }, of: maps.map(\.file),
      inputs: all.map(\.file), force: results.force)
    let videos = all.filter { $0.stem.hasSuffix("/") }
    let folders = videos.map { place.appendingPathComponent(String($0.stem.dropLast())) }
    try ResultFiles.check(folders, of: videos.map(\.file), inputs: all.map(\.file), force: results.force)
    for video in videos {
      if let other = maps.first(where: { $0.stem.hasPrefix(video.stem) }) {
        throw Refusal.usage(
          "the heat maps of \(video.file) and of \(other.file) would lie in one folder, \(video.stem); rename one"
        )
      }
    }
  }

  /// Writes a heat map.
  private func keep(_ image: Image?, _ stem: String) throws {
    guard let folder = results.folder, let image else { return }
    let file = URL(fileURLWithPath: folder).appendingPathComponent(stem + ".png")
    try refuseExisting(file, force: results.force)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try ImageCodec().write(image, to: file, metadata: results.origin?.packet)
  }
}
