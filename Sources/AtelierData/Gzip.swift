internal import CZlib
internal import Foundation

/// Whether bytes begin like a gzip file.
func isGzip(_ bytes: [UInt8]) -> Bool { bytes.count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B }

/// Decompresses gzip members one after the other.
///
/// - Parameters:
///   - name: what errors call the file.
///   - limit: the most bytes that may come out.
///   - prefix: stop once this many bytes are out; nil for all of them.
func gunzip(
  _ input: [UInt8], name: String, limit: Int, prefix: Int? = nil
) throws(DatasetError) -> [UInt8] {
  var stream = z_stream()
  // 15: the largest window; 16: gzip's header and check sum.
  guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
    throw .corruptFile(path: name, reason: "zlib could not be started")
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
        // avail_in is 32 bits wide; larger files are handed over in pieces.
        let amount = min(source.count - given, 1 << 30)
        if amount == 0 {
          failure = "the compressed data end too early"
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
        failure = "it unpacks to more than the \(limit) bytes that its header announces"
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
        failure = "the compressed data are not valid gzip"
      }
    }
  }
  if let failure { throw .corruptFile(path: name, reason: failure) }
  return output
}
