public import AtelierMedia
public import Foundation

/// Pictures of poses: stick figures whose limbs have colours of their own, on black.
///
/// Everybody Dance Now's authors draw OpenPose's figures on white; the colours here are a wheel of hues, one a limb, and thickness
/// follows the picture's size. The nose and the points of the face are white and nothing else is, so that a picture says where
/// the head is.
public struct PoseDrawing: Sendable, Hashable {
  /// Width of the pictures.
  public var width: Int
  /// Height of the pictures.
  public var height: Int
  /// Thickness of a limb, as a share of the height.
  public var thickness = 0.012
  /// Whether points of face and hands are drawn.
  public var details = true

  /// Pictures of a size.
  public init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

  /// A picture of a pose; nil: of nobody.
  ///
  /// - Parameter size: of the pictures that the pose's points lie in.
  public func callAsFunction(_ pose: BodyPose?, of size: (width: Double, height: Double)) -> Image {
    var canvas = Canvas(width: width, height: height)
    guard let pose, size.width > 0, size.height > 0 else { return canvas.image }
    func place(_ point: BodyPose.Point) -> (Double, Double) {
      (point.x * Double(width) / size.width, point.y * Double(height) / size.height)
    }
    let radius = max(0.75, thickness * Double(height) / 2)
    let limbs = pose.form.limbs
    for (number, limb) in limbs.enumerated() {
      let (one, other) = (pose.body[limb.0], pose.body[limb.1])
      guard one.isFound, other.isFound else { continue }
      canvas.line(place(one), place(other), radius, Self.hue(number, of: limbs.count))
    }
    for (number, point) in pose.body.enumerated() where point.isFound {
      // The nose comes first in all forms.
      let colour = number == 0 ? [1, 1, 1] : Self.hue(number, of: pose.body.count)
      canvas.line(place(point), place(point), radius * 1.5, colour)
    }
    guard details else { return canvas.image }
    for point in pose.face where point.isFound {
      canvas.line(place(point), place(point), radius / 2, [1, 1, 1])
    }
    for hand in pose.hands where hand.count == 21 {
      for finger in 0..<5 {
        var last = 0
        for joint in 1...4 {
          let next = 4 * finger + joint
          if hand[last].isFound, hand[next].isFound {
            canvas.line(
              place(hand[last]), place(hand[next]), radius / 2, Self.hue(finger, of: 5))
          }
          last = next
        }
      }
    }
    return canvas.image
  }

  /// A saturated colour of a wheel, each channel 0 … 1.
  private static func hue(_ number: Int, of count: Int) -> [Double] {
    let place = Double(number) / Double(count) * 6
    func channel(_ offset: Double) -> Double {
      let turned = (place + offset).truncatingRemainder(dividingBy: 6)
      return min(1, max(0, abs(turned - 3) - 1))
    }
    return [channel(0), channel(4), channel(2)]
  }

  /// Pixels that are drawn on.
  private struct Canvas {
    let width: Int
    let height: Int
    private var pixels: [Double]

    init(width: Int, height: Int) {
      (self.width, self.height) = (width, height)
      pixels = [Double](repeating: 0, count: width * height * 3)
    }

    /// A line with round ends, whose edge is as soft as a pixel.
    mutating func line(
      _ one: (Double, Double), _ other: (Double, Double), _ radius: Double, _ colour: [Double]
    ) {
      let reach = radius + 1
      let columns = Self.range(min(one.0, other.0) - reach, max(one.0, other.0) + reach, width)
      let rows = Self.range(min(one.1, other.1) - reach, max(one.1, other.1) + reach, height)
      let (dx, dy) = (other.0 - one.0, other.1 - one.1)
      let length = dx * dx + dy * dy
      for row in rows {
        for column in columns {
          let (x, y) = (Double(column) + 0.5 - one.0, Double(row) + 0.5 - one.1)
          let share = length > 0 ? min(1, max(0, (x * dx + y * dy) / length)) : 0
          let (ox, oy) = (x - share * dx, y - share * dy)
          let cover = min(1, max(0, radius + 0.5 - (ox * ox + oy * oy).squareRoot()))
          guard cover > 0 else { continue }
          let place = (row * width + column) * 3
          for channel in 0..<3 {
            pixels[place + channel] += cover * (colour[channel] - pixels[place + channel])
          }
        }
      }
    }

    private static func range(_ first: Double, _ last: Double, _ count: Int) -> Range<Int> {
      let begin = Int(max(0, min(Double(count), first.rounded(.down))))
      return begin..<max(begin, Int(max(0, min(Double(count), last.rounded(.up)))))
    }

    var image: Image {
      Image(
        width: width, height: height, channels: 3,
        bytes: pixels.map { UInt8(min(255, max(0, ($0 * 255).rounded()))) })
    }
  }
}

