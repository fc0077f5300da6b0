internal import AtelierHashing
internal import AtelierMedia
internal import Foundation
internal import Synchronization

/// Which examples are exact copies of one another: images of equal size, mode and pixels, as `data check` names them.
///
/// Pairs are copies where they share a source or a target; label maps, and images of one colour, tell nothing
/// of that.
struct ContentCopies: Sendable {
  /// For each example the first one that has the same content.
  let first: [Int]

  /// The number of examples that are copies of an earlier one.
  var count: Int { first.indices.count { first[$0] != $0 } }

  /// Copies by the contents of each example; nil, or none: it has no copies.
  private init<Key: Hashable>(_ contents: [[Key?]]) {
    var first = Array(contents.indices)
    func root(_ index: Int) -> Int {
      var index = index
      while first[index] != index { index = first[index] }
      return index
    }
    var owners: [Key: Int] = [:]
    for (index, keys) in contents.enumerated() {
      for case let key? in keys {
        guard let owner = owners[key] else {
          owners[key] = index
          continue
        }
        let (one, other) = (root(owner), root(index))
        first[max(one, other)] = min(one, other)
      }
    }
    self.first = first.indices.map(root)
  }

  /// Copies by one content an example.
  private init(_ keys: [ContentKey]) {
    var order: [UInt32] = []
    for index in keys.indices where keys[index] != .none { order.append(UInt32(index)) }
    order.sort { one, other in
      let (first, second) = (keys[Int(one)], keys[Int(other)])
      return first == second ? one < other : first < second
    }
    var first = Array(keys.indices)
    for (earlier, later) in zip(order, order.dropFirst()) where keys[Int(earlier)] == keys[Int(later)] {
      first[Int(later)] = first[Int(earlier)]
    }
    self.first = first
  }

  /// Copies as ``text`` writes them; nil for a text that is none of so many examples.
  private init?(_ text: String, count: Int) {
    var first = Array(0..<count)
    for pair in text.split(separator: " ") {
      let numbers = pair.split(separator: "=").map { Int($0) ?? -1 }
      guard numbers.count == 2, (0..<count).contains(numbers[0]), (0..<numbers[0]).contains(numbers[1]) else {
        return nil
      }
      first[numbers[0]] = numbers[1]
    }
    self.first = first
  }

  /// The copies, each with the first of its kind.
  private var text: String {
    first.indices.lazy.filter { first[$0] != $0 }.map { "\($0)=\(first[$0])" }.joined(separator: " ")
  }

  /// Copies by one value an example.
  private init(values: [some Hashable]) {
    var owners: [AnyHashable: Int] = [:]
    first = values.enumerated().map { index, value in
      if let owner = owners[value] { return owner }
      owners[value] = index
      return index
    }
  }

  /// Examples that share one of their keys, or are copies, as if they were copies of one another.
  static func joining(_ keys: [[String]], _ copies: ContentCopies?) -> ContentCopies {
    ContentCopies(
      keys.enumerated().map { index, own in own + (copies.map { ["copy \($0.first[index])"] } ?? []) })
  }

  /// Data that were searched already: a training opens them for each of its parts.
  private static let searched = Mutex<[String: ContentCopies]>([:])

  /// Copies among examples; every image is decoded once in a program, unless its size tells that it is no copy.
  static func among(_ dataset: any Dataset, say: (String) -> Void) -> ContentCopies {
    // What is kept beside the index of a folder is found there.
    if (dataset as? ImageDataset)?.files.facts != nil { return search(dataset, say) }
    let key = "\(dataset.description.layout) \(dataset.description.fingerprint) \(dataset.count)"
    if let known = searched.withLock({ $0[key] }) { return known }
    let found = search(dataset, say)
    searched.withLock { $0[key] = found }
    return found
  }

  /// Copies within each of two sets without correspondence.
  static func among(
    _ dataset: UnpairedDataset, say: (String) -> Void
  ) -> (first: ContentCopies, second: ContentCopies) {
    let key = "\(dataset.description.layout) \(dataset.description.fingerprint)"
    func copies(_ files: ImageFiles, _ name: String) -> ContentCopies {
      if let known = searched.withLock({ $0["\(key) \(name)"] }) { return known }
      let found = ContentCopies(contents(of: files, dataset.codec, skipsPlain: false, say))
      searched.withLock { $0["\(key) \(name)"] = found }
      return found
    }
    return (copies(dataset.files.first, "first"), copies(dataset.files.second, "second"))
  }

  /// Copies among examples of one file, or of several, any of which makes a copy.
  ///
  /// - Parameter skipsPlain: whether images of one colour make none.
  static func among(
    _ examples: [[URL]], _ codec: ImageCodec = ImageCodec(), skipsPlain: Bool = false,
    say: (String) -> Void = { _ in }
  ) -> ContentCopies {
    let files = ImageFiles(Array(examples.joined()))
    var next = contents(of: files, codec, skipsPlain: skipsPlain, say).makeIterator()
    return ContentCopies(
      examples.map { files in files.map { _ in next.next().flatMap { $0 == .none ? nil : $0 } } })
  }

