public import AtelierMedia
public import Foundation

/// One crop of a face and where it comes from: a line of `faces.jsonl`.
public struct FaceRecord: Sendable, Hashable, Codable {
  /// The crop, relative to the folder of the table: `person-1/clip_000012.png`.
  public var file: String
  /// The video or image that it was cut out of, relative to the folder that was prepared (of a single video its name).
  public var source: String
  /// The frame of a video, counted from 0; 0 in an image.
  public var frame: Int
  /// The width of the source in pixels.
  public var imageWidth: Int
  /// The height of the source in pixels.
  public var imageHeight: Int
  /// The face in the source.
  public var face: Face
  /// How the crop lies in the source.
  public var alignment: FaceAlignment
  /// The layout that the alignment follows; nil: the crop is the whole image.
  public var layout: FaceLayout?
  /// The sharpness of the face at 112 × 112 pixels, see `Image.sharpness`.
  public var sharpness: Double
  /// How the head is turned.
  public var pose: FacePose
  /// Who it is: `person-1`.
  public var identity: String
  /// The track: the same face in neighbouring frames of one source; counted over all sources.
  public var track: Int
  /// The 68 points of ``FaceOutline`` in the source, where they are known.
  public var keypoints: [FacePoint]?

  /// A record.
  public init(
    file: String, source: String, frame: Int, imageWidth: Int, imageHeight: Int, face: Face,
    alignment: FaceAlignment, layout: FaceLayout?, sharpness: Double, pose: FacePose, identity: String,
    track: Int, keypoints: [FacePoint]? = nil
  ) {
    (self.file, self.source, self.frame) = (file, source, frame)
    (self.imageWidth, self.imageHeight) = (imageWidth, imageHeight)
    (self.face, self.alignment, self.layout) = (face, alignment, layout)
    (self.sharpness, self.pose, self.identity, self.track) = (sharpness, pose, identity, track)
    self.keypoints = keypoints
  }

  /// Reads a record; the face's box, landmarks and score stand on the record's own level.
  public init(from decoder: any Decoder) throws { try self.init(FaceLine(from: decoder)) }

  /// Writes a record.
  public func encode(to encoder: any Encoder) throws { try line.encode(to: encoder) }
}

/// What a line of `faces.jsonl` says, of which tables of other programs may leave out all but the file.
///
/// Numbers are pixels of the source where an alignment stands beside them, and else of the image itself.
struct FaceLine: Sendable, Hashable, Codable {
  var file: String
  var source: String?
  var frame: Int?
  var imageWidth: Int?
  var imageHeight: Int?
  var box: FaceBox?
  var landmarks: [FacePoint]?
  var keypoints: [FacePoint]?
  var score: Double?
  var alignment: FaceAlignment?
  var layout: FaceLayout?
  var sharpness: Double?
  var pose: FacePose?
  var identity: String?
  var track: Int?

  fileprivate enum CodingKeys: String, CodingKey {
    case file, source, frame, imageWidth, imageHeight, box, landmarks, keypoints, score, alignment, layout
    case sharpness, pose, identity, track
  }

  /// So many points in pixels of the image: keypoints, or landmarks; nil where neither are so many.
  func points(_ count: Int) -> [FacePoint]? {
    [keypoints, landmarks].lazy.compactMap(\.self).first { $0.count == count }?.map(placed)
  }

  /// The numbers of points that there are.
  var pointCounts: [Int] { [keypoints, landmarks].compactMap { $0?.count } }

  /// The box around the face in pixels of the image.
  var bounds: FaceBox? {
    guard let box, alignment != nil else { return box }
    let corners = [
      (box.left, box.top), (box.right, box.top), (box.left, box.bottom), (box.right, box.bottom),
    ]
    .map { placed(FacePoint(x: $0, y: $1)) }
    let (x, y) = (corners.map(\.x), corners.map(\.y))
    return FaceBox(left: x.min() ?? 0, top: y.min() ?? 0, right: x.max() ?? 0, bottom: y.max() ?? 0)
  }

