import Foundation
import Testing
import Torch

/// Files that were made to crash a reader or to fill its memory.
@Suite struct HostileTorchFileTests {
  // MARK: Making files

  /// Opcodes with their arguments; texts are written as BINUNICODE.
  private func text(_ string: String) -> [UInt8] {
    [0x58] + littleEndian(UInt32(string.utf8.count)) + Array(string.utf8)
  }
  private func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
  private func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + littleEndian(Int64(value)) }
  private func tuple(_ parts: [UInt8]...) -> [UInt8] { [0x28] + parts.flatMap { $0 } + [0x74] }

  private func storage(_ key: String = "0", count: Int = 4, type: String = "FloatStorage") -> [UInt8] {
    tuple(text("storage"), global("torch", type), text(key), text("cpu"), integer(count)) + [0x51]
  }

  private func view(
    _ storage: [UInt8], offset: Int = 0, shape: [Int], strides: [Int]
  ) -> [UInt8] {
    let shape = [0x28] + shape.flatMap(integer) + [0x74]
    let strides = [0x28] + strides.flatMap(integer) + [0x74]
    return global("torch._utils", "_rebuild_tensor_v2")
      + tuple(storage, integer(offset), shape, strides, [0x89], [0x4E]) + [0x52]
  }

  /// A legacy file around one object pickle; every storage holds `count` floats 0, 1, 2 …
  private func legacy(_ object: [UInt8], keys: [String] = ["0"], count: Int = 4, tail: [UInt8]? = nil)
    -> [UInt8]
  {
    let magic: [UInt8] = [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    let version: [UInt8] = [0x4D, 0xE9, 0x03, 0x2E]
    let system: [UInt8] = [0x7D] + text("little_endian") + [0x88, 0x73, 0x2E]
    let list = [0x5D, 0x28] + keys.flatMap(text) + [0x65, 0x2E]
    let data = littleEndian(Int64(count)) + (0..<count).flatMap { littleEndian(Float($0).bitPattern) }
    return magic + version + system + object + [0x2E] + list + (tail ?? keys.flatMap { _ in data })
  }

  /// A zip archive of stored entries, with one way to lie in each argument.
  private func zip(
    _ entries: [(name: String, bytes: [UInt8])], method: UInt16 = 0, flags: UInt16 = 0,
    sameStart: Bool = false,
    claimedSize: UInt32? = nil, claimedOffset: UInt32? = nil, claimedCount: UInt16? = nil
  ) -> [UInt8] {
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    for (name, bytes) in entries {
      let start = sameStart ? 0 : archive.count
      let size = littleEndian(claimedSize ?? UInt32(bytes.count))
      let common =
        littleEndian(flags) + littleEndian(method) + [UInt8](repeating: 0, count: 8) + size + size
        + littleEndian(UInt16(name.utf8.count)) + [0, 0]
      if !sameStart || archive.isEmpty {
        archive += [0x50, 0x4B, 3, 4, 20, 0] + common + Array(name.utf8) + bytes
      }
      directory += [0x50, 0x4B, 1, 2, 20, 0, 20, 0] + common + [UInt8](repeating: 0, count: 10)
      directory += littleEndian(UInt32(start)) + Array(name.utf8)
    }
    let count = littleEndian(claimedCount ?? UInt16(entries.count))
    return archive + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count
      + littleEndian(UInt32(directory.count)) + littleEndian(claimedOffset ?? UInt32(archive.count)) + [0, 0]
  }

  private func read(_ bytes: [UInt8]) throws -> PickleValue {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("some.pth")
      try Data(bytes).write(to: url)
      return try TorchFile.read(url)
    }
  }

  private func problem(_ bytes: [UInt8]) throws -> String {
    let error = try #require(throws: FileFormatError.self) { try read(bytes) }
    #expect(error.description.contains("some.pth: "))
    return error.problem
  }

  // MARK: Tests

  @Test func filesOfOtherFormatsAreNamed() throws {
    #expect(try problem([]).contains("empty"))
    #expect(try problem(Array("<!DOCTYPE html>".utf8)).contains("web page"))
    #expect(try problem(Array("Some text.".utf8)).contains("not a file of PyTorch's"))
    #expect(try problem(littleEndian(UInt64(2)) + Array("{}".utf8)).contains("safetensors"))
    #expect(try problem([0x80, 2, 0x4B, 1, 0x2E]).contains("not one of PyTorch's"))
    #expect(try problem(zip([("a.txt", [1])])).contains("not one of PyTorch's"))
    // A tar archive is PyTorch's by its first member, else any other.
    for (name, words) in [
      ("sys_info", "the tar format of PyTorch"), ("0001.jpg", "it is a tar archive and no PyTorch file"),
    ] {
      var header = Array(name.utf8) + [UInt8](repeating: 0, count: 512 - name.utf8.count)
      header.replaceSubrange(257..<262, with: Array("ustar".utf8))
      #expect(try problem(header).contains(words))
    }
    let error = try #require(throws: FileFormatError.self) { try TorchFile.read(fixture("missing.pth")) }
    #expect(error.description.contains("missing.pth: there is no such file"))
  }

  @Test func bigEndianFilesAreRefusedInWords() throws {
    var bytes = legacy([0x4E], keys: [])
    let place = try #require(bytes.firstIndex(of: 0x88))
    bytes[place] = 0x89
    #expect(try problem([0x80, 2] + bytes).contains("big-endian"))
    #expect(
      try problem(zip([("x/data.pkl", [0x4E, 0x2E]), ("x/byteorder", Array("big".utf8))])).contains(
        "big-endian"))
  }

  @Test func aViewThatLeavesItsStorageIsRefused() throws {
    func file(_ offset: Int, _ shape: [Int], _ strides: [Int], count: Int = 4) -> [UInt8] {
      [0x80, 2] + legacy(view(storage(count: count), offset: offset, shape: shape, strides: strides))
    }
    #expect(try read(file(0, [2, 2], [2, 1])).tensorValue?.floats() == [0, 1, 2, 3])
    #expect(try read(file(3, [1], [9_000_000_000_000_000_000])).tensorValue?.floats() == [3])
    let last = Int.max
    let lies: [(Int, [Int], [Int])] = [
      (1, [2, 2], [2, 1]), (-1, [1], [1]), (0, [5], [1]), (0, [2], [4]), (0, [2], [-1]), (0, [-1], [1]),
      (4, [1], [1]), (0, [2, 2], [2]), (last, [2], [1]), (0, [2], [last]), (0, [last], [last]),
      (0, [1 << 32, 1 << 32], [0, 0]), (0, [last], [0]), (0, [0, last, last], [1, 1, 1]),
      (0, [Int](repeating: 1, count: 65), [Int](repeating: 1, count: 65)), (1, [3, 2], [last / 2, 1]),
    ]
    for (offset, shape, strides) in lies {
      #expect(try problem(file(offset, shape, strides)).contains("does not fit its storage"))
    }
    // A storage that claims more than the file holds.
    for count in [5, 1 << 40, last / 4] {
      #expect(throws: FileFormatError.self) { try read(file(0, [5], [1], count: count)) }
    }
    #expect(throws: FileFormatError.self) { try read(file(0, [1], [1], count: -4)) }
    #expect(try problem(file(0, [1], [1], count: last)).contains("impossibly long"))
  }

  @Test func viewsOfNothingButZeroStridesMayNotFillTheMemory() throws {
    let bomb = [0x80, 2] + legacy(view(storage(), shape: [1 << 15, 1 << 15], strides: [0, 0]))
    #expect(try problem(bomb).contains("many times the file's length"))
    // Many moderate ones are as bad as one long one.
    let many = (0..<64).flatMap { view(storage(), shape: [1 << 20, $0 + 1], strides: [0, 0]) }
    #expect(try problem([0x80, 2] + legacy([0x28] + many + [0x6C])).contains("many times the file's length"))
  }

  @Test func partsOfStoragesFromVeryOldFilesAreRead() throws {
    func part(_ start: Int, _ length: Int) -> [UInt8] {
      let identifier = tuple(
        text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(4),
        tuple(text("1"), integer(start), integer(length)))
      return view(identifier + [0x51], shape: [2], strides: [1])
    }
    #expect(try read([0x80, 2] + legacy(part(1, 2))).tensorValue?.floats() == [1, 2])
    #expect(throws: FileFormatError.self) { try read([0x80, 2] + legacy(part(1, 1))) }
    #expect(throws: FileFormatError.self) { try read([0x80, 2] + legacy(part(3, 2))) }
    #expect(throws: FileFormatError.self) { try read([0x80, 2] + legacy(part(-1, 2))) }
  }

  @Test func aListInsideItselfIsCut() throws {
    // l = []; l.append(l)
    let value = try read([0x80, 2] + legacy([0x5D, 0x71, 0, 0x68, 0, 0x61], keys: []))
    guard case .object(let cut)? = value.elements?.first else {
      Issue.record("the recursion is not an object")
      return
    }
    #expect(cut.name == "recursive reference")
  }

  @Test func deepNestingIsRefused() throws {
    let lists = [UInt8](repeating: 0x5D, count: 200_000) + [UInt8](repeating: 0x61, count: 199_999)
    #expect(try problem([0x80, 2] + legacy(lists, keys: [])).contains("nested too deep"))
    let tuples = [0x29] + [UInt8](repeating: 0x85, count: 200_000)
    #expect(try problem([0x80, 2] + legacy(tuples, keys: [])).contains("nested too deep"))
    let marks = [UInt8](repeating: 0x28, count: 100_000) + [UInt8](repeating: 0x74, count: 100_000)
    #expect(try problem([0x80, 2] + legacy(marks, keys: [])).contains("nested too deep"))
    let calls = global("m", "f") + (0..<1000).flatMap { _ in [0x29, 0x52] as [UInt8] }
    _ = try read([0x80, 2] + legacy(calls, keys: []))
  }

  @Test func oneValueNamedManyTimesOverTakesMemoryOnce() throws {
    // Sixty dictionaries, each of which names the one before twice: 2^60 leaves.
    var object: [UInt8] = [0x7D, 0x71, 0]
    for level in 1..<60 {
      let before: [UInt8] = [0x68, UInt8(level - 1)]
      object += [0x7D, 0x28] + text("a") + before + text("b") + before + [0x75, 0x71, UInt8(level)]
    }
    let value = try read([0x80, 2] + legacy(object, keys: []))
    #expect(value.description == "a dictionary of 2")
    let error = try #require(throws: FileFormatError.self) { try value.stateDictionary() }
    #expect(error.problem.contains("1000000 entries"))
  }

  @Test func shortFilesThatMultiplyValuesAreRefused() throws {
    // One list of 100,000, then sets made of it, again and again.
    let list: [UInt8] = [0x5D, 0x28] + [UInt8](repeating: 0x4E, count: 100_000) + [0x65, 0x71, 0]
    let copies: [UInt8] = (0..<200).flatMap { _ in
      global("builtins", "set") + ([0x68, 0, 0x85, 0x52] as [UInt8])
    }
    #expect(
      try problem([0x80, 2] + legacy([0x28] + list + copies + [0x6C])).contains("values beside its tensors"))
    let values = [UInt8](repeating: 0x4E, count: 4_100_000)
    #expect(try problem([0x80, 2] + legacy([0x28] + values + [0x74])).contains("values beside its tensors"))
  }

  @Test func opcodesThatTakeWhatIsNotThereAreRefused() throws {
    let pickles: [[UInt8]] = [
      [], [0x61], [0x65], [0x73], [0x75], [0x30], [0x32], [0x71, 0], [0x68, 7], [0x74], [0x85], [0x87],
      [0x52],
      [0x62], [0x93], [0x51], [0x81], [0x92], [0x6F], [0x94], [0x4E, 0x4E, 0x61], [0x4E, 0x28, 0x4E, 0x75],
      [0x7D, 0x28, 0x4E, 0x75], [0x4E, 0x4E, 0x52], [0x4E, 0x51], [0x28, 0x30, 0x74],
      [0x5D, 0x28, 0x4E, 0x30, 0x30, 0x30, 0x65],
      [0x82, 1], [0x97], [0x50, 0x41, 0x0A], [0x80, 9], [0xFF], [0x49, 0x41, 0x0A], [0x46, 0x41, 0x0A],
      [0x67, 0x41, 0x0A],
      [0x8D, 255, 255, 255, 255, 255, 255, 255, 255], [0x8B, 255, 255, 255, 255], [0x58, 255, 255, 255, 127],
      [0x4A, 1], [0x95, 255],
    ]
    for pickle in pickles {
      #expect(throws: FileFormatError.self, "\(pickle)") { try read([0x80, 2] + legacy(pickle)) }
    }
  }

  @Test func storagesThatDoNotFitTheirListAreRefused() throws {
    let object = view(storage(), shape: [4], strides: [1])
    for bytes in [
      legacy(object, keys: []), legacy(object, keys: ["1"]), legacy(object, keys: ["0", "0"]),
      legacy(object, count: 3), legacy(object, count: 5), legacy(object, tail: []),
      legacy(object, tail: littleEndian(Int64(-1))),
      legacy([0x28] + storage(count: 4) + storage(count: 3) + [0x6C]),
      legacy(storage(type: "PickledStorage")),
    ] {
      #expect(throws: FileFormatError.self) { try read([0x80, 2] + bytes) }
    }
  }

  @Test func archivesThatLieAreRefused() throws {
    let pickle = [0x80, 2] + view(storage(), shape: [4], strides: [1]) + [0x2E]
    let data = (0..<4).flatMap { littleEndian(Float($0).bitPattern) }
    let good: [(name: String, bytes: [UInt8])] = [("any name/data.pkl", pickle), ("any name/data/0", data)]
    #expect(try read(zip(good)).tensorValue?.floats() == [0, 1, 2, 3])
    #expect(try problem(zip(good, method: 8)).contains("compressed"))
    #expect(try problem(zip(good, flags: 1)).contains("encrypted"))
    #expect(try problem(zip(good + good)).contains("comes twice"))
    #expect(try problem(zip(good, sameStart: true)).contains("overlap"))
    #expect(try problem(zip([good[0]])).contains("missing"))
    #expect(
      try problem(zip([good[0], ("any name/data/0", Array(data.dropLast()))])).contains("another length"))
    for size: UInt32 in [1 << 20, .max, .max - 1] {
      #expect(throws: FileFormatError.self) { try read(zip(good, claimedSize: size)) }
    }
    for offset: UInt32 in [0, 7, 1 << 20, .max] {
      #expect(throws: FileFormatError.self) { try read(zip(good, claimedOffset: offset)) }
    }
    #expect(throws: FileFormatError.self) { try read(zip(good, claimedCount: 60_000)) }
    #expect(throws: FileFormatError.self) { try read(zip(good, claimedCount: 3)) }
  }

  @Test(arguments: ["attack.zip.pth", "views.legacy.pth", "types.legacy.pth"])
  func everyTruncationIsRefused(name: String) throws {
    let bytes = [UInt8](try Data(contentsOf: fixture(name)))
    var accepted: [Int] = []
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("short.pth")
      for length in 0..<bytes.count {
        try Data(bytes[..<length]).write(to: url)
        if (try? TorchFile.read(url)) != nil { accepted.append(length) }
      }
    }
    #expect(accepted == [])
  }

  @Test(arguments: [
    "types.zip.pth", "views.zip.pth", "views.legacy.pth", "checkpoint.zip.pth", "checkpoint.legacy.pth",
  ])
  func damagedFilesNeitherCrashNorFillTheMemory(name: String) throws {
    let bytes = [UInt8](try Data(contentsOf: fixture(name)))
    var refused = 0
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("damaged.pth")
      for mutant in mutations(of: bytes, count: 1000, seed: UInt64(bytes.count)) {
        try Data(mutant).write(to: url)
        do {
          let value = try TorchFile.read(url)
          let tensors = (try? value.stateDictionary()) ?? []
          #expect(tensors.reduce(0) { $0 + $1.tensor.bytes.count } <= 64 << 20 + 16 * mutant.count)
          _ = try? value.statesOtherThanTensors()
        } catch is FileFormatError {
          refused += 1
        }
      }
    }
    #expect(refused > 200)
  }
}
