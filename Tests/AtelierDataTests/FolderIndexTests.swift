import AtelierData
import AtelierMedia
import Foundation
import Testing

/// Folders of many files open from an index, as if they were listed anew.
@Suite(.serialized) struct FolderIndexTests {
  /// Files of three classes, of which one begins as another, with folders in one of them; nothing of it is decoded.
  private func classes(_ folder: URL) throws -> URL {
    let root = folder.appendingPathComponent("data")
    for (name, count) in [("cat", 700), ("cat-2", 500), ("cat/young", 400), ("dog", 400)] {
      let inner = root.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
      for index in 0..<count {
        let ending = index % 7 == 0 ? "JPG" : "png"
        try Data("\(name) \(index)".utf8).write(to: inner.appendingPathComponent("\(index).\(ending)"))
      }
    }
    try root.write("notes.md", "no image")
    try root.write("stray.png", "beside the classes")
    return root
  }

  /// Runs `body` with indexes of all folders in a folder of their own.
  private func indexed<Result>(_ cache: URL, fewest: Int = 1, _ body: () throws -> Result) rethrows -> Result
  {
    var rule = FolderIndex.Rule()
    (rule.fewest, rule.settling, rule.cache) = (fewest, 0, cache)
    FolderIndex.forget()
    return try FolderIndex.$rule.withValue(rule, operation: body)
  }

  /// Runs `body` without any index.
  private func unindexed<Result>(_ body: () throws -> Result) rethrows -> Result {
    let nowhere = FileManager.default.temporaryDirectory.appendingPathComponent(
      "atelier-\(UUID().uuidString)")
    return try indexed(nowhere, fewest: .max, body)
  }

  private func images(_ root: URL) throws -> ImageDataset {
    try #require(try openDataset(at: root) as? ImageDataset)
  }

  /// The same data, opened from the folder and from its index.
  private func expectSame(_ root: URL, _ cache: URL) throws {
    let index = FolderIndex(of: root, in: cache)
    let fresh = try unindexed { try images(root) }
    for _ in 0..<2 {
      let kept = try indexed(cache) { try images(root) }
      #expect(index.state == .current)
      #expect(kept.description == fresh.description)
      #expect(kept.files == fresh.files && kept.labels == fresh.labels)
    }
  }

