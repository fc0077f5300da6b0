internal import Foundation
internal import Torch

/// The files of a tar archive that comes from a command, one after the other; nothing is kept of those that were read.
final class TarStream {
  /// A file of the archive.
  struct Member {
    let name: String
    let bytes: [UInt8]
  }

  private static let block = 512
  private let descriptor: Int32
  private let name: String
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var (next, end) = (0, 0)
  /// The bytes that were read.
  private var count = 0
  /// Whether the command gives no more.
  private(set) var isAtEnd = false
  private var isFirst = true

  /// An archive that a descriptor gives; who made it closes it.
  ///
  /// - Parameter name: what errors call it.
  init(_ descriptor: Int32, named name: String) { (self.descriptor, self.name) = (descriptor, name) }

  /// The next file; nil where the archive ends.
  ///
  /// - Parameter most: the most bytes of a file by its name; nil: it is of no use and is passed over.
  /// - Throws: ``DatasetError/unusable(path:reason:)`` for what is no archive, ends too early, or holds a file that is too
  ///   large.
  func member(_ most: (String) -> Int?) throws(DatasetError) -> Member? {
    var (longName, longSize): (String?, Int?) = (nil, nil)
    while let head = try header() {
      guard let own = TarReader.number(head[124..<136]), own >= 0 else {
        throw damaged("a file of it has no size")
      }
      let kind = head[156]
      switch kind {
      case 0x78, 0x4C:
        guard own <= TarReader.longestName else { throw damaged("a header of it has \(own) bytes") }
        let bytes = try take(own)
        if kind == 0x4C {
          longName = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
          continue
        }
        let records: [String: String]
        do { records = try TarReader.records(bytes) { self.damaged($0) } } catch {
          throw damaged("a header of it is broken")
        }
        longName = records["path"] ?? longName
        if let text = records["size"] {
          guard let number = Int(text), number >= 0 else { throw damaged("a file of it has no size") }
          longSize = number
        }
      case 0x67, 0x4B: try skip(own)
      default:
        let (name, size) = (longName ?? TarReader.name(head), longSize ?? own)
        (longName, longSize) = (nil, nil)
        let isPlain = kind == 0 || kind == 0x30 || kind == 0x37
        guard isPlain, !name.hasSuffix("/"), let most = most(name) else {
          try skip(size)
          continue
        }
        guard size <= most else {
          throw damaged("its member \(name) has \(size) bytes, and may have at most \(most)")
        }
        return Member(name: name, bytes: try take(size))
      }
    }
    return nil
  }

  /// Reads what follows the archive, so that a command comes to its end.
  func finish() throws(DatasetError) { while try fill() { next = end } }

  /// The next header; nil for the zeros at the end, or the end itself.
  private func header() throws(DatasetError) -> [UInt8]? {
    if next == end, try !fill(), count > 0 { return nil }
    let head: [UInt8]
    do throws(DatasetError) { head = try bytes(Self.block) } catch {
      throw count < Self.block ? damaged("it gives no tar archive") : error
    }
    if head.allSatisfy({ $0 == 0 }) { return nil }
    guard TarReader.isSound(head) else {
      throw damaged(isFirst ? "it gives no tar archive" : "a header of its archive has a wrong checksum")
    }
    isFirst = false
    return head
  }

  /// The bytes of a file, and what fills its last block.
  private func take(_ size: Int) throws(DatasetError) -> [UInt8] {
    let taken = try bytes(size)
    try pass(Self.filling(size))
    return taken
  }

  private func skip(_ size: Int) throws(DatasetError) {
    try pass(size)
    try pass(Self.filling(size))
  }

  private static func filling(_ size: Int) -> Int { (block - size % block) % block }

  private func bytes(_ wanted: Int) throws(DatasetError) -> [UInt8] {
    var taken: [UInt8] = []
    // A false size costs nothing before its bytes come.
    taken.reserveCapacity(min(wanted, 1 << 20))
    while taken.count < wanted {
      guard try fill() else { throw damaged("its archive is cut short") }
      let part = min(end - next, wanted - taken.count)
      taken += buffer[next..<next + part]
      next += part
    }
    return taken
  }

  private func pass(_ wanted: Int) throws(DatasetError) {
    var left = wanted
    while left > 0 {
      guard try fill() else { throw damaged("its archive is cut short") }
      let part = min(end - next, left)
      next += part
      left -= part
    }
  }

  /// Reads more.
  ///
  /// - Returns: false at the end.
  private func fill() throws(DatasetError) -> Bool {
    guard next == end else { return true }
    while true {
      let got = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw damaged("its output cannot be read: \(String(cString: strerror(errno)))") }
      (next, end) = (0, got)
      count += got
      isAtEnd = got == 0
      return got > 0
    }
  }

  private func damaged(_ reason: String) -> DatasetError { .unusable(path: name, reason: reason) }
}