  private func placed(_ point: FacePoint) -> FacePoint { alignment?.inCrop(point) ?? point }

  /// What is wrong with what a file says; nil where all is possible.
  fileprivate var fault: String? {
    for (name, path) in [("file", file), ("source", source)] {
      guard let path else { continue }
      let parts = path.split(separator: "/", omittingEmptySubsequences: false)
      if path.isEmpty || path.hasPrefix("/") || path.contains("\0") || parts.contains("..") {
        return "its \(name) '\(path.prefix(80))' is no path inside the folder"
      }
    }
    if let identity, identity.isEmpty || identity.contains("/") || identity.hasPrefix(".") {
      return "its identity '\(identity.prefix(80))' is no name of a folder"
    }
    guard frame ?? 0 >= 0, track ?? 0 >= 0 else { return "its frame or its track is negative" }
    guard (1...65_536).contains(imageWidth ?? 1), (1...65_536).contains(imageHeight ?? 1) else {
      return "its image would have \(imageWidth ?? 1) x \(imageHeight ?? 1) pixels"
    }
    let corners = box.map { [$0.left, $0.top, $0.right, $0.bottom] } ?? []
    let points = ((landmarks ?? []) + (keypoints ?? [])).flatMap { [$0.x, $0.y] }
    guard (corners + points).allSatisfy({ abs($0) < 1e6 }), box.map({ $0.width > 0 && $0.height > 0 }) ?? true
    else { return "its box, its landmarks or its keypoints are not those of a face in an image" }
    guard (0...1).contains(score ?? 0) else { return "its score \(score ?? 0) is not in 0...1" }
    let angles = pose.map { [$0.yaw, $0.pitch, $0.roll] } ?? []
    guard (sharpness ?? 0) >= 0, (sharpness ?? 0).isFinite, angles.allSatisfy(\.isFinite) else {
      return "its sharpness or its pose is not a number"
    }
    return nil
  }
}

extension FaceRecord {
  /// The record of a line.
  ///
  /// - Throws: `DecodingError` that names what the line lacks.
  fileprivate init(_ line: FaceLine) throws(DecodingError) {
    func required<Value>(_ value: Value?, _ key: FaceLine.CodingKeys) throws(DecodingError) -> Value {
      guard let value else { throw .keyNotFound(key, .init(codingPath: [], debugDescription: "")) }
      return value
    }
    let points = try required(line.landmarks, .landmarks)
    guard let landmarks = FaceLandmarks(points) else {
      throw .dataCorrupted(
        .init(
          codingPath: [FaceLine.CodingKeys.landmarks],
          debugDescription: "\(points.count) landmarks instead of 5"))
    }
    self.init(
      file: line.file, source: try required(line.source, .source), frame: try required(line.frame, .frame),
      imageWidth: try required(line.imageWidth, .imageWidth),
      imageHeight: try required(line.imageHeight, .imageHeight),
      face: Face(
        box: try required(line.box, .box), landmarks: landmarks, score: try required(line.score, .score)),
      alignment: try required(line.alignment, .alignment), layout: line.layout,
      sharpness: try required(line.sharpness, .sharpness), pose: try required(line.pose, .pose),
      identity: try required(line.identity, .identity), track: try required(line.track, .track),
      keypoints: line.keypoints)
  }

  fileprivate var line: FaceLine {
    FaceLine(
      file: file, source: source, frame: frame, imageWidth: imageWidth, imageHeight: imageHeight,
      box: face.box, landmarks: face.landmarks.points, keypoints: keypoints, score: face.score,
      alignment: alignment, layout: layout, sharpness: sharpness, pose: pose, identity: identity, track: track
    )
  }
}

/// The table of a folder of faces, `faces.jsonl`: a ``FaceRecord`` a line.
///
/// `atelier data prepare faces` writes it. The crops' folders are the identities, so that the folder is read as one of classes
/// as well.
public enum FaceTable {
  /// The name of the file.
  public static let fileName = "faces.jsonl"
  /// The longest line in bytes.
  package static let longestLine = 1 << 16