  private static func search(_ dataset: any Dataset, _ say: (String) -> Void) -> ContentCopies {
    switch dataset {
    case let images as ImageDataset:
      let key =
        "copies among \(images.count) of \(images.description.fingerprint), "
        + (images.codec.scale?.description ?? "read as their formats say")
      if let known = images.files.facts?[key], let copies = ContentCopies(known, count: images.count) {
        return copies
      }
      let found = ContentCopies(contents(of: images.files, images.codec, skipsPlain: false, say))
      images.files.facts?.keep(found.text, as: key)
      return found
    case let images as InMemoryDataset: return ContentCopies(values: images.contents())
    case let frames as FrameSet: return among(frames.frames.map { [$0.file] }, skipsPlain: true, say: say)
    case let joint as JointDataset:
      switch joint.contents {
      case .derived(let base, _): return search(base, say)
      case .halves(let files):
        return ContentCopies(contents(of: files, joint.codec, skipsPlain: false, say))
      case .files(let examples, let labels):
        let roles = [ImageRole.source, .target].filter { !labels.contains($0) }
        return among(
          examples.map { example in roles.compactMap { example[$0] } }, joint.codec, skipsPlain: true,
          say: say)
      }
    default: return ContentCopies([[ContentKey?]](repeating: [], count: dataset.count))
    }
  }

  /// The hash of each image's pixels; none where it cannot be read, has a size of its own, or tells nothing.
  private static func contents(
    of files: ImageFiles, _ codec: ImageCodec, skipsPlain: Bool, _ say: (String) -> Void
  ) -> [ContentKey] {
    let many = 2000
    if files.count > many {
      say("Looking for exact copies among \(files.count) images, so that none is in two parts.")
    }
    // An image that cannot be read has no copies; reading it as an example says why.
    let sizes = inChunks(files.count) { index -> UInt64 in
      do throws(ImageError) {
        let header = try codec.information(of: files[index])
        return UInt64(header.width) << 32 | UInt64(header.height)
      } catch { return 0 }
    }
    var counts: [UInt64: Int] = [:]
    for size in sizes where size != 0 { counts[size, default: 0] += 1 }
    let shared = counts.filter { $0.value > 1 }
    return inChunks(files.count) { index -> ContentKey in
      guard shared[sizes[index]] != nil else { return .none }
      do throws(ImageError) {
        let image = try codec.decode(files[index])
        return skipsPlain && image.isOfOneColour ? .none : ContentKey(image.contentHash)
      } catch { return .none }
    }
  }

  /// Maps 0..<count in parallel, some dozens at a time.
  private static func inChunks<Value: Sendable>(_ count: Int, _ body: @Sendable (Int) -> Value) -> [Value] {
    let chunk = 64
    var values: [Value] = []
    values.reserveCapacity(count)
    for piece in inParallel(
      (count + chunk - 1) / chunk,
      { number in
        (number * chunk..<min(count, (number + 1) * chunk)).map(body)
      })
    {
      values += piece
    }
    return values
  }
}

/// The first half of an image's hash: enough that different images are not taken for copies.
private struct ContentKey: Sendable, Hashable, Comparable {
  /// Of an image that has no copies.
  static let none = ContentKey(high: 0, low: 0)

  let high: UInt64
  let low: UInt64

  private init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

  /// The key of a hash in hexadecimal digits.
  init(_ hash: String) {
    self.init(
      high: UInt64(hash.prefix(16), radix: 16) ?? 0,
      low: UInt64(hash.dropFirst(16).prefix(16), radix: 16) ?? 0)
  }

  static func < (one: ContentKey, other: ContentKey) -> Bool {
    (one.high, one.low) < (other.high, other.low)
  }
}

extension Image {
  /// What `data check` calls the kind of an image: `RGB, 8-bit`.
  var modeName: String {
    let kinds = ["grey", "grey and alpha", "RGB", "RGB and alpha"]
    let colour =
      kinds.indices.contains(channels - 1) && !isMultiband ? kinds[channels - 1] : "\(channels) channels"
    return "\(colour), \(depth == 32 ? "floating point" : "\(depth)-bit")"
  }

  /// The SHA-256 of size, mode and pixels.
  var contentHash: String {
    var hasher = SHA256Hasher()
    hasher.update(Data("\(width) x \(height) \(modeName)\n".utf8))
    hasher.update(bytes)
    return hasher.hexDigest()
  }

  /// Whether all pixels are equal.
  fileprivate var isOfOneColour: Bool {
    let pixel = bytes.count / max(1, width * height)
    return bytes.withUnsafeBytes { all in
      guard let start = all.baseAddress, all.count > pixel else { return true }
      return memcmp(start, start + pixel, all.count - pixel) == 0
    }
  }
}
