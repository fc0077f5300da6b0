import Foundation
import Testing
import Torch

@Suite struct SafetensorsTests {
  private func file(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
    littleEndian(length ?? UInt64(header.utf8.count)) + Array(header.utf8) + data
  }

  private func read(_ bytes: [UInt8]) throws -> SafetensorsFile {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("some.safetensors")
      try Data(bytes).write(to: url)
      return try Safetensors.read(url)
    }
  }

  private func problem(_ bytes: [UInt8]) throws -> String {
    let error = try #require(throws: FileFormatError.self) { try read(bytes) }
    #expect(error.description.contains("some.safetensors"))
    return error.problem
  }

  @Test func everyElementTypeIsRead() throws {
    let file = try Safetensors.read(fixture("types.safetensors"))
    #expect(file.metadata == ["id": "types", "größe": "a\"b\\c\n"])
    #expect(
      file.tensors.map(\.name) == [
        "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
        "scalar",
        "empty",
      ])
    for name in ["float32", "float64", "float16", "int64", "int32", "int16", "int8"] {
      #expect(file[name]?.dtype.rawValue == name)
      #expect(file[name]?.shape == [2, 3])
      #expect(file[name]?.doubles() == [0, 1, -2, 3, -100, 127])
    }
    #expect(file["bfloat16"]?.doubles() == [0, 1, -2, 3, -100, 127])
    #expect(file["uint8"]?.bytes == [0, 1, 2, 128, 254, 255])
    #expect(file["bool"]?.bytes == [1, 0, 1, 0, 1, 1])
    #expect(file["scalar"]?.shape == [])
    #expect(file["scalar"]?.floats() == [2.5])
    #expect(file["empty"]?.shape == [0, 4])
    #expect(file["missing"] == nil)
  }

  @Test func theHeaderAloneSaysShapesAndPlaces() throws {
    let header = try Safetensors.header(of: fixture("types.safetensors"))
    #expect(header.metadata["id"] == "types")
    let entry = try #require(header.entries.first { $0.name == "int64" })
    #expect(entry.dtype == .int64)
    #expect(entry.shape == [2, 3])
    #expect(entry.byteRange.count == 48)
  }

  @Test func whatIsWrittenIsReadBackInItsOrder() throws {
    let tensors: [(name: String, tensor: HostTensor)] = [
      ("flags", HostTensor(shape: [3], dtype: .bool, bytes: [1, 0, 1])),
      ("weight \"ü\"\n", HostTensor([1.5, -2] as [Float], shape: [2, 1])),
      ("count", HostTensor([7] as [Int], shape: [])),
      ("empty", HostTensor([] as [Double], shape: [4, 0])),
      ("half", HostTensor(shape: [1], dtype: .float16, bytes: [0, 0x3C])),
    ]
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      try Safetensors.write(tensors, metadata: ["b": "2", "a": "1\u{1}"], to: url)
      let file = try Safetensors.read(url)
      #expect(file.metadata == ["b": "2", "a": "1\u{1}"])
      #expect(file.tensors.map(\.name) == tensors.map(\.name))
      #expect(file.tensors.map(\.tensor) == tensors.map(\.tensor))
      #expect(file["half"]?.floats() == [1])
      // Data begins at a multiple of eight, and every tensor at a multiple of its element's size.
      for entry in try Safetensors.header(of: url).entries {
        #expect(entry.byteRange.lowerBound % entry.dtype.byteCount == 0)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model.safetensors"])
    }
  }

  @Test func theBytesAreExactlyTheFormats() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      try Safetensors.write(
        [("b", HostTensor([1, 2] as [UInt8])), ("a", HostTensor([1] as [Float]))],
        metadata: ["z": "1", "k": "2"], to: url)
      var header =
        #"{"__metadata__":{"k":"2","z":"1"},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},"#
        + #""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
      while header.utf8.count % 8 != 0 { header += " " }
      #expect([UInt8](try Data(contentsOf: url)) == file(header, data: [0, 0, 0x80, 0x3F, 1, 2]))
    }
  }

  @Test func equalContentGivesEqualBytes() throws {
    let metadata = Dictionary(uniqueKeysWithValues: (0..<50).map { ("key\($0)", "value \($0)") })
    try withTemporaryFolder { folder in
      let urls = (0..<3).map { folder.appendingPathComponent("\($0)") }
      for url in urls {
        try Safetensors.write([("a", HostTensor([1] as [Float]))], metadata: metadata, to: url)
      }
      let contents = try urls.map { try Data(contentsOf: $0) }
      #expect(contents[0] == contents[1] && contents[1] == contents[2])
    }
  }

  @Test func namesThatCollideAreNotWritten() throws {
    let one = HostTensor([1] as [Float])
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      #expect(throws: FileFormatError.self) { try Safetensors.write([("a", one), ("a", one)], to: url) }
      #expect(throws: FileFormatError.self) { try Safetensors.write([("__metadata__", one)], to: url) }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left.isEmpty)
    }
  }

  @Test func aWriteThatFailsLeavesWhatWasThere() throws {
    let tensors: [(name: String, tensor: HostTensor)] = [("a", HostTensor([1] as [Float]))]
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("file")
      try AtomicFile.write(Data("kept".utf8), to: file)
      let occupied = folder.appendingPathComponent("folder")
      try FileManager.default.createDirectory(at: occupied, withIntermediateDirectories: false)
      for (url, reason) in [
        (file.appendingPathComponent("model"), "not a folder"),
        (folder.appendingPathComponent("missing/model"), "folder does not exist"),
        (folder.appendingPathComponent(String(repeating: "n", count: 300)), "too long"),
        (occupied, "in the way"),
      ] {
        let error = try #require(throws: FileFormatError.self) { try Safetensors.write(tensors, to: url) }
        #expect(error.description.contains(url.lastPathComponent))
        #expect(error.problem.contains(reason))
      }
      #expect(try String(contentsOf: file, encoding: .utf8) == "kept")
      // Nothing is left behind either.
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["file", "folder"])
    }
  }

  @Test func replacingAFileKeepsItsLinkAndPermissions() throws {
    try withTemporaryFolder { folder in
      let (file, link) = (folder.appendingPathComponent("file"), folder.appendingPathComponent("link"))
      try AtomicFile.write(Data("old".utf8), to: file)
      try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file.path)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
      try AtomicFile.write(Data("new".utf8), to: link)
      #expect(try String(contentsOf: file, encoding: .utf8) == "new")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == file.path)
      let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
      #expect(attributes[.posixPermissions] as? Int == 0o640)
    }
  }

  @Test func missingFilesFoldersAndDevicesAreNamed() throws {
    let missing = fixture("missing.safetensors")
    let error = try #require(throws: FileFormatError.self) { try Safetensors.read(missing) }
    #expect(error.description.contains("missing.safetensors: there is no such file"))
    #expect(throws: FileFormatError.self) { try Safetensors.read(fixture("")) }
    #expect(throws: FileFormatError.self) { try Safetensors.read(URL(fileURLWithPath: "/dev/zero")) }
  }

  @Test func aHeaderLengthThatDoesNotFitIsRefused() throws {
    #expect(try problem([]).contains("too short"))
    #expect(try problem(file("{}", length: 3)).contains("does not fit"))
    #expect(try problem(file("{}", length: .max)).contains("does not fit"))
    #expect(try problem(file("{}", length: 1 << 63)).contains("does not fit"))
    #expect(try read(file("{}")).tensors.isEmpty)
    #expect(try problem(Array("{\"step\": 1}\n".utf8)).contains("it is a text"))
  }

  @Test func jsonThatIsNotSoundIsRefused() throws {
    let texts = [
      "", "[]", "{", "{\"a\"}", "{\"a\":1,}", "{}x", "{\"a\":01}", "{\"a\":tru}", "{\"a\":\"\\x\"}",
      "{\"a\":\"\u{1}\"}",
      "{\"a\":\"\\ud800\"}", "{\"a\":99999999999999999999}", "{\"a\":1.}", "{\"a\":\"",
      "{\"a\":" + String(repeating: "[", count: 10_000), "{\"a\":1}", "{\"__metadata__\":[]}",
      "{\"__metadata__\":{\"a\":1}}",
    ]
    for text in texts { _ = try problem(file(text)) }
    _ = try problem(littleEndian(UInt64(5)) + [0x7B, 0x22, 0xFF, 0x22, 0x7D])
  }

  @Test func offsetsAndShapesThatLieAreRefused() throws {
    func entry(_ name: String, _ shape: String, _ offsets: String, dtype: String = "U8") -> String {
      "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
    }
    func check(_ entries: String..., says text: String) throws {
      let problem = try problem(file("{" + entries.joined(separator: ",") + "}", data: [1, 2, 3, 4]))
      #expect(problem.contains(text), "\(problem)")
    }
    #expect(
      try read(file("{" + entry("a", "[4]", "[0,4]") + "}", data: [1, 2, 3, 4]))["a"]?.bytes == [1, 2, 3, 4])
    try check(entry("a", "[5]", "[0,5]"), says: "“a” points outside the file")
    try check(entry("a", "[4]", "[4,0]"), says: "outside")
    try check(entry("a", "[4]", "[-4,0]"), says: "lacks a sound")
    try check(entry("a", "[4]", "[0,9223372036854775807]"), says: "outside")
    try check(entry("a", "[4]", "[0]"), says: "lacks a sound")
    try check(entry("a", "[3]", "[0,4]"), says: "does not fit its 4 bytes")
    try check(entry("a", "[1]", "[0,4]", dtype: "I64"), says: "does not fit its 4 bytes")
    try check(entry("a", "[-4]", "[0,4]"), says: "lacks a sound")
    try check(entry("a", "[4.0]", "[0,4]"), says: "lacks a sound")
    try check(entry("a", "[4294967296,4294967296,4]", "[0,4]"), says: "does not fit")
    try check(entry("a", "[0,4294967296,4294967296]", "[0,0]"), says: "does not fit")
    let deep = "[" + Array(repeating: "1", count: 65).joined(separator: ",") + "]"
    try check(entry("a", deep, "[0,1]"), says: "does not fit")
    try check(entry("a", "[3]", "[0,3]"), entry("b", "[2]", "[2,4]"), says: "“b” overlaps")
    try check(entry("a", "[1]", "[0,1]"), entry("b", "[2]", "[2,4]"), says: "“b” follows a gap")
    try check(entry("a", "[3]", "[0,3]"), says: "1 bytes follow")
    try check(entry("a", "[2]", "[0,2]"), entry("a", "[2]", "[2,4]"), says: "“a” comes twice")
    try check(
      entry("scale", "[4]", "[0,4]", dtype: "F8_E4M3"), says: "“scale” has the element type “F8_E4M3”")
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = [UInt8](try Data(contentsOf: fixture("types.safetensors")))
    var accepted: [Int] = []
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("short")
      for length in 0..<bytes.count {
        try Data(bytes[..<length]).write(to: url)
        if (try? Safetensors.read(url)) != nil { accepted.append(length) }
      }
    }
    #expect(accepted == [])
  }

  @Test func damagedFilesNeitherCrashNorFillTheMemory() throws {
    let bytes = [UInt8](try Data(contentsOf: fixture("types.safetensors")))
    var refused = 0
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("damaged")
      for mutant in mutations(of: bytes, count: 3000, seed: 1) {
        try Data(mutant).write(to: url)
        do {
          let tensors = try Safetensors.read(url).tensors
          #expect(tensors.reduce(0) { $0 + $1.tensor.bytes.count } <= mutant.count)
        } catch is FileFormatError {
          refused += 1
        }
      }
    }
    #expect(refused > 1000)
  }
}
