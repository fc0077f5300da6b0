import AtelierData
import Foundation
import Testing

/// Data of which a part cannot be read are refused, and not taken for smaller ones.
@Suite struct UnreadableDataTests {
  /// Runs without the rights of root, which may read everything; only this thread loses them.
  private func withoutPrivileges(_ body: () throws -> Void) rethrows {
    typealias Change = @convention(c) (UInt32) -> Int32
    guard geteuid() == 0, let symbol = dlsym(nil, "setfsuid") else { return try body() }
    let change = unsafeBitCast(symbol, to: Change.self)
    _ = change(65534)
    defer { _ = change(0) }
    try body()
  }

  @Test func aFolderThatCannotBeListedIsNamed() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        try folder.picture("data/cats/\(number).png", tone: UInt8(number))
        try folder.picture("data/dogs/\(number).png", tone: UInt8(100 + number))
      }
      let data = folder.appendingPathComponent("data")
      let dogs = data.appendingPathComponent("dogs")
      #expect(try openDataset(at: data).count == 6)
      for place in [folder, data] { #expect(chmod(place.path, 0o755) == 0) }
      #expect(chmod(dogs.path, 0) == 0)
      defer { chmod(dogs.path, 0o755) }
      withoutPrivileges {
        // Where nobody else may enter the temporary folder, nothing can be shown.
        guard (try? FileManager.default.contentsOfDirectory(atPath: data.path)) != nil else { return }
        for open in [{ _ = try openDataset(at: data) }, { _ = try checkData(at: data) }] {
          let error = #expect(throws: DatasetError.self) { try open() }
          #expect(error?.description.contains("cannot be listed") == true, "\(String(describing: error))")
          #expect(error?.description.contains(dogs.path) == true)
        }
      }
    }
  }

  @Test func aListThatIsNoTextIsNamed() throws {
    try withTemporaryFolder { folder in
      for number in 0..<4 {
        try folder.picture("in/labels/\(number).png", tone: UInt8(number))
        try folder.picture("in/images/\(number).png", tone: UInt8(90 + number))
      }
      // UTF-16, as some editors save it.
      try folder.write("in/train.txt", [0xFF, 0xFE] + "0\n1\n2\n".utf8.flatMap { [$0, 0] })
      try folder.write("in/test.txt", "3\n")
      let place = folder.appendingPathComponent("in")
      let preparation = JointPreparation(
        [
          ImageField("source", .picture(channels: 3), height: 4, width: 4),
          ImageField("target", .picture(channels: 3), height: 4, width: 4),
        ], source: "source", target: "target")
      for open in [
        { _ = try openPairs(at: place, preparation) }, { _ = try checkData(at: place) },
        { _ = try prepareSplit(of: place, to: folder.appendingPathComponent("out")) },
      ] {
        let error = #expect(throws: DatasetError.self) { try open() }
        #expect(error?.description.contains("train.txt") == true, "\(String(describing: error))")
        #expect(error?.description.contains("UTF-8") == true)
      }
    }
  }

  @Test func aListThatIsNoTextLeavesNothingBehind() throws {
    try withTemporaryFolder { folder in
      try folder.write("list.txt", [0x31, 0x46, 0xFF, 0x0A])
      let target = folder.appendingPathComponent("emoji")
      let error = #expect(throws: DatasetError.self) {
        try EmojiSet.prepare(
          to: target, font: folder.appendingPathComponent("none.ttf"),
          list: folder.appendingPathComponent("list.txt"))
      }
      #expect(error?.description.contains("UTF-8") == true)
      #expect(!FileManager.default.fileExists(atPath: target.path))
    }
  }
}