/// Draws the key points of a video's frames, one picture a frame.
public enum PosePictures {
  /// Makes a folder of numbered pictures of a folder of JSON files, one a frame, in the order of their names, or of a file
  /// of JSON lines, one a frame.
  ///
  /// - Parameters:
  ///   - size: of the video's frames, in which the points lie.
  ///   - example: the files of another person and the size of the frames that they are of; poses are brought to that
  ///     body and place first.
  ///   - window: frames of the median that points are smoothed by; 1: none.
  ///   - frames: the folder of the video's frames, whose names the pictures take; nil: they are numbered.
  /// - Throws: ``DatasetError`` that names a file that is no pose, or a folder without any.
  public static func prepare(
    from source: URL, to target: URL, size: (width: Int, height: Int), drawing: PoseDrawing,
    like example: (folder: URL, size: (width: Int, height: Int))? = nil, window: Int = 1,
    named frames: URL? = nil, progress: PreparationProgress? = nil
  ) throws(DatasetError) -> PreparationReport {
    var poses = try read(source)
    let names = try frames.map { frames throws(DatasetError) in
      try Self.names(of: poses.count, in: frames, source)
    }
    var frame = (width: Double(size.width), height: Double(size.height))
    if let example {
      let wanted = (width: Double(example.size.width), height: Double(example.size.height))
      // In the example's pixels first, so that rows of both can be compared.
      let known = poses.compactMap(\.self).map { pose in
        pose.moved {
          BodyPose.Point(
            $0.x * wanted.width / frame.width, $0.y * wanted.height / frame.height, confidence: $0.confidence)
        }
      }
      let change = try PoseNormalization(of: known, to: try read(example.folder).compactMap(\.self))
      var moved = change(known, width: wanted.width)[...]
      poses = poses.map { $0 == nil ? nil : moved.popFirst() }
      frame = wanted
    }
    if window > 1 {
      var smooth = poses.compactMap(\.self).smoothed(window: window)[...]
      poses = poses.map { $0 == nil ? nil : smooth.popFirst() }
    }
    let recipe =
      "poses \(drawing) \(size) \(window) \(example.map { "\($0.folder.path) \($0.size)" } ?? "")\n\(source.path)\n"
      + (frames.map { "\($0.path)\n" } ?? "")
    let folder = try StagedFolder(target, recipe: recipe)
    for (number, pose) in poses.enumerated() {
      let name = names?[number] ?? String(format: "%06d.png", number + 1)
      if !folder.has(name) {
        let bytes: [UInt8]
        do throws(ImageError) { bytes = try ImageCodec().encode(drawing(pose, of: frame), as: .png) } catch {
          throw .unwritable(path: name, reason: error.description)
        }
        try folder.write(bytes, to: name)
      }
      progress?(number + 1, poses.count)
    }
    try folder.finish()
    let nobody = poses.filter { $0 == nil }.count
    return PreparationReport(
      written: poses.count,
      leftOut: nobody > 0
        ? [
          nobody == 1
            ? "A frame shows nobody and stays black." : "\(nobody) frames show nobody and stay black."
        ] : [])
  }

  /// The poses of a folder's files or of a file's lines, of several people in a picture the surest; nil where it shows
  /// nobody.
  package static func read(_ source: URL) throws(DatasetError) -> [BodyPose?] {
    var poses: [BodyPose?] = []
    func add(_ bytes: [UInt8], _ name: String) throws(DatasetError) {
      poses.append(try BodyPose.people(in: bytes, from: name).max { $0.confidence < $1.confidence })
    }
    if source.pathExtension.lowercased() == "jsonl" {
      let lines = try bytes(of: source).split(separator: UInt8(ascii: "\n"))
        .filter { line in line.contains { !" \r\t".utf8.contains($0) } }
      for (number, line) in lines.enumerated() { try add(Array(line), "\(source.path), line \(number + 1),") }
      guard !poses.isEmpty else { throw .unusable(path: source.path, reason: "it has no lines") }
      return poses
    }
    let all = ((try? FileManager.default.contentsOfDirectory(atPath: source.path)) ?? []).filter {
      !$0.hasPrefix(".")
    }
    let names = all.filter { $0.lowercased().hasSuffix(".json") }
      .sorted { $0.compare($1, options: .numeric) == .orderedAscending }
    guard !names.isEmpty else {
      let lines = all.filter { $0.lowercased().hasSuffix(".jsonl") }.sorted().first
      throw .unusable(
        path: source.path,
        reason: "there is no JSON file of key points in it, one a frame"
          + (lines.map { "; name a video's file of JSON lines itself, such as \($0)" } ?? ""))
    }
    for name in names {
      let file = source.appendingPathComponent(name)
      try add(bytes(of: file), file.path)
    }
    return poses
  }

  /// The names of pictures for the frames of a folder.
  private static func names(of count: Int, in frames: URL, _ source: URL) throws(DatasetError) -> [String] {
    let sequences = VideoFolder.sequences(in: frames)
    guard sequences.count == 1, let video = sequences.first, !video.isFile else {
      throw .unusable(
        path: frames.path,
        reason: "it is no folder of one video's frames, whose names the pictures could take")
    }
    guard video.stems.count == count else {
      throw .unusable(
        path: source.path,
        reason: "it has poses for \(count) frames, and \(frames.path) has \(video.stems.count)")
    }
    return video.stems.map { "\(($0 as NSString).lastPathComponent).png" }
  }

  /// The bytes of a file, of at most a gibibyte.
  private static func bytes(of file: URL) throws(DatasetError) -> [UInt8] {
    let most = 1 << 30
    do {
      let size = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
      guard size <= most else {
        throw DatasetError.unusable(
          path: file.path, reason: "it is larger than \(most) bytes; divide the video")
      }
      return [UInt8](try Data(contentsOf: file))
    } catch let error as DatasetError { throw error } catch {
      throw .corruptFile(path: file.path, reason: "it cannot be read")
    }
  }
}
