internal import Foundation
public import Torch

/// Pairs of an image's features and one of its tags; an image with several tags gives several examples.
public struct TagDataset: Dataset {
  /// The description; the tags are the classes.
  public let description: DatasetDescription
  /// float32 `[images, size]`.
  public let features: HostTensor
  /// The tags of each image, as indices into the vocabulary's `tags`.
  public let tags: [[Int]]
  /// The file name of each image.
  public let imageNames: [String]
  private let pairs: [(picture: Int, tag: Int)]
  private let size: Int
  private let names: (feature: String, tag: String)

  /// Pairs features with tags; images without a known tag give no example.
  ///
  /// - Parameters:
  ///   - feature: the name of the features in an example.
  ///   - tag: the name of the tag in an example.
  /// - Throws: ``DatasetError/invalid(reason:)`` for features of another shape or type.
  public init(
    _ data: TaggedImageSet, split: DatasetSplit, features: HostTensor, vocabulary: TagVocabulary,
    feature: String = "feature", tag: String = "tag"
  ) throws(DatasetError) {
    names = (feature, tag)
    guard features.shape.count == 2, features.shape[0] == data.pictures.count, features.dtype == .float32
    else {
      throw .invalid(
        reason: "\(data.name): the features are \(features.dtype) \(features.shape), not float32 "
          + "[\(data.pictures.count), size]")
    }
    let numbers = Dictionary(
      uniqueKeysWithValues: vocabulary.tagNames.enumerated().map { ($1, $0) })
    imageNames = data.pictures.map { $0.member?.name ?? $0.file.lastPathComponent }
    tags = data.pictures.map { data.tags(of: $0).compactMap { numbers[$0] } }
    pairs = tags.enumerated().flatMap { picture, tags in tags.map { (picture: picture, tag: $0) } }
    guard !pairs.isEmpty else { throw .invalid(reason: "\(data.name): no image has a known tag") }
    self.features = features
    size = features.shape[1]
    var histogram = [Int](repeating: 0, count: vocabulary.tags.count)
    for pair in pairs { histogram[pair.tag] += 1 }
    description = DatasetDescription(
      layout: .table, name: data.name, split: split, count: pairs.count, classNames: vocabulary.tagNames,
      labelHistogram: histogram, fingerprint: data.fingerprint, notes: data.notes)
  }

  /// The number of pairs of an image and a tag.
  public var count: Int { pairs.count }

  /// Always true.
  public var isInMemory: Bool { true }

  /// The image's features, float32 `[size]`, and one of its tags, an int64 scalar.
  public func example(at index: Int) throws(DatasetError) -> Example {
    guard pairs.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(pairs.count)")
    }
    let (picture, tag) = pairs[index]
    let width = size * 4
    return Example([
      names.feature: HostTensor(
        shape: [size], dtype: .float32,
        bytes: Array(features.bytes[(picture * width)..<((picture + 1) * width)])),
      names.tag: HostTensor([tag], shape: []),
    ])
  }

  /// Each image once.
  public func examplesToShow(_ limit: Int) -> [Int]? {
    var shown: [Int] = []
    // The pairs of an image stand side by side.
    for (index, pair) in pairs.enumerated()
    where shown.last.map({ pairs[$0].picture != pair.picture }) ?? true {
      guard shown.count < limit else { break }
      shown.append(index)
    }
    return shown
  }

  /// The image's name and its tags.
  public func title(of index: Int) -> String? {
    let picture = pairs[index].picture
    let tags = tags[picture].map { description.classNames[$0] }
    return "\(imageNames[picture]) (\(tags.joined(separator: ", ")))"
  }
}
