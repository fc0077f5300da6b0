import AtelierData
import Foundation

/// Archives, and data sets that are a few binary files.
extension FuzzedParser {
  /// Unpacks an archive into the folder and removes what came of it.
  private static func unpack(_ folder: FuzzFolder, _ name: String, _ bytes: [UInt8]) throws {
    let cache = folder.url.appendingPathComponent("cache", isDirectory: true)
    defer { try? FileManager.default.removeItem(at: cache) }
    _ = try DataArchive(try folder.file(name, bytes), cache: cache).unpacked()
    // Nothing may lie beside the place that it was to be unpacked in.
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    for other in names where other != "cache" && !other.hasPrefix("input.") {
      throw EscapedFile(name: other)
    }
  }

  /// A file of an archive that lies where it must not.
  private struct EscapedFile: Error {
    let name: String
  }

  private static let files: [(name: String, bytes: [UInt8])] = [
    ("set/a/1.png", [1, 2, 3]), ("set/b/2.png", Array(repeating: 7, count: 40)),
    ("set/labels.csv", [97, 44, 98]),
  ]

  static let archives: [FuzzedParser] = [
    FuzzedParser("zip", longest: 2048) {
      [SmallArchives.zip(files), SmallArchives.zip(files, deflates: true)]
    } read: { folder, bytes in
      try unpack(folder, "input.zip", bytes)
    },
    FuzzedParser("tar", longest: 8192) {
      [
        SmallArchives.tar(files.map { (name: $0.name, kind: "0", bytes: $0.bytes) }),
        SmallArchives.tar([
          (name: "long", kind: "L", bytes: Array("set/a/a-long-name.png".utf8) + [0]),
          (name: "x", kind: "0", bytes: [1]), (name: "set", kind: "5", bytes: []),
          (name: "pax", kind: "x", bytes: Array("18 path=set/b/1.x\n12 size=003\n".utf8)),
          (name: "y", kind: "0", bytes: [1, 2, 3]), (name: "link", kind: "2", bytes: []),
        ]),
      ]
    } read: { folder, bytes in
      // A wrong checksum is refused at once; half of the inputs get a right one.
      let isMended = (bytes.last ?? 0) & 1 == 0
      try unpack(folder, "input.tar", isMended ? SmallArchives.withHeaderChecksums(bytes) : bytes)
    },
    FuzzedParser("tar-gzip", longest: 8192) {
      [SmallArchives.gzip(SmallArchives.tar(files.map { (name: $0.name, kind: "0", bytes: $0.bytes) }))]
    } read: { folder, bytes in
      try unpack(folder, "input.tar.gz", bytes)
    },
    FuzzedParser("caption-shard", longest: 12_288) {
      [
        SmallArchives.tar(
          [
            ("0.png", [1, 2, 3]), ("0.txt", Array("A dog .\nmore".utf8)), ("1.jpg", [4]),
            ("1.json", Array("{\"caption\": [\"a dog\", \"dogs\"], \"x\": {\"y\": [1]}}".utf8)),
            ("a/2.png", [5]),
            ("a/2.cls", [55, 10]), ("3.json", Array("{}".utf8)), ("4.png", []),
          ].map { (name: $0.0, kind: "0", bytes: $0.1) })
      ]
    } read: { folder, bytes in
      let isMended = (bytes.last ?? 0) & 1 == 0
      _ = try CaptionShard(
        try folder.file("input.tar", isMended ? SmallArchives.withHeaderChecksums(bytes) : bytes))
    },
  ]

  private static func idx(_ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(shape.count)] + shape.flatMap { SmallArchives.little($0, 4).reversed() } + bytes
  }

  private static let images = [UInt8](0..<48)

  static let dataFiles: [FuzzedParser] = [
    FuzzedParser("idx", longest: 512) {
      [idx([3, 4, 4], images), idx([5], [0, 1, 2, 1, 0])]
    } read: { folder, bytes in
      _ = try IDX.read(try folder.file("input-idx3-ubyte", bytes))
    },
    FuzzedParser("gzip", longest: 512) {
      [SmallArchives.gzip(idx([3, 4, 4], images)), SmallArchives.gzip(idx([5], [0, 1, 2, 1, 0]))]
    } read: { folder, bytes in
      _ = try IDX.read(try folder.file("input-idx3-ubyte.gz", bytes))
    },
    FuzzedParser("idx-folder", longest: 512) {
      [idx([3, 4, 4], images) + [3]]
    } read: { folder, bytes in
      // The last byte says how many labels there are.
      let labels = [UInt8](repeating: 1, count: Int(bytes.last ?? 0))
      let place = try folder.folder("idx") { _ in }
      _ = try folder.file("idx/train-images-idx3-ubyte", Array(bytes.dropLast()))
      _ = try folder.file("idx/train-labels-idx1-ubyte", idx([labels.count], labels))
      _ = try IDX.open(place)
    },
    FuzzedParser("cifar", longest: 9300) {
      [[UInt8](repeating: 3, count: 3073), [UInt8](repeating: 4, count: 3074 * 2)]
    } read: { folder, bytes in
      let place = try folder.folder("cifar") { _ in }
      _ = try folder.file("cifar/data_batch_1.bin", bytes)
      _ = try CIFAR.open(place)
    },
    FuzzedParser("npz", longest: 2048) {
      let words = (0..<24).flatMap { SmallArchives.little($0 * 100, 2) }
      let floats = (0..<48).flatMap { SmallArchives.little((Float($0) / 48).bitPattern, 4) }
      let labels = (0..<3).flatMap { SmallArchives.little($0, 8) }
      return [
        SmallArchives.zip([
          ("x_train.npy", SmallArchives.npy("|u1", "(3, 4, 4)", images)),
          ("y_train.npy", SmallArchives.npy("<i8", "(3,)", labels)),
        ]),
        SmallArchives.zip(
          [
            ("images.npy", SmallArchives.npy("<f4", "(3, 4, 4, 1)", floats, fortran: true)),
            ("labels.npy", SmallArchives.npy(">i4", "(3,)", [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0])),
          ], deflates: true),
        SmallArchives.zip([("arr_0.npy", SmallArchives.npy("<u2", "(2, 3, 4)", words))]),
      ]
    } read: { folder, bytes in
      _ = try ArrayImages.open(try folder.file("input.npz", bytes))
    },
    FuzzedParser("npy", longest: 512) {
      [
        SmallArchives.npy("|u1", "(3, 4, 4)", images),
        SmallArchives.npy("<f2", "(1, 2, 3)", [UInt8](repeating: 0x3C, count: 12)),
        SmallArchives.npy("|b1", "(2, 1, 1, 3)", [0, 1, 0, 1, 1, 1], fortran: true),
      ]
    } read: { folder, bytes in
      // The array's own checksum and size are right, so that its header is read.
      let file = SmallArchives.zip([("images.npy", bytes)])
      _ = try ArrayImages.open(try folder.file("input.npz", file))
    },
  ]
}
