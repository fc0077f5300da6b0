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
  private init(_ contents: [[String?]]) {
    var first = Array(contents.indices)
    func root(_ index: Int) -> Int {
      var index = index
      while first[index] != index { index = first[index] }
      return index
    }
    var owners: [String: Int] = [:]
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
    func copies(_ files: [URL], _ name: String) -> ContentCopies {
      if let known = searched.withLock({ $0["\(key) \(name)"] }) { return known }
      let found = among(files.map { [$0] }, dataset.codec, say: say)
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
    var next = contents(of: Array(examples.joined()), codec, skipsPlain: skipsPlain, say).makeIterator()
    return ContentCopies(examples.map { files in files.map { _ in next.next().flatMap(\.self) } })
  }

  private static func search(_ dataset: any Dataset, _ say: (String) -> Void) -> ContentCopies {
    switch dataset {
    case let images as ImageDataset:
      return among(images.files.map { [$0] }, images.codec, say: say)
    case let images as InMemoryDataset: return ContentCopies(values: images.contents())
    case let frames as FrameSet: return among(frames.frames.map { [$0.file] }, skipsPlain: true, say: say)
    case let joint as JointDataset:
      switch joint.contents {
      case .derived(let base, _): return search(base, say)
      case .halves(let files):
        return among(files.map { [$0] }, joint.codec, say: say)
      case .files(let examples, let labels):
        let roles = [ImageRole.source, .target].filter { !labels.contains($0) }
        return among(
          examples.map { example in roles.compactMap { example[$0] } }, joint.codec, skipsPlain: true,
          say: say)
      }
    default: return ContentCopies([[String?]](repeating: [], count: dataset.count))
    }
  }

  /// The hash of each image's pixels; nil where it cannot be read, has a size of its own, or tells nothing.
  private static func contents(
    of files: [URL], _ codec: ImageCodec, skipsPlain: Bool, _ say: (String) -> Void
  ) -> [String?] {
    let many = 2000
    if files.count > many {
      say("Looking for exact copies among \(files.count) images, so that none is in two parts.")
    }
    // An image that cannot be read has no copies; reading it as an example says why.
    let sizes = inParallel(files.count) { index -> String? in
      do throws(ImageError) {
        let header = try codec.information(of: files[index])
        return "\(header.width) x \(header.height)"
      } catch { return nil }
    }
    var counts: [String: Int] = [:]
    for case let size? in sizes { counts[size, default: 0] += 1 }
    let shared = sizes.map { $0.map { counts[$0, default: 0] > 1 } ?? false }
    return inParallel(files.count) { index -> String? in
      guard shared[index] else { return nil }
      do throws(ImageError) {
        let image = try codec.decode(files[index])
        return skipsPlain && image.isOfOneColour ? nil : image.contentHash
      } catch { return nil }
    }
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