  /// Whether a folder has a table of faces.
  public static func isPresent(in folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(fileName).path)
  }

  /// All records of a folder, in the order of the file.
  ///
  /// - Throws: as ``forEach(in:_:)``, and ``DatasetError/badTable(path:reason:)`` for a table without records.
  public static func records(in folder: URL) throws(DatasetError) -> [FaceRecord] {
    var records: [FaceRecord] = []
    try forEach(in: folder) { records.append($0) }
    guard !records.isEmpty else {
      throw .badTable(
        path: folder.appendingPathComponent(fileName).path,
        reason: "it has no lines; make it anew with `atelier data prepare faces`")
    }
    return records
  }

  /// Calls `body` with each record; the file is read piece by piece.
  ///
  /// - Throws: ``DatasetError/notFound(path:)`` where the folder has no table, ``DatasetError/badTable(path:reason:)`` that
  ///   names the line for one that is damaged.
  public static func forEach(in folder: URL, _ body: (FaceRecord) -> Void) throws(DatasetError) {
    try forEach(file: folder.appendingPathComponent(fileName), body)
  }

  static func forEach(file: URL, _ body: (FaceRecord) throws(DatasetError) -> Void) throws(DatasetError) {
    try forEachLine(file: file) { (line, number) throws(DatasetError) in
      let record: FaceRecord
      do throws(DecodingError) { record = try FaceRecord(line) } catch { throw bad(file, number, error) }
      try body(record)
    }
  }

  /// Calls `body` with what each line says, and its number; lines need no more than a file's name.
  static func forEachLine(
    file: URL, _ body: (FaceLine, Int) throws(DatasetError) -> Void
  ) throws(DatasetError) {
    guard FileManager.default.fileExists(atPath: file.path) else { throw .notFound(path: file.path) }
    guard !ImageFolders.isFolder(file), let handle = try? FileHandle(forReadingFrom: file) else {
      throw .badTable(path: file.path, reason: "it is there and cannot be read; check its permissions")
    }
    defer { try? handle.close() }
    var rest = Data()
    var number = 0
    while true {
      let piece: Data
      do { piece = try handle.read(upToCount: 1 << 20) ?? Data() } catch {
        throw .badTable(path: file.path, reason: "it cannot be read to its end")
      }
      rest.append(piece)
      while let end = rest.firstIndex(of: 10) {
        number += 1
        try read(rest[rest.startIndex..<end], number, file, body)
        rest.removeSubrange(rest.startIndex...end)
      }
      guard rest.count <= longestLine else {
        throw .badTable(path: file.path, reason: "line \(number + 1) is longer than \(longestLine) bytes")
      }
      if piece.isEmpty { break }
    }
    try read(rest, number + 1, file, body)
  }

  private static func read(
    _ text: Data, _ number: Int, _ file: URL, _ body: (FaceLine, Int) throws(DatasetError) -> Void
  ) throws(DatasetError) {
    guard text.contains(where: { $0 != 32 && $0 != 13 && $0 != 9 }) else { return }
    let line: FaceLine
    do { line = try JSONDecoder().decode(FaceLine.self, from: text) } catch { throw bad(file, number, error) }
    if let fault = line.fault { throw .badTable(path: file.path, reason: "line \(number): \(fault)") }
    try body(line, number)
  }

  private static func bad(_ file: URL, _ number: Int, _ error: any Error) -> DatasetError {
    .badTable(path: file.path, reason: "line \(number) is no face: \(reason(error))")
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "it lacks '\(key.stringValue)'"
    case DecodingError.typeMismatch(_, let context) where context.codingPath.isEmpty: "it is no JSON object"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' is of another type"
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
      "'\(context.codingPath.map(\.stringValue).joined(separator: "."))': \(context.debugDescription)"
    default: "it is not JSON"
    }
  }

  /// The line of a record, with its end.
  public static func line(_ record: FaceRecord) throws(DatasetError) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return try encoder.encode(record) + Data([10]) } catch {
      throw .invalid(reason: "the face \(record.file) has numbers that JSON has no words for")
    }
  }
}
