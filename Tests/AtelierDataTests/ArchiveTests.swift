import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Data in archives and arrays. The files are what Python's zipfile and tarfile and NumPy's format make.
@Suite struct ArchiveTests {
  private static func bytes(_ text: String) -> [UInt8] {
    [UInt8](Data(base64Encoded: text, options: .ignoreUnknownCharacters) ?? Data())
  }

  /// `photos/cat/0.ppm` to `photos/dog/3.ppm`, deflated and stored in turn.
  private static let zip = bytes(
    """
    UEsDBBQAAAAAAAAAIVDNkC2RFwAAABcAAAAQAAAAcGhvdG9zL2NhdC8wLnBwbVA2CjIgMgoyNTUKAAoUAAoUAAoUAAoUUEsD
    BBQAAAAIAAAAIVBaR6UHEQAAABcAAAAQAAAAcGhvdG9zL2NhdC8xLnBwbQsw4zJSMOIyMjXlMuISgSMAUEsDBBQAAAAAAAAA
    IVCiOU1nFwAAABcAAAAQAAAAcGhvdG9zL2RvZy8yLnBwbVA2CjIgMgoyNTUKZAoUZAoUZAoUZAoUUEsDBBQAAAAIAAAAIVCZ
    veGZEQAAABcAAAAQAAAAcGhvdG9zL2RvZy8zLnBwbQsw4zJSMOIyMjXlmsYlAkcAUEsBAhQDFAAAAAAAAAAhUM2QLZEXAAAA
    FwAAABAAAAAAAAAAAAAAAIABAAAAAHBob3Rvcy9jYXQvMC5wcG1QSwECFAMUAAAACAAAACFQWkelBxEAAAAXAAAAEAAAAAAA
    AAAAAAAAgAFFAAAAcGhvdG9zL2NhdC8xLnBwbVBLAQIUAxQAAAAAAAAAIVCiOU1nFwAAABcAAAAQAAAAAAAAAAAAAACAAYQA
    AABwaG90b3MvZG9nLzIucHBtUEsBAhQDFAAAAAgAAAAhUJm94ZkRAAAAFwAAABAAAAAAAAAAAAAAAIAByQAAAHBob3Rvcy9k
    b2cvMy5wcG1QSwUGAAAAAAQABAD4AAAACAEAAAAA
    """)

  /// The same, the last under a name of 120 letters, and a link to `/etc/passwd`.
  private static let tarGz = bytes(
    """
    H4sIAAAAAAACA+3WPwrCMBiH4cyZe4CeoEk+03YSHB29QmiLin8abMSexPPaOrRSEHFIFfJ7CCR0yVBevthd7epGFMYJmVh7
    Yh7ITqb1c+9MdykpH8/9dyVzqVks2QyujTOX7noWpk3GKSZOacoZj8YFYbBj/+qv+k/R/8z9E4+GhTDC6r+st4L+qX8l0f/M
    /Zc8GhbCCEQiErHamHZdmbK6+LnjTfdD80Rq2j/1/bfo3zul09gat1u+DILjj/TzhyPJX81/b//16/m/oEznmP8zz/87j4aF
    MMLq/7g/H3w9/z+//6dntei3mETlCmFN09xK9A8AAAAAAAAAAPC9B83UFDoAKAAA
    """)

