import AtelierData
import AtelierMedia
import Foundation
import Testing

@Suite struct FaceTableTests {
  static func record(_ index: Int, identity: String = "person-1") throws -> FaceRecord {
    let face = Face(
      box: FaceBox(left: 10, top: 12, right: 40, bottom: 52),
      landmarks: FaceLandmarks(
        leftEye: FacePoint(x: 18, y: 25), rightEye: FacePoint(x: 32, y: 25.5), nose: FacePoint(x: 25, y: 33),
        leftMouth: FacePoint(x: 19, y: 42), rightMouth: FacePoint(x: 31, y: 42.25)), score: 0.9375)
    let alignment = try #require(FaceAlignment(face, as: .ffhq, width: 64, height: 64))
    return FaceRecord(
      file: "\(identity)/clip_\(index).png", source: "a/clip.mp4", frame: index, imageWidth: 64,
      imageHeight: 80, face: face, alignment: alignment, layout: .ffhq, sharpness: 12.5,
      pose: FacePose(face.landmarks), identity: identity, track: 0)
  }

  private func folder(_ bytes: Data?) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("faces-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    if let bytes { try bytes.write(to: folder.appendingPathComponent(FaceTable.fileName)) }
    return folder
  }

  @Test func recordsComeBackAsTheyWereWritten() throws {
    let records = try (0..<2000).map { try Self.record($0) }
    let folder = try folder(try records.reduce(into: Data()) { $0 += try FaceTable.line($1) })
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(FaceTable.isPresent(in: folder))
    #expect(try FaceTable.records(in: folder) == records)
  }

  @Test func theLastLineNeedsNoEndAndEmptyLinesAreNone() throws {
    let line = try FaceTable.line(Self.record(3))
    let folder = try folder(Data("\r\n\n".utf8) + line + Data("  \n".utf8) + line.dropLast())
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try FaceTable.records(in: folder).count == 2)
  }

  @Test(arguments: [
    ("", "it has no lines"), ("\n", "it has no lines"), ("{", "line 1 is no face: it is not JSON"),
    ("[]", "line 1 is no face: it is no JSON object"), ("{}", "it lacks 'file'"), ("\u{0}\u{FF}", "line 1"),
  ])
  func whatIsNoTableIsRefused(_ text: String, _ reason: String) throws {
    let folder = try folder(Data(text.utf8))
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect { try FaceTable.records(in: folder) } throws: {
      "\($0)".contains(reason) && "\($0)".contains("faces.jsonl")
    }
  }

  @Test(arguments: [
    ("\"a/clip.mp4\"", "\"../clip.mp4\"", "source"), ("\"a/clip.mp4\"", "\"/etc/passwd\"", "source"),
    ("person-1/clip_3.png", "person-1/../../x.png", "file"), ("\"frame\":3", "\"frame\":-1", "frame"),
    ("\"frame\":3", "\"frame\":\"3\"", "another type"), ("\"imageWidth\":64", "\"imageWidth\":0", "pixels"),
    ("\"score\":0.9375", "\"score\":2", "score"), ("[10,12,40,52]", "[10,12,10,52]", "box"),
    ("[10,12,40,52]", "[10,12]", "line 1"), ("[18,25]", "[1e9,25]", "landmarks"),
    ("[18,25],", "", "landmarks"), ("\"keypoints\":[[1.5,2]]", "\"keypoints\":[[1.5,2e9]]", "keypoints"),
    ("\"keypoints\":[[1.5,2]]", "\"keypoints\":[[1.5]]", "keypoints"),
    ("\"identity\":\"person-1\"", "\"identity\":\"..\"", "identity"), ("\"ffhq\"", "\"fhq\"", "layout"),
    ("\"width\":64", "\"width\":0", "alignment"), ("\"sharpness\":12.5", "\"sharpness\":-1", "sharpness"),
  ])
  func aDamagedLineIsNamed(_ old: String, _ new: String, _ reason: String) throws {
    var record = try Self.record(3)
    record.keypoints = [FacePoint(x: 1.5, y: 2)]
    let line = String(decoding: try FaceTable.line(record), as: UTF8.self)
    let damaged = line.replacingOccurrences(of: old, with: new)
    #expect(damaged != line)
    let folder = try folder(Data(damaged.utf8))
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect { try FaceTable.records(in: folder) } throws: {
      "\($0)".contains(reason) && "\($0)".contains("line 1")
    }
  }

  @Test func endlessLinesAndMissingFilesAreRefused() throws {
    let folder = try folder(Data(repeating: 32, count: 200_000))
    let empty = try self.folder(nil)
    defer { for place in [folder, empty] { try? FileManager.default.removeItem(at: place) } }
    #expect { try FaceTable.records(in: folder) } throws: { "\($0)".contains("longer than") }
    #expect { try FaceTable.records(in: empty) } throws: { "\($0)".contains("nothing at") }
    #expect(!FaceTable.isPresent(in: empty))
  }
}
