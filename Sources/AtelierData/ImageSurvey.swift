internal import AtelierMedia
internal import Foundation

/// The properties of an image that the check compares.
struct SurveyedImage: Sendable {
  let name: String
  let split: DatasetSplit
  let label: Int
  /// Size, mode, hashes and thumbnail; or the reason why it cannot be decoded.
  let outcome: Result<Facts, DatasetError>

  struct Facts: Sendable {
    let width: Int
    let height: Int
    let mode: String
    /// The number of frames; more than 1 in an animation.
    let frames: Int
    /// The SHA-256 of size, mode and pixels.
    let pixels: String
    /// A grey thumbnail, 16 x 16.
    let thumbnail: [UInt8]
    /// A difference hash: 64 comparisons of neighbouring blocks.
    let hash: UInt64
    /// The numbers that the file stores; nil: 8 bits.
    let numbers: SampleFacts?

    var size: String { "\(width) x \(height)" }
  }
}

extension SurveyedImage.Facts {
  init(_ image: Image, frames: Int = 1, numbers: SampleFacts? = nil) {
    self.numbers = numbers
    (width, height) = (image.width, image.height)
    self.frames = frames
    mode = image.modeName
    pixels = image.contentHash
    // Block means instead of a resize, at a tenth of its cost.
    let thumbnail = Self.blockMeans(image.grey().with8Bits())
    self.thumbnail = thumbnail
    // Means of 2 x 2 give an 8 x 8 image; the last block of a row is compared with the first.
    let blocks: [Int] = (0..<64).map { block in
      let corner = block / 8 * 32 + block % 8 * 2
      return [0, 1, 16, 17].reduce(0) { $0 + Int(thumbnail[corner + $1]) }
    }
    hash = (0..<64).reduce(0) { bits, block in
      let right = block % 8 == 7 ? block - 7 : block + 1
      return bits << 1 | (blocks[block] > blocks[right] ? 1 : 0)
    }
  }

  /// The means of 16 x 16 blocks of at least one pixel each.
  private static func blockMeans(_ image: Image) -> [UInt8] {
    image.bytes.withUnsafeBufferPointer { pixels in
      (0..<256).map { block in
        let (row, column) = (block / 16, block % 16)
        let top = row * image.height / 16
        let left = column * image.width / 16
        let bottom = max(top + 1, (row + 1) * image.height / 16)
        let right = max(left + 1, (column + 1) * image.width / 16)
        var sum = 0
        for y in top..<bottom { for x in left..<right { sum += Int(pixels[y * image.width + x]) } }
        return UInt8(sum / ((bottom - top) * (right - left)))
      }
    }
  }

  /// The difference between the lightest and the darkest block.
  private var contrast: Int { Int(thumbnail.max() ?? 0) - Int(thumbnail.min() ?? 0) }

  /// Whether two images look the same: their hashes differ in few bits, and their thumbnails by at most 3 %
  /// of the contrast.
  func looksLike(_ other: Self) -> Bool {
    guard (hash ^ other.hash).nonzeroBitCount <= 3 else { return false }
    let difference = zip(thumbnail, other.thumbnail).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    return 33 * difference <= contrast * thumbnail.count
  }

  /// Whether a comparison is meaningful: all blank images look alike.
  ///
  /// Below 32 pixels per side different objects look alike, such as all trousers of Fashion-MNIST.
  var isDistinctive: Bool { contrast >= 32 && min(width, height) >= 32 }
}

/// Finds equal and nearly equal images.
struct DuplicateSearch {
  let pictures: [SurveyedImage]
  let facts: [(index: Int, facts: SurveyedImage.Facts)]

  /// The class whose near duplicates are ignored: sources such as outlines differ in detail that the hash
  /// does not see.
  let ignoredLabel: Int?

  init(_ pictures: [SurveyedImage], ignoringLikenessOf label: Int? = nil) {
    self.pictures = pictures
    ignoredLabel = label
    facts = pictures.indices.compactMap { index in
      if case .success(let facts) = pictures[index].outcome { (index, facts) } else { nil }
    }
  }

  /// Groups of images whose pixels are equal, in order of their first members.
  func exact() -> [[Int]] {
    Dictionary(grouping: facts, by: \.facts.pixels).values.filter { $0.count > 1 }.map {
      $0.map(\.index).sorted()
    }
    .sorted { $0[0] < $1[0] }
  }

  /// Pairs of images that look the same and are not equal.
  ///
  /// Hashes that differ in at most 3 bits agree in at least one of four 16-bit bands, so only images that
  /// share a band are compared.
  func near() -> [[Int]] {
    var pairs: Set<[Int]> = []
    let candidates = facts.filter { $0.facts.isDistinctive && pictures[$0.index].label != ignoredLabel }
    for band in 0..<4 {
      let buckets = Dictionary(grouping: candidates) { $0.facts.hash >> (16 * UInt64(band)) & 0xFFFF }
      for bucket in buckets.values {
        // A band shared by very many images is not distinctive; the other three decide.
        for (position, first) in bucket.enumerated() {
          for second in bucket[(position + 1)...].prefix(2000)
          where first.facts.pixels != second.facts.pixels && first.facts.looksLike(second.facts) {
            pairs.insert([min(first.index, second.index), max(first.index, second.index)])
          }
        }
      }
    }
    return pairs.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }
  }

  func described(_ group: [Int]) -> DataReport.Duplicates {
    let members = group.map { pictures[$0] }
    return DataReport.Duplicates(
      members: members.map(\.name), crossesParts: Set(members.map(\.split)).count > 1,
      labelsDiffer: Set(members.map(\.label)).count > 1)
  }
}
