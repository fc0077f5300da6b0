public import Torch

/// Which part of the data.
public enum DatasetSplit: String, Sendable, Hashable, Codable, CaseIterable {
  case train, validation, test
}

/// How data lie on disk.
public enum DataLayout: String, Sendable, Hashable, Codable, CaseIterable {
  /// MNIST's format: `train-images-idx3-ubyte[.gz]` and its labels.
  case idx
  /// CIFAR-10's binary batches, one label an image.
  case cifar10
  /// CIFAR-100's binary files, a coarse and a fine label an image.
  case cifar100
  /// A folder a class.
  case classFolders
  /// Images beside `metadata.jsonl`, `metadata.csv` or `labels.csv`.
  case table
  /// Images without labels.
  case flatPictures
  /// Two images side by side in each file.
  case sideBySide
  /// Folders of sources and targets whose files have the same names.
  case pairedFolders
  /// Two folders of images without correspondence.
  case unpairedFolders
  /// Images with a table of captions or tags, or with a text file each.
  case captions
  /// Plain text.
  case text
  /// Arrays made by a program.
  case memory
}

/// What a data set is: everything a run records about the data it learned from.
public struct DatasetDescription: Sendable, Codable, Hashable {
  /// How the data lie on disk.
  public var layout: DataLayout
  /// The folder's or file's own name, without the path to it.
  public var name: String
  /// The part that was opened.
  public var split: DatasetSplit
  /// Examples.
  public var count: Int
  /// `[channels, height, width]` of every image, or nil where they differ or there are none.
  public var imageShape: [Int]?
  /// Bits a value on disk, where that is known without decoding: 8 or 16.
  public var bitDepth: Int?
  /// The classes' names; a label is an index into them. Empty where there are no labels.
  public var classNames: [String]
  /// Red, green and blue of each class, where maps of labels are drawn in colours; nil where they hold
  /// indices.
  public var classColours: [[UInt8]]?
  /// Examples of each class, in the order of `classNames`.
  public var labelHistogram: [Int]
  /// SHA-256 over names, sizes and contents; see ``contentFingerprint(of:)``.
  public var fingerprint: String
  /// What a person should know, a sentence each: "there are no labels; every label is 0".
  public var notes: [String]

  /// A description of the given facts.
  public init(
    layout: DataLayout, name: String, split: DatasetSplit, count: Int, imageShape: [Int]? = nil,
    bitDepth: Int? = nil, classNames: [String] = [], classColours: [[UInt8]]? = nil,
    labelHistogram: [Int] = [], fingerprint: String, notes: [String] = []
  ) {
    self.layout = layout
    self.name = name
    self.split = split
    self.count = count
    self.imageShape = imageShape
    self.bitDepth = bitDepth
    self.classNames = classNames
    self.classColours = classColours
    self.labelHistogram = labelHistogram
    self.fingerprint = fingerprint
    self.notes = notes
  }
}

/// One example: named values of fixed meaning.
///
/// `image` is uint8 `[channels, height, width]`, `label` an int64 scalar of shape `[]`; numeric columns of
/// a table are float32 scalars under their own names.
public struct Example: Sendable, Hashable {
  /// The values by name.
  public var fields: [String: HostTensor]

  /// An example of the given values.
  public init(_ fields: [String: HostTensor]) { self.fields = fields }

  /// One value.
  public subscript(_ name: String) -> HostTensor? { fields[name] }
}

/// Examples by number. Sendable: examples are read from several threads at once.
public protocol Dataset: Sendable {
  /// What the data are.
  var description: DatasetDescription { get }
  /// The number of examples.
  var count: Int { get }
  /// Whether examples lie decoded in memory, so that reading them in the background gains nothing.
  var isInMemory: Bool { get }
  /// The example at `index`, 0 up to `count`.
  ///
  /// Throws ``DatasetError/corruptPicture(path:reason:)`` for an image that cannot be decoded.
  func example(at index: Int) throws(DatasetError) -> Example
  /// Whether examples that are served for training depend on random numbers.
  var isRandom: Bool { get }
  /// The example at `index` as it is served for training: with its random changes, drawn from `generator`.
  func example(
    at index: Int, using generator: inout SeededGenerator
  ) throws(DatasetError) -> Example
  /// The examples at `indices` as one batch, as ``collate(_:)`` makes it.
  func batch(at indices: [Int]) throws(DatasetError) -> [String: HostTensor]
  /// Examples as one batch; by default each field is stacked along a new first axis. Data whose examples
  /// differ in length pad them here, see ``Example/padded(_:_:)``.
  func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor]
  /// The batches of a pass that is served for training, as numbers of examples; nil, the default: all
  /// examples in random order, cut into batches of `batchSize`.
  ///
  /// It must follow from its arguments alone, so that a resumed run finds the same batches. Data that put
  /// examples of similar length together, or that serve clips in sequence, have an order of their own; it may
  /// leave examples out, repeat them, and make batches of any size but 0.
  ///
  /// - Parameters:
  ///   - pass: the pass over the data, from 0.
  ///   - generator: random numbers of this pass.
  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]?
}

extension Dataset {
  /// Examples are decoded on demand unless a data set says otherwise.
  public var isInMemory: Bool { false }

  /// Nothing is random unless a data set says otherwise.
  public var isRandom: Bool { false }

  /// The plain example.
  public func example(
    at index: Int, using generator: inout SeededGenerator
  ) throws(DatasetError) -> Example { try example(at: index) }

  /// Stacks each field.
  public func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try Example.stacked(examples)
  }

  /// Nil: all examples in random order.
  public func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? { nil }

  /// Reads the examples one by one and collates them.
  public func batch(at indices: [Int]) throws(DatasetError) -> [String: HostTensor] {
    var examples: [Example] = []
    examples.reserveCapacity(indices.count)
    for index in indices { examples.append(try example(at: index)) }
    return try collate(examples)
  }
}

extension Dataset {
  /// Refuses data of which no example can be read, before anything is begun with them.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` with the reason of the first example.
  package func requireUsable() throws(DatasetError) {
    guard !isInMemory, count > 0 else { return }
    var first: DatasetError?
    for index in 0..<count {
      do throws(DatasetError) {
        _ = try example(at: index)
        return
      } catch {
        guard case .corruptPicture = error else { throw error }
        first = first ?? error
      }
    }
    guard let first else { return }
    throw .unusable(
      path: description.name,
      reason: "none of its \(count) examples can be read; of the first: \(first.description.dropLast())")
  }
}
