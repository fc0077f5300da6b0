public import Foundation
public import Torch

/// How a folder or file becomes batches of a system's fields: images with labels, aligned pairs, sentence
/// pairs, captioned images.
///
/// A system's plan holds its arrangement as a value and there is no registry: a new kind of data is a new
/// conforming type in its own file. Code that depends on the kind of data asks by type:
/// `plan.data?.arrangement as? UnpairedImages`.
public protocol DataArrangement: Sendable, Hashable {
  /// The name used in messages: `images`, `image-pairs`, `text`.
  var id: String { get }

  /// The artefacts that number what weights learn, such as a vocabulary: training that starts from other weights
  /// keeps theirs. By default none.
  var numberingArtefacts: [String] { get }

  /// Opens the training part before the configuration is adapted to it, for its classes, channels and counts.
  /// Anything built from it, such as a vocabulary, is added to `artefacts` unless it is there already.
  ///
  /// The default opens it as for training.
  ///
  /// - Throws: ``DatasetError`` that names the file and the way out.
  func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart

  /// Opens a part of the data; values have the sizes declared by the opening's fields and the names given by
  /// ``valueName(of:)``.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` where the data has no such part.
  func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart

  /// Whether the result of ``survey(_:_:_:)`` for one opening equals that of ``open(_:_:_:_:)`` for another,
  /// so that data is opened once. By default true where the openings are the same.
  func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool

  /// The name, in examples and batches, of the value that serves a field; by default the field's name.
  func valueName(of field: Field) -> String

  /// The reason, as one clause, why the data cannot serve a field; nil where it can. The default refuses
  /// labels of more classes than the field has.
  func refusal(of field: Field, _ description: DatasetDescription) -> String?

  /// A part of data whose labels are numbers of the classes that a model knows, found by their names; the part
  /// as it is where they are so already.
  ///
  /// - Parameters:
  ///   - names: the model's classes.
  ///   - fields: those of the model.
  /// - Throws: ``DatasetError/invalid(reason:)`` that names the classes that the model does not know, or says
  ///   that classes in another order cannot be used.
  func relabelled(_ part: DataPart, classes names: [String], fields: [Field]) throws(DatasetError) -> DataPart

  /// What the numbers of a field stand for, as people read and write them; by default the data's classes and
  /// their colours.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for a damaged artefact.
  func names(of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts) throws -> FieldNames
}

extension DataArrangement {
  /// None.
  public var numberingArtefacts: [String] { [] }

  /// The training part of ``open(_:_:_:_:)``.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    try open(place, .train, opening, artefacts)
  }

  /// True where the openings are the same.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    first.isSame(as: opening)
  }

  /// The field's name.
  public func valueName(of field: Field) -> String { field.name }

  /// Refuses labels of more classes than the field has.
  public func refusal(of field: Field, _ description: DatasetDescription) -> String? {
    guard case .label(let classes) = field.kind, description.classNames.count > classes else { return nil }
    return "it has \(description.classNames.count) classes, and the configuration has \(classes)"
  }

  /// The classes and their colours.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    FieldNames(classes: description.classNames, colours: description.classColours ?? [])
  }

  /// Whether another arrangement is of the same type and says the same.
  public func isEqual(to other: any DataArrangement) -> Bool { AnyHashable(self) == AnyHashable(other) }
}

/// How a part of data is to be opened.
public struct DataOpening: Sendable {
  /// Computes features of image files, float32 `[images, size]`; handed in, as this target has no networks.
  public typealias Describer =
    @Sendable (_ pictures: TaggedImageSet, _ kind: ImageFeatureKind) throws -> HostTensor

  /// The fields of the batches.
  public var fields: [Field]
  /// The augmentation of training examples.
  public var changes: JointAugmentation
  /// Options for reading files.
  public var reading: ReadingOptions
  /// Whether images keep their own size, for measures on whole images.
  public var keepsSize: Bool
  /// Whether the sources of pairs are maps of labels, as a model that the data are opened for recorded; nil: the
  /// data's folders say it.
  public var sourcesAreLabelMaps: Bool?
  /// What the sides of images are multiples of that keep their proportions (see ``ReadingOptions/buckets``); nil: images
  /// have the fields' size.
  public var bucketMultiple: Int?
  /// Computes image features.
  public var describe: Describer

  /// An opening of the given fields and options.
  ///
  /// - Parameter describe: the feature extractor, for arrangements that need one; the default throws.
  public init(
    _ fields: [Field], changes: JointAugmentation = JointAugmentation(),
    reading: ReadingOptions = ReadingOptions(), keepsSize: Bool = false, sourcesAreLabelMaps: Bool? = nil,
    describe: @escaping Describer = { pictures, kind in
      throw DatasetError.invalid(
        reason: "\(pictures.name): no feature extractor for \(kind.rawValue) was given")
    }
  ) {
    self.fields = fields
    self.changes = changes
    self.reading = reading
    self.keepsSize = keepsSize
    self.sourcesAreLabelMaps = sourcesAreLabelMaps
    self.describe = describe
  }

  /// Whether another opening has the same fields and options.
  public func isSame(as other: DataOpening) -> Bool {
    fields == other.fields && changes == other.changes && reading == other.reading
      && keepsSize == other.keepsSize && sourcesAreLabelMaps == other.sourcesAreLabelMaps
      && bucketMultiple == other.bucketMultiple
  }
}

/// An opened part of data: indexed examples, or a stream.
public enum DataPart: Sendable {
  /// Indexed examples, which a ``Loader`` serves.
  case examples(any Dataset)
  /// Data with a stream of its own.
  case stream(any StreamedData)

  /// The description of the data.
  public var description: DatasetDescription {
    switch self {
    case .examples(let dataset): dataset.description
    case .stream(let data): data.description
    }
  }

  /// The examples; nil for a stream.
  public var dataset: (any Dataset)? {
    if case .examples(let dataset) = self { dataset } else { nil }
  }
}

/// Data without indexed examples, such as running text, with its own stream of batches.
public protocol StreamedData: Sendable {
  /// The description of the data.
  var description: DatasetDescription { get }
  /// An endless stream of batches.
  ///
  /// - Parameters:
  ///   - fields: those of the batches.
  ///   - seed: the seed of the order, for data with a random one.
  func stream(_ fields: [Field], batchSize: Int, seed: UInt64) throws(DatasetError) -> any BatchStream
  /// One pass in order, for measures; by default the first pass of the stream.
  func pass(_ fields: [Field], batchSize: Int) throws(DatasetError) -> [HostBatch]
}

extension StreamedData {
  /// The first pass of the stream.
  public func pass(_ fields: [Field], batchSize: Int) throws(DatasetError) -> [HostBatch] {
    let stream = try self.stream(fields, batchSize: batchSize, seed: 0)
    var batches: [HostBatch] = []
    while stream.passes < 1 { batches.append(try stream.next()) }
    return batches
  }
}

extension Artefacts {
  /// Decodes a JSON artefact; where it is missing, it is made and stored with sorted keys.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for a damaged artefact, and rethrows errors of `make`.
  public mutating func value<Value: Codable>(
    _ name: String, _ type: Value.Type = Value.self, orElse make: () throws -> Value
  ) throws -> Value {
    if contents[name] != nil { return try decode(type, name) }
    let value = try make()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    contents[name] = try encoder.encode(value)
    return value
  }
}
