import AtelierData
import AtelierMedia
import Foundation
import Torch

/// A folder that is removed after the test.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("atelier-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

extension URL {
  /// Writes a file below this folder, making folders on the way.
  func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  /// Writes a text file below this folder.
  func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

  /// Writes an image below this folder; `tone` tells it from others.
  func picture(_ name: String, tone: UInt8, width: Int = 6, height: Int = 4) throws {
    let bytes = (0..<(width * height)).flatMap { [tone, UInt8($0 * 5 % 256), UInt8(255 - Int(tone))] }
    let image = Image(width: width, height: height, channels: 3, bytes: bytes)
    let format = ImageFormat(fileExtension: (name as NSString).pathExtension) ?? .png
    try write(name, ImageCodec().encode(image, as: format))
  }

  /// Writes an IDX file below this folder.
  func idx(_ name: String, shape: [Int], _ bytes: [UInt8]) throws {
    try write(name, idxFile(shape: shape, bytes))
  }
}

/// The bytes of an IDX file.
func idxFile(shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
  [0, 0, 8, UInt8(shape.count)]
    + shape.flatMap { [UInt8($0 >> 24 & 255), UInt8($0 >> 16 & 255), UInt8($0 >> 8 & 255), UInt8($0 & 255)] }
    + bytes
}

/// A small data set in memory whose image `index` is filled with `index`.
func numbered(_ count: Int) throws -> InMemoryDataset {
  try InMemoryDataset(
    images: HostTensor(
      (0..<count).flatMap { [UInt8](repeating: UInt8($0), count: 12) }, shape: [count, 3, 2, 2]),
    labels: (0..<count).map { $0 % 3 })
}

/// What a gzip program makes of the 16 bytes 0, 0, 8, 1, 0, 0, 0, 8, 3, 1, 4, 1, 5, 9, 2, 6: an IDX file of
/// eight labels.
let packedLabels: [UInt8] = [
  31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 99, 96, 224, 96, 100, 96, 96, 224, 96, 102, 100, 97, 100, 229, 100, 98, 3,
  0, 5, 69, 255, 212, 16, 0, 0, 0,
]

/// A tar archive (POSIX ustar) of files.
func tarArchive(_ files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
  var result: [UInt8] = []
  for (name, bytes) in files {
    var head = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ place: Int) {
      for (index, byte) in text.utf8.enumerated() { head[place + index] = byte }
    }
    put(name, 0)
    put("0000644\0", 100)
    put(String(bytes.count, radix: 8), 124)
    put("0", 156)
    put("ustar\0" + "00", 257)
    for place in 148..<156 { head[place] = 32 }
    let sum = head.reduce(0) { $0 + Int($1) }
    put(String(sum, radix: 8) + "\0", 148)
    result += head + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
  }
  return result + [UInt8](repeating: 0, count: 1024)
}
