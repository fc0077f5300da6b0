/// Detects the container of a sound file, and whether the file is as long as its header declares.
///
/// libsndfile reads a truncated WAV as a shorter one; here truncation is an error, as for images.
enum SoundContainer {
  /// The format by the file's signature; nil where libsndfile does not read it.
  static func format(of source: any ByteSource) -> AudioFormat? {
    let head = source.bytes(at: 0, count: 12)
    guard head.count >= 4 else { return nil }
    let name = String(decoding: head[0..<4], as: UTF8.self)
    let kind = head.count == 12 ? String(decoding: head[8..<12], as: UTF8.self) : ""
    switch name {
    case "RIFF", "RIFX", "RF64": return kind == "WAVE" ? .wav : nil
    case "FORM": return kind == "AIFF" || kind == "AIFC" ? .aiff : nil
    case "fLaC": return .flac
    case "OggS": return .ogg
    case "caff": return .caf
    case ".snd": return .au
    case "NIST": return .sphere
    case _ where name.hasPrefix("ID3"): return .mp3
    // An MPEG audio frame of layer III; AAC in ADTS, which begins alike, has layer 0.
    case _ where head[0] == 0xFF && head[1] & 0xE6 == 0xE2: return .mp3
    default: return nil
    }
  }

  /// The reason why the file is truncated; nil where it is whole, or its format does not tell.
  static func defect(of source: any ByteSource, format: AudioFormat) -> String? {
    switch format {
    case .wav: riffDefect(source)
    case .aiff: aiffDefect(source)
    case .au: auDefect(source)
    case .ogg: oggDefect(source)
    default: nil
    }
  }

  /// The number of chunks read in search of the samples.
  private static let chunkLimit = 4096

  private static func riffDefect(_ source: any ByteSource) -> String? {
    let isBig = source.bytes(at: 0, count: 4).elementsEqual("RIFX".utf8)
    var longSize: Int?
    var offset = 12
    for _ in 0..<chunkLimit {
      let head = source.bytes(at: offset, count: 8)
      guard head.count == 8 else { return "it has no chunk of samples" }
      let size = number(head[4..<8], bigEndian: isBig)
      let name = String(decoding: head[0..<4], as: UTF8.self)
      if name == "ds64" {
        let sizes = source.bytes(at: offset + 16, count: 8)
        // Clear the sign bit: a size that does not fit into Int exceeds any file.
        if sizes.count == 8 { longSize = number(sizes[0..<8], bigEndian: isBig) }
      }
      if name == "data" {
        // A WAV written to a pipe keeps a size of 0 or the maximum; its samples go on to the end of the file.
        let isOpen = size == 0 || size >= 0xFFFF_FF00
        return shortage(isOpen ? longSize : size, source.length - offset - 8)
      }
      offset += 8 + size + size % 2
    }
    return nil
  }

  private static func aiffDefect(_ source: any ByteSource) -> String? {
    var offset = 12
    for _ in 0..<chunkLimit {
      let head = source.bytes(at: offset, count: 8)
      guard head.count == 8 else { return "it has no chunk of samples" }
      let size = number(head[4..<8], bigEndian: true)
      if head[0..<4].elementsEqual("SSND".utf8) { return shortage(size, source.length - offset - 8) }
      offset += 8 + size + size % 2
    }
    return nil
  }

  private static func auDefect(_ source: any ByteSource) -> String? {
    let head = source.bytes(at: 0, count: 12)
    guard head.count == 12 else { return "its header is incomplete" }
    let size = number(head[8..<12], bigEndian: true)
    return size == 0xFFFF_FFFF
      ? nil : shortage(size, source.length - number(head[4..<8], bigEndian: true))
  }

  /// The last page must be whole, and end its stream.
  private static func oggDefect(_ source: any ByteSource) -> String? {
    // A page has at most 65,307 bytes.
    let start = max(0, source.length - 2 * 65_307)
    let tail = source.bytes(at: start, count: source.length - start)
    guard tail.count >= 27 else { return "its last page is incomplete" }
    for place in stride(from: tail.count - 4, through: 0, by: -1) where tail[place] == 0x4F {
      guard tail[place..<(place + 4)].elementsEqual("OggS".utf8) else { continue }
      guard place + 27 <= tail.count else { return "its last page is incomplete" }
      let segments = Int(tail[place + 26])
      let table = place + 27
      guard table + segments <= tail.count else { return "its last page is incomplete" }
      let body = tail[table..<(table + segments)].reduce(0) { $0 + Int($1) }
      guard table + segments + body <= tail.count else { return "its last page is incomplete" }
      return tail[place + 5] & 4 == 0 ? "its last page does not end the stream" : nil
    }
    return "its last page is missing"
  }

  private static func shortage(_ announced: Int?, _ present: Int) -> String? {
    guard let announced, announced > present else { return nil }
    return "its header declares \(announced) bytes of samples, and there are \(max(0, present))"
  }

  private static func number(_ bytes: ArraySlice<UInt8>, bigEndian: Bool) -> Int {
    let ordered = bigEndian ? Array(bytes) : bytes.reversed()
    return Int(ordered.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & 0x7FFF_FFFF_FFFF_FFFF)
  }
}
