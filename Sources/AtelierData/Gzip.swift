internal import CZlib
internal import Foundation

/// Whether the bytes start with gzip's magic number.
func isGzip(_ bytes: [UInt8]) -> Bool { bytes.count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B }

/// Decompresses all members of a gzip file.
///
/// - Parameters:
///   - name: the file's name in errors.
///   - limit: the largest decompressed size in bytes.
///   - prefix: stop after this many bytes; nil decompresses everything.
func gunzip(
  _ input: [UInt8], name: String, limit: Int, prefix: Int? = nil
) throws(DatasetError) -> [UInt8] {
  var stream = z_stream()
  // 15: the largest window; + 16: gzip header and checksum.
  guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
    throw .corruptFile(path: name, reason: "zlib could not be initialised")
  }
  defer { inflateEnd(&stream) }
  var output: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: prefix == nil ? 1 << 18 : 1 << 8)
  var source = input
  var failure: String?
  source.withUnsafeMutableBufferPointer { source in
    stream.next_in = source.baseAddress
    stream.avail_in = 0
    var given = 0
    while failure == nil {
      if stream.avail_in == 0 {
        // avail_in has 32 bits, so larger files are passed in pieces.
        let amount = min(source.count - given, 1 << 30)
        if amount == 0 {
          failure = "the compressed data is truncated"
          return
        }
        stream.avail_in = UInt32(amount)
        given += amount
      }
      let (status, produced) = piece.withUnsafeMutableBufferPointer { buffer -> (Int32, Int) in
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(buffer.count)
        let status = inflate(&stream, Z_NO_FLUSH)
        return (status, buffer.count - Int(stream.avail_out))
      }
      guard output.count + produced <= limit else {
        failure = "it decompresses to more than the \(limit) bytes that its header declares"
        return
      }
      output.append(contentsOf: piece[0..<produced])
      if let prefix, output.count >= prefix { return }
      if status == Z_STREAM_END {
        if stream.avail_in == 0 && given == source.count { return }
        // Another member follows; trailing zeros are padding that gzip itself ignores.
        if stream.next_in?.pointee == 0 { return }
        inflateReset(&stream)
      } else if status != Z_OK {
        failure = "the compressed data is not valid gzip"
      }
    }
  }
  if let failure { throw .corruptFile(path: name, reason: failure) }
  return output
}