  /// `x_train` [2, 2, 1, 3] of k/11 as float32, `y_train` 2 and 0 as int64, `x_test` [1, 2, 1, 3], and `notes`.
  private static let arrays = bytes(
    """
    UEsDBBQAAAAIAAAAIVDjat/0dwAAALAAAAALAAAAeF90cmFpbi5ucHmb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZf
    VFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgpAZKijYKypo1CrQAbgYgCCHr1dtj16VnYvF3XbAdl2+rteANnc9rteKNkD
    xe1jSwLt9Xdl2DMwNNgDAFBLAwQUAAAAAAAAACFQg0/xgpAAAACQAAAACwAAAHlfdHJhaW4ubnB5k05VTVBZAQB2AHsnZGVz
    Y3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAg
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoCAAAAAAAAAAAAAAAAAAAAUEsDBBQAAAAAAAAAIVDH
    9+otmAAAAJgAAAAKAAAAeF90ZXN0Lm5weZNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFs
    c2UsICdzaGFwZSc6ICgxLCAyLCAxLCAzKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg
    ICAgICAgICAKAAAAAM3MTD7NzMw+mpkZP83MTD8AAIA/UEsDBBQAAAAAAAAAIVDdnZvQiAAAAIgAAAAJAAAAbm90ZXMubnB5
    k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAg
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoCAAAAAAAAAFBLAQIUAxQA
    AAAIAAAAIVDjat/0dwAAALAAAAALAAAAAAAAAAAAAACAAQAAAAB4X3RyYWluLm5weVBLAQIUAxQAAAAAAAAAIVCDT/GCkAAA
    AJAAAAALAAAAAAAAAAAAAACAAaAAAAB5X3RyYWluLm5weVBLAQIUAxQAAAAAAAAAIVDH9+otmAAAAJgAAAAKAAAAAAAAAAAA
    AACAAVkBAAB4X3Rlc3QubnB5UEsBAhQDFAAAAAAAAAAhUN2dm9CIAAAAiAAAAAkAAAAAAAAAAAAAAIABGQIAAG5vdGVzLm5w
    eVBLBQYAAAAABAAEAOEAAADIAgAAAAA=
    """)

  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing was refused"
  }

  @Test(arguments: ["pets.zip", "pets.tar.gz"]) func anArchiveIsReadAsTheFolderItHolds(_ name: String) throws
  {
    try withTemporaryFolder { folder in
      try folder.write(name, name.hasSuffix("zip") ? Self.zip : Self.tarGz)
      var said: [String] = []
      let archive = DataArchive(
        folder.appendingPathComponent(name), cache: folder.appendingPathComponent("cache"))
      let place = try archive.unpacked { said.append($0) }
      let data = try openDataset(at: place)
      #expect(data.description.classNames == ["cat", "dog"] && data.description.labelHistogram == [2, 2])
      #expect(try data.example(at: 2)["image"]?.bytes.prefix(4) == [100, 100, 100, 100])
      let links = said.filter { $0.contains("left out") }
      #expect(links.count == (name.hasSuffix("zip") ? 0 : 1), "\(said)")
      // What is there is not unpacked again.
      said = []
      #expect(try archive.unpacked { said.append($0) } == place && said.isEmpty)
      let report = try checkData(at: place)
      #expect(report.layout == .classFolders)
    }
  }

  @Test func archivesThatLeadOutOrLieAreRefusedAndLeaveNothing() throws {
    try withTemporaryFolder { folder in
      let cache = folder.appendingPathComponent("cache")
      func refusal(_ bytes: [UInt8], _ limits: DataArchive.Limits = .init()) throws -> String {
        try folder.write("a.zip", bytes)
        let sentence = message {
          _ = try DataArchive(folder.appendingPathComponent("a.zip"), cache: cache, limits: limits).unpacked()
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: cache.path)
        #expect(left.isEmpty, "\(left)")
        return sentence
      }
      func replaced(_ old: String, _ new: String) -> [UInt8] {
        var data = Data(Self.zip)
        while let range = data.range(of: Data(old.utf8)) { data.replaceSubrange(range, with: Data(new.utf8)) }
        return [UInt8](data)
      }
      #expect(try refusal(replaced("photos/cat/0.ppm", "../../../cat.ppm")).contains("leads out of a folder"))
      #expect(try refusal(replaced("photos/cat/0.ppm", "/hotos/cat/0.ppm")).contains("leads out of a folder"))
      #expect(try refusal(replaced("photos/cat/0.ppm", "photos/cat/1.ppm")).contains("twice"))
      var bomb = DataArchive.Limits()
      bomb.bytes = 40
      #expect(try refusal(Self.zip, bomb).contains("would become more than 40"))
      bomb = DataArchive.Limits()
      bomb.files = 3
      #expect(try refusal(Self.zip, bomb).contains("more than 3 files"))
      #expect(try refusal(Array(Self.zip.prefix(Self.zip.count - 9))).contains("directory"))
      #expect(try refusal(Array(repeating: 65, count: 100)).contains("directory"))
      // Each byte changed in turn: read, or refused in a sentence.
      for index in stride(from: 0, to: Self.zip.count, by: 3) {
        var changed = Self.zip
        changed[index] ^= 0x55
        try folder.write("a.zip", changed)
        let own = folder.appendingPathComponent("cache-\(index)")
        _ = try? DataArchive(folder.appendingPathComponent("a.zip"), cache: own).unpacked()
        try? FileManager.default.removeItem(at: own)
      }
    }
  }

  @Test func arraysAreImagesAndLabels() throws {
    try withTemporaryFolder { folder in
      try folder.write("set.npz", Self.arrays)
      let place = folder.appendingPathComponent("set.npz")
      let data = try openDataset(at: place)
      #expect(data.description.layout == .arrays && data.description.imageShape == [3, 2, 1])
      #expect(
        (data as? InMemoryDataset)?.allLabels == [2, 0] && data.description.classNames == ["0", "1", "2"])
      // Channels come last in the file: k/11 is the k-th value, and 255 k / 11 its level.
      #expect(try data.example(at: 0)["image"]?.bytes == [0, 70, 23, 93, 46, 116])
      #expect(data.description.notes.contains { $0.contains("notes") })
      let test = try openDataset(at: place, split: .test)
      #expect(try test.example(at: 0)["image"]?.bytes == [0, 153, 51, 204, 102, 255])
      #expect(test.description.classNames == data.description.classNames)
      let validation = message { _ = try openDataset(at: place, split: .validation) }
      #expect(validation.contains("its arrays hold test, train only"))
      #expect(try checkData(at: place).parts.map(\.count) == [2, 1])
    }
  }

  @Test func arraysOfObjectsAndFalseShapesAreRefused() throws {
    try withTemporaryFolder { folder in
      func refusal(_ old: String, _ new: String) throws -> String {
        var data = Data(Self.arrays)
        while let range = data.range(of: Data(old.utf8)) { data.replaceSubrange(range, with: Data(new.utf8)) }
        try folder.write("set.npz", [UInt8](data))
        return message { _ = try openDataset(at: folder.appendingPathComponent("set.npz")) }
      }
      #expect(try refusal("'<i8'", "'|O8'").contains("Python's objects"))
      #expect(try refusal("(2,)", "(9,)").contains("declares the shape [9]"))
      // The label 2 of the training part, as a whole number of some 9e18; the test part has its classes too.
      var label = Data(Self.arrays)
      let place = try #require(label.range(of: Data([0x0A, 2] + [UInt8](repeating: 0, count: 15))))
      label[place.lowerBound + 8] = 0x7F
      try folder.write("set.npz", [UInt8](label))
      for split in [DatasetSplit.train, .test] {
        let text = message {
          _ = try ArrayImages.open(folder.appendingPathComponent("set.npz"), split: split)
        }
        #expect(text.contains("\"y_train\" is no whole number"), "\(text)")
      }
      for index in stride(from: 0, to: Self.arrays.count, by: 3) {
        var changed = Self.arrays
        changed[index] ^= 0xAA
        try folder.write("set.npz", changed)
        _ = try? openDataset(at: folder.appendingPathComponent("set.npz"))
      }
    }
  }
}
