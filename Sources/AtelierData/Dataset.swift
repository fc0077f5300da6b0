public import AtelierMedia
public import Torch

/// Which part of the data.
public enum DatasetSplit: String, Sendable, Hashable, Codable, CaseIterable {
  case train, validation, test
}

/// The layout of data on disk.
public enum DataLayout: String, Sendable, Hashable, Codable, CaseIterable {
  /// MNIST's format: `train-images-idx3-ubyte[.gz]` and its labels.
  case idx
  /// CIFAR-10's binary batches, with one label per image.
  case cifar10
  /// CIFAR-100's binary files, with a coarse and a fine label per image.
  case cifar100
  /// One folder per class.
  case classFolders
  /// Images beside `metadata.jsonl`, `metadata.csv` or `labels.csv`.
  case table
  /// Images without labels.
  case flatImages = "flatPictures"
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
  /// Sentences with their translations.
  case sentencePairs
  /// Texts with other fields beside them.
  case documents
  /// Texts with a class each.
  case labelledText
  /// Images in the shards of WebDataset.
  case shards
  /// NumPy's arrays of images and labels in one file.
  case arrays
  /// Sounds.
  case sounds
  /// Videos, and what is beside their frames.
  case videos
  /// Arrays made by a program.
  case memory
}

/// The description of a data set, which a run records.
public struct DatasetDescription: Sendable, Codable, Hashable {
  /// The layout on disk.
  public var layout: DataLayout
  /// The name of the folder or file, without its path.
  public var name: String
  /// The part that was opened.
  public var split: DatasetSplit
  /// The number of examples.
  public var count: Int
  /// `[channels, height, width]` of every image, or nil where they differ or there are none.
  public var imageShape: [Int]?
  /// Bits per sample on disk, where known without decoding: 8 or 16.
  public var bitDepth: Int?
  /// Which numbers of the files were black and white; nil: what each file's format says.
  public var scale: SampleScale?
  /// The classes' names; a label is an index into them. Empty where there are no labels.
  public var classNames: [String]
  /// The RGB colour of each class for colour-coded label maps; nil where maps hold indices.
  public var classColours: [[UInt8]]?
  /// The number of examples per class, in the order of `classNames`.
  public var labelHistogram: [Int]
  /// SHA-256 over names, sizes and contents; see ``contentFingerprint(of:)``.
  public var fingerprint: String
  /// Remarks for the user, one sentence each: "There are no labels; every label is 0." Runs and model files
  /// record them, so a changed text changes their bytes.
  public var notes: [String]
  /// How the condition was derived from single images, as ``ImageDerivation/init(parsing:)`` reads it, where a
  /// model is to derive it as well; nil where conditions are given.
  public var derivation: String?
  /// The licences of weights from elsewhere that a model of these data is made of; nil where it is made of none, and
  /// in files from before that was a field, which say it among the notes.
  public var licences: [WeightLicence]?
  /// What the two sides of unpaired images are called, where they are people; nil elsewhere.
  public var sideNames: [String]?
  /// Who agreed to being learned; nil where nobody's voice or face is.
  public var consent: ConsentRecord?

  /// A description with the given values.
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

extension DatasetDescription {
  /// Whether the sources of pairs were read as maps of labels. Only then do pairs of folders have classes; those of
  /// other layouts, of which a condition may be derived, are classes of images.
  package var sourcesAreLabelMaps: Bool { layout == .pairedFolders && !classNames.isEmpty }
}

/// One example: named values.
///
/// `image` is uint8 `[channels, height, width]`, `label` an int64 scalar of shape `[]`; numeric columns of
/// a table are float32 scalars under their own names.
public struct Example: Sendable, Hashable {
  /// The values by name.
  public var fields: [String: HostTensor]

  /// An example with the given values.
  public init(_ fields: [String: HostTensor]) { self.fields = fields }