  @Test func anIndexedFolderHasTheFilesClassesAndFingerprintOfTheFolder() throws {
    try withTemporaryFolder { folder in
      let (root, cache) = (try classes(folder), folder.appendingPathComponent("cache"))
      try expectSame(root, cache)
      // As the folder says it, without any of Atelier's listings.
      var paths: [String] = []
      var labels: [Int] = []
      for (label, name) in ["cat", "cat-2", "dog"].enumerated() {
        let below = try FileManager.default.subpathsOfDirectory(
          atPath: root.appendingPathComponent(name).path
        )
        .filter { $0.contains(".") }.sorted()
        paths += below.map { "\(name)/\($0)" }
        labels += below.map { _ in label }
      }
      let data = try indexed(cache) { try images(root) }
      #expect(data.description.classNames == ["cat", "cat-2", "dog"])
      #expect(data.description.labelHistogram == [1100, 500, 400])
      #expect(data.labels == labels)
      #expect(data.files.map(\.path) == paths.map { root.appendingPathComponent($0).path })
      #expect(
        try data.description.fingerprint
          == contentFingerprint(of: paths.map { ($0, root.appendingPathComponent($0)) }))
      #expect(data.description.notes.contains("An image beside the folders is left out: stray.png."))
      #expect(imageFiles(below: root) == (paths + ["stray.png"]).sorted())
    }
  }

  @Test func aFlatFolderWithNamesOfEveryScriptHasTheOrderOfStrings() throws {
    try withTemporaryFolder { folder in
      let (root, cache) = (folder.appendingPathComponent("flat"), folder.appendingPathComponent("cache"))
      // The second is the first in Unicode's decomposed form, with a letter behind it.
      let names = ["\u{E9}.png", "e\u{301}a.png", "z.png", "e.png", "f.png", "\u{4E2D}.png", "Z.png"]
      for name in names { try root.write(name, name) }
      try expectSame(root, cache)
      #expect(try indexed(cache) { try images(root) }.files.map(\.lastPathComponent) == names.sorted())
    }
  }

  @Test func whateverComesGoesOrIsReplacedIsNoticed() throws {
    try withTemporaryFolder { folder in
      let (root, cache) = (try classes(folder), folder.appendingPathComponent("cache"))
      try expectSame(root, cache)
      let manager = FileManager.default
      /// Times are set, as clocks of file systems are coarse.
      func date(_ name: String, _ seconds: Double) throws {
        try manager.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: seconds)],
          ofItemAtPath: root.appendingPathComponent(name).path)
      }
      func expectNoticed(_ seconds: Double, _ name: String, _ change: () throws -> Void) throws {
        let before = try indexed(cache) { try images(root) }.description
        try change()
        try date(name, seconds)
        #expect(FolderIndex(of: root, in: cache).state == .outdated)
        #expect(try indexed(cache) { try images(root) }.description != before)
        try expectSame(root, cache)
      }
      try expectNoticed(1e9, "dog") { try root.write("dog/new.png", "new") }
      try expectNoticed(1.1e9, "dog") { try manager.removeItem(at: root.appendingPathComponent("dog/0.JPG")) }
      try expectNoticed(1.2e9, "cat/young") {
        // Another file takes the place of one, with its size.
        try root.write("other", "cat/young 9")
        try manager.removeItem(at: root.appendingPathComponent("cat/young/1.png"))
        try manager.moveItem(
          at: root.appendingPathComponent("other"), to: root.appendingPathComponent("cat/young/1.png"))
      }
      try expectNoticed(1.3e9, "") { try root.write("horse/1.png", "a new class") }
      // Written in its place, among fewer than ten thousand.
      try expectNoticed(1.4e9, "dog/2.png") { try root.write("dog/2.png", "other contents") }
    }
  }

  @Test func aDamagedIndexIsMadeAnewAndSaid() throws {
    try withTemporaryFolder { folder in
      let (root, cache) = (try classes(folder), folder.appendingPathComponent("cache"))
      try expectSame(root, cache)
      let file = FolderIndex(of: root, in: cache).file
      let sound = try Data(contentsOf: file)
      func state(_ bytes: Data) throws -> FolderIndex.State {
        try bytes.write(to: file)
        return FolderIndex(of: root, in: cache).state
      }
      // Any byte of the head, and some of the rest.
      for place in Array(0..<200) + Array(stride(from: 200, to: sound.count, by: 997)) {
        var bytes = sound
        bytes[place] ^= 0x41
        let found = try state(bytes)
        #expect(found == .damaged, "byte \(place)")
      }
      for count in [0, 7, 100, 176, 1000, sound.count - 1] {
        #expect(try state(sound.prefix(count)) == .damaged)
      }
      #expect(try state(sound + [0]) == .damaged)

      let said = Said()
      DataProgress.announce { said.add($0) }
      defer { DataProgress.announce(to: nil) }
      try expectSame(root, cache)
      #expect(said.all.contains("The index \(file.path) is damaged and is made anew."))
    }
  }

  @Test func anIndexWhosePlacesLeadAstrayIsNotSound() {
    func folder(_ parent: UInt32, child: UInt32, _ places: [UInt32], text: UInt64) -> FolderRecord {
      var record = FolderRecord(parent: parent)
      (record.child, record.text) = (child, text)
      (record.images, record.others, record.folders, record.end) = (
        places[0], places[1], places[2], places[3]
      )
      return record
    }
    let (root, inner) = (
      folder(0, child: 1, [0, 1, 1, 2], text: 0), folder(0, child: 2, [2, 3, 3, 3], text: 3)
    )
    let names = Array("a.bc.d".utf8)
    let ends: [UInt32] = [2, 3, 3]
    #expect(FolderIndex.isSound([root, inner], ends, names))
    // A place, an end, a name, a parent and a child that are out of bounds, and a number of folders that is wrong.
    #expect(!FolderIndex.isSound([root, folder(0, child: 2, [2, 3, 3, 4], text: 3)], ends, names))
    #expect(!FolderIndex.isSound([root, inner], [2, 3, 4], names))
    #expect(!FolderIndex.isSound([root, inner], [2, 2, 3], names))
    #expect(!FolderIndex.isSound([root, inner], ends, Array("a.b/.d".utf8)))
    #expect(!FolderIndex.isSound([root, inner], ends, Array("a.b.. ".utf8)))
    #expect(!FolderIndex.isSound([root, folder(1, child: 2, [2, 3, 3, 3], text: 3)], ends, names))
    #expect(!FolderIndex.isSound([folder(0, child: 9, [0, 1, 1, 2], text: 0), inner], ends, names))
    #expect(!FolderIndex.isSound([root], ends, names))
    #expect(!FolderIndex.isSound([], [], []))
  }

  @Test func copiesAreFoundOnceAndHeldOutTheSameFromTheIndex() throws {
    try withTemporaryFolder { folder in
      let (root, cache) = (folder.appendingPathComponent("data"), folder.appendingPathComponent("cache"))
      for index in 0..<12 {
        try root.picture("a/\(index).png", tone: UInt8(index / 2))
        try root.picture("b/\(index).png", tone: UInt8(100 + index))
      }
      let holdOut = try HoldOut(0.25)
      func held() throws -> DataPart { try holdOut.part(.test, of: .examples(images(root))) }
      let fresh = try #require(try unindexed { try held() }.dataset)
      for _ in 0..<2 {
        let kept = try indexed(cache) { try held() }
        #expect(kept.description == fresh.description && fresh.count > 2)
        for index in 0..<fresh.count {
          #expect(try kept.dataset?.example(at: index) == fresh.example(at: index))
        }
      }
      let facts = FolderIndex(of: root, in: cache).file.deletingPathExtension().appendingPathExtension(
        "facts")
      #expect(try String(contentsOf: facts, encoding: .utf8).contains("copies among 24 of sha256"))
    }
  }
}

/// Sentences that were said, from any thread.
private final class Said: @unchecked Sendable {
  // The lock guards the only field.
  private let lock = NSLock()
  private var sentences: [String] = []

  func add(_ sentence: String) { lock.withLock { sentences.append(sentence) } }
  var all: [String] { lock.withLock { sentences } }
}
