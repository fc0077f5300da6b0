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
  /// The layout that the alignment follows.
  public var layout: FaceLayout
  /// The sharpness of the face at 112 × 112 pixels, see `Image.sharpness`.
  public var sharpness: Double
  /// How the head is turned.
  public var pose: FacePose
  /// Who it is: `person-1`.
  public var identity: String
  /// The track: the same face in neighbouring frames of one source; counted over all sources.
  public var track: Int

  private enum Key: String, CodingKey {
    case file, source, frame, imageWidth, imageHeight, box, landmarks, score, alignment, layout, sharpness,
      pose, identity, track
  }

  /// A record.
  public init(
    file: String, source: String, frame: Int, imageWidth: Int, imageHeight: Int, face: Face,
    alignment: FaceAlignment, layout: FaceLayout, sharpness: Double, pose: FacePose, identity: String,
    track: Int
  ) {
    (self.file, self.source, self.frame) = (file, source, frame)
    (self.imageWidth, self.imageHeight) = (imageWidth, imageHeight)
    (self.face, self.alignment, self.layout) = (face, alignment, layout)
    (self.sharpness, self.pose, self.identity, self.track) = (sharpness, pose, identity, track)
  }

  /// Reads a record; the face's box, landmarks and score stand on the record's own level.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    self.init(
      file: try values.decode(String.self, forKey: .file),
      source: try values.decode(String.self, forKey: .source),
      frame: try values.decode(Int.self, forKey: .frame),
      imageWidth: try values.decode(Int.self, forKey: .imageWidth),
      imageHeight: try values.decode(Int.self, forKey: .imageHeight),
      face: Face(
        box: try values.decode(FaceBox.self, forKey: .box),
        landmarks: try values.decode(FaceLandmarks.self, forKey: .landmarks),
        score: try values.decode(Double.self, forKey: .score)),
      alignment: try values.decode(FaceAlignment.self, forKey: .alignment),
      layout: try values.decode(FaceLayout.self, forKey: .layout),
      sharpness: try values.decode(Double.self, forKey: .sharpness),
      pose: try values.decode(FacePose.self, forKey: .pose),
      identity: try values.decode(String.self, forKey: .identity),
      track: try values.decode(Int.self, forKey: .track))
  }

  /// Writes a record.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(file, forKey: .file)
    try values.encode(source, forKey: .source)
    try values.encode(frame, forKey: .frame)
    try values.encode(imageWidth, forKey: .imageWidth)
    try values.encode(imageHeight, forKey: .imageHeight)
    try values.encode(face.box, forKey: .box)
    try values.encode(face.landmarks, forKey: .landmarks)
    try values.encode(face.score, forKey: .score)
    try values.encode(alignment, forKey: .alignment)
    try values.encode(layout, forKey: .layout)
    try values.encode(sharpness, forKey: .sharpness)
    try values.encode(pose, forKey: .pose)
    try values.encode(identity, forKey: .identity)
    try values.encode(track, forKey: .track)
  }

  /// What is wrong with what a file says; nil where all is possible.
  fileprivate var fault: String? {
    for (name, path) in [("file", file), ("source", source)] {
      let parts = path.split(separator: "/", omittingEmptySubsequences: false)
      if path.isEmpty || path.hasPrefix("/") || path.contains("\0") || parts.contains("..") {
        return "its \(name) '\(path.prefix(80))' is no path inside the folder"
      }
    }
    if identity.isEmpty || identity.contains("/") || identity.hasPrefix(".") {
      return "its identity '\(identity.prefix(80))' is no name of a folder"
    }
    guard frame >= 0, track >= 0 else { return "its frame or its track is negative" }
    guard (1...65_536).contains(imageWidth), (1...65_536).contains(imageHeight) else {
      return "its image would have \(imageWidth) x \(imageHeight) pixels"
    }
    let numbers =
      [face.box.left, face.box.top, face.box.right, face.box.bottom]
      + face.landmarks.points.flatMap { [$0.x, $0.y] }
    guard numbers.allSatisfy({ abs($0) < 1e6 }), face.box.width > 0, face.box.height > 0 else {
      return "its box or its landmarks are not those of a face in an image"
    }
    guard (0...1).contains(face.score) else { return "its score \(face.score) is not in 0...1" }
    guard sharpness >= 0, sharpness.isFinite, [pose.yaw, pose.pitch, pose.roll].allSatisfy(\.isFinite) else {
      return "its sharpness or its pose is not a number"
    }
    return nil
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
    _ line: Data, _ number: Int, _ file: URL, _ body: (FaceRecord) throws(DatasetError) -> Void
  ) throws(DatasetError) {
    guard line.contains(where: { $0 != 32 && $0 != 13 && $0 != 9 }) else { return }
    let record: FaceRecord
    do { record = try JSONDecoder().decode(FaceRecord.self, from: line) } catch {
      throw .badTable(path: file.path, reason: "line \(number) is no face: \(reason(error))")
    }
    if let fault = record.fault { throw .badTable(path: file.path, reason: "line \(number): \(fault)") }
    try body(record)
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