  /// One value.
  public subscript(_ name: String) -> HostTensor? { fields[name] }
}

/// Indexed examples, read from several threads at once.
public protocol Dataset: Sendable {
  /// The description of the data.
  var description: DatasetDescription { get }
  /// The number of examples.
  var count: Int { get }
  /// Whether examples are already decoded in memory, so that background workers gain nothing.
  var isInMemory: Bool { get }
  /// The example at `index`, 0 up to `count`.
  ///
  /// Throws ``DatasetError/corruptImage(path:reason:)`` for an image that cannot be decoded.
  func example(at index: Int) throws(DatasetError) -> Example
  /// Whether training examples are random (augmented, or drawn).
  var isRandom: Bool { get }
  /// The example at `index` as served for training, with its randomness drawn from `generator`.
  func example(
    at index: Int, using generator: inout SeededGenerator
  ) throws(DatasetError) -> Example
  /// The examples at `indices` as one batch, as ``collate(_:)`` makes it.
  func batch(at indices: [Int]) throws(DatasetError) -> [String: HostTensor]
  /// Collates examples; by default each field is stacked along a new first axis. Data with examples of
  /// varying length pads them here, see ``Example/padded(_:_:)``.
  func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor]
  /// ``collate(_:)`` of a part of a batch, whose other examples may be longer; by default that of the part alone.
  ///
  /// - Parameter lengths: what ``lengths(of:)`` says of the whole batch, the largest of each value.
  func collate(
    _ examples: [Example], atLeast lengths: [String: Int]
  ) throws(DatasetError) -> [String: HostTensor]
  /// How long the values of the example at `index` are that a batch makes equally long, by name; none by default.
  func lengths(of index: Int) -> [String: Int]
  /// The batches of a training pass, as indices of examples; nil, the default, shuffles all examples and
  /// divides them into batches of `batchSize`.
  ///
  /// It must depend on its arguments alone, so that a resumed run gets the same batches. Data that buckets by
  /// length or serves clips in sequence has its own order, which may omit or repeat examples and make batches
  /// of any size above 0.
  ///
  /// - Parameters:
  ///   - pass: the pass over the data, from 0.
  ///   - generator: the random generator of this pass.
  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]?
  /// The examples that previews show, at most `limit`; nil, the default: the first ones that can be read. Data
  /// that hold several examples of one image show each image once.
  func examplesToShow(_ limit: Int) -> [Int]?
  /// What the example at `index` is called beside what a system makes of it; nil, the default: nothing.
  func title(of index: Int) -> String?
}

extension Dataset {
  /// False by default: examples are decoded on demand.
  public var isInMemory: Bool { false }

  /// False by default.
  public var isRandom: Bool { false }

  /// The plain example.
  public func example(
    at index: Int, using generator: inout SeededGenerator
  ) throws(DatasetError) -> Example { try example(at: index) }

  /// Stacks each field.
  public func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try Example.stacked(examples)
  }

  /// The part alone.
  public func collate(
    _ examples: [Example], atLeast lengths: [String: Int]
  ) throws(DatasetError) -> [String: HostTensor] { try collate(examples) }

  /// None.
  public func lengths(of index: Int) -> [String: Int] { [:] }

  /// The largest lengths of examples, by name.
  func lengths(of indices: some Sequence<Int>) -> [String: Int] {
    indices.reduce(into: [:]) { $0.merge(lengths(of: $1), uniquingKeysWith: max) }
  }

  /// Nil: shuffled, in batches of `batchSize`.
  public func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? { nil }

  /// Nil: the first ones.
  public func examplesToShow(_ limit: Int) -> [Int]? { nil }

  /// Nil: nothing.
  public func title(of index: Int) -> String? { nil }

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
        guard case .corruptImage = error else { throw error }
        first = first ?? error
      }
    }
    guard let first else { return }
    throw .unusable(
      path: description.name,
      reason: "none of its \(count) examples can be read; of the first: \(first.description.dropLast())")
  }
}
