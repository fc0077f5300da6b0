internal import CZlib
internal import Foundation
internal import Torch

/// Decompresses deflated bytes of a file piece by piece, so that memory does not grow with what they become.
enum Inflation {
  /// What is around the deflated bytes.
  enum Wrapping: Int32 {
    /// Nothing, as in a zip archive.
    case none = -15
    /// Gzip's header and checksum.
    case gzip = 31
  }

  /// - Parameters:
  ///   - range: where the bytes lie.
  ///   - limit: how many bytes may come of it.
  ///   - take: is given them in turn.
  static func inflate(
    _ source: ByteSource, _ range: Range<Int>, _ wrapping: Wrapping, limit: Int,
    take: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit2_(&stream, wrapping.rawValue, ZLIB_VERSION, size) == Z_OK else {
      throw DatasetError.corruptFile(path: source.file.path, reason: "zlib could not be initialised")
    }
    defer { inflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: 1 << 18)
    var (place, total) = (range.lowerBound, 0)
    while place < range.upperBound {
      var input = try source.bytes(at: place, count: min(1 << 18, range.upperBound - place))
      place += input.count
      let isEnd = try input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        repeat {
          let status = try output.withUnsafeMutableBufferPointer { output in
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            let status = CZlib.inflate(&stream, Z_NO_FLUSH)
            let count = output.count - Int(stream.avail_out)
            total += count
            guard total <= limit else {
              throw DatasetError.corruptFile(
                path: source.file.path, reason: "it decompresses to more than \(limit) bytes")
            }
            try take(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<count]))
            return status
          }
          if status == Z_STREAM_END {
            // Gzip files may have several members; what follows the last is padding.
            guard wrapping == .gzip, stream.avail_in > 0, stream.next_in?.pointee == 0x1F else { return true }
            inflateReset(&stream)
          } else if status != Z_OK && status != Z_BUF_ERROR {
            throw DatasetError.corruptFile(
              path: source.file.path, reason: "its compressed data are not valid")
          } else if status == Z_BUF_ERROR {
            break
          }
        } while stream.avail_in > 0 || stream.avail_out == 0
        return false
      }
      if isEnd { return }
    }
    throw DatasetError.corruptFile(path: source.file.path, reason: "its compressed data are cut short")
  }
}
