import Atelier
import Foundation

/// What `generate` does with a system that tells real images from fake ones: a line for each picture, each folder of
/// frames and each video; with --output a JSON line for each frame as well.
struct DetectionJob {
  let detector: FakeDetector
  /// Which numbers of images are black and white.
  let scale: SampleScale?
  let inputs: [String]
  let output: String?
  /// Where heat maps go.
  let folder: String?
  let force: Bool
  let provenance: ImageOrigin?

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
    case pictures(name: String, files: [URL], isFolder: Bool)
    case video(name: String, Video)
  }

  func run() throws {
    guard !inputs.isEmpty else {
      throw Refusal.usage("this system starts from images and videos; name files or folders after the run")
    }
    let target = output == "-" ? nil : output.map { URL(fileURLWithPath: $0) }
    if let target { try refuseExisting(target, force: force) }
    let sources = try inputs.flatMap(sources)
    var lines = ""
    var rows: [(String, String)] = []
    for source in sources {
      let (name, found) = try look(source) { lines += try Self.text($0) }
      let isFake = found.probability >= detector.settings.threshold
      var line = Line(file: name, probability: found.probability, fake: isFake)
      var remark = ""
      if case .pictures(_, _, false) = source {
      } else {
        (line.frames, line.fakeFrames) = (found.frames, found.fakeFrames)
        remark = "  (\(found.frames) frames, \(found.fakeFrames) of them above 0.5)"
      }
      lines += try Self.text(line)
      let word = isFake ? "fake" : "real"
      rows.append((name, String(format: "%.4f  ", found.probability) + word + remark))
    }
    if let target {
      try AtomicFile.write(Data(lines.utf8), to: target)
    } else if output == "-" {
      print(lines, terminator: "")
    } else {
      print(columns(rows, indent: 0))
    }
    if let folder { print("heat maps in \(URL(fileURLWithPath: folder).path)") }
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
        : [.pictures(name: path, files: [url], isFolder: false)]
    }
    let names = imageFiles(below: url)
    guard !names.isEmpty else { throw Refusal.data("there is no image in \(path)") }
    // A folder's own images are the frames of one video.
    let folders = Dictionary(grouping: names) { $0.split(separator: "/").dropLast().joined(separator: "/") }
    return folders.sorted { $0.key < $1.key }.map { inner, files in
      .pictures(
        name: inner.isEmpty ? path : (path.hasSuffix("/") ? path : path + "/") + inner,
        files: files.map { url.appendingPathComponent($0) }, isFolder: true)
    }
  }

  /// What a source shows; each frame of a folder or a video is told.
  private func look(
    _ source: Source, each: (Line) throws -> Void
  ) throws -> (name: String, found: FakeDetector.Verdict) {
    switch source {
    case .video(let name, let video):
      let found = try detector.verdict(of: video, heats: folder != nil) { finding in
        try each(Line(file: name, frame: finding.place, probability: finding.probability))
        let number = String(format: "%06d", finding.place)
        try keep(finding.heat, video.file.deletingPathExtension().lastPathComponent + "/\(number)")
      }
      return (name, found)
    case .pictures(let name, let files, let isFolder):
      var reasons: [String] = []
      var place = -1
      let every = isFolder ? detector.settings.every : 1
      let codec = ImageCodec(scale: scale)
      let found = try detector.verdict(heats: folder != nil) { finding in
        let file = files[finding.place]
        if isFolder {
          try each(Line(file: file.path, frame: finding.place, probability: finding.probability))
        }
        let stem = file.deletingPathExtension().lastPathComponent
        let inner = isFolder ? file.deletingLastPathComponent().lastPathComponent + "/" : ""
        try keep(finding.heat, inner + stem)
      } ofFrames: {
        while place + 1 < files.count {
          place += 1
          guard place % every == 0 else { continue }
          do { return (place, try codec.decode(files[place])) } catch let error as ImageError {
            guard isFolder, case .damaged = error else { throw error }
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

  /// Writes a heat map.
  private func keep(_ image: Image?, _ stem: String) throws {
    guard let folder, let image else { return }
    let file = URL(fileURLWithPath: folder).appendingPathComponent(stem + ".png")
    try refuseExisting(file, force: force)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try ImageCodec().write(image, to: file, metadata: provenance?.packet)
  }
}
