public import Foundation
public import Torch

/// How a folder or file of data becomes batches with the fields that a system asks for: images with labels,
/// aligned pairs, sentence pairs, captioned images.
///
/// A system's plan names its arrangement by value, and nothing else looks for one: a new kind of data is a
/// new conforming type in a file of its own. Who has to know what a system learns from asks by type:
/// `plan.data?.arrangement as? UnpairedImages`.
public protocol DataArrangement: Sendable, Hashable {
  /// The name in messages: `images`, `image-pairs`, `text`.
  var id: String { get }

  /// The training part for what it tells before the configuration is adapted to it: classes, channels,
  /// counts. What has to be made of it, such as a vocabulary, is added to `artefacts` unless it is there
  /// already.
  ///
  /// By default it is opened as for training.
  ///
  /// - Throws: ``DatasetError`` that names the file and the way out.
  func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart

  /// A part of the data, its values in the sizes that the opening's fields declare and under the names that
  /// ``valueName(of:)`` gives.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` where the data have no such part.
  func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart

  /// Whether what ``survey(_:_:_:)`` gave for one opening is what ``open(_:_:_:_:)`` would give for another,
  /// so that data are opened once; by default where both openings ask for the same.
  func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool

  /// The name in an example or batch of the value that serves a field; by default the field's own.
  func valueName(of field: Field) -> String

  /// Why data of a description cannot serve a field, one clause; nil where they can. By default labels must
  /// be of no more classes than the field has.
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
  /// The training part as ``open(_:_:_:_:)`` gives it.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    try open(place, .train, opening, artefacts)
  }

  /// Where both ask for the same.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    first.isSame(as: opening)
  }

  /// The field's own.
  public func valueName(of field: Field) -> String { field.name }

  /// Labels of more classes than the field has.
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

/// What a part of data is opened for.
public struct DataOpening: Sendable {
  /// Describes image files as vectors, float32 `[images, size]`, with networks that data know nothing of.
  public typealias Describer =
    @Sendable (_ pictures: TaggedPictures, _ kind: PictureFeatureKind) throws -> HostTensor

  /// The fields that batches are to have.
  public var fields: [Field]
  /// Random changes of training examples.
  public var changes: JointAugmentation
  /// How files are read.
  public var reading: ReadingOptions
  /// Whether images keep their own size, for measures on whole ones.
  public var keepsSize: Bool
  /// Describes images.
  public var describe: Describer

  /// Describes an opening.
  ///
  /// - Parameter describe: for arrangements that need features of images; by default an error.
  public init(
    _ fields: [Field], changes: JointAugmentation = JointAugmentation(),
    reading: ReadingOptions = ReadingOptions(), keepsSize: Bool = false,
    describe: @escaping Describer = { pictures, kind in
      throw DatasetError.invalid(
        reason: "\(pictures.name): nothing here describes pictures by \(kind.rawValue)")
    }
  ) {
    self.fields = fields
    self.changes = changes
    self.reading = reading
    self.keepsSize = keepsSize
    self.describe = describe
  }

  /// Whether another opening asks for the same.
  public func isSame(as other: DataOpening) -> Bool {
    fields == other.fields && changes == other.changes && reading == other.reading
      && keepsSize == other.keepsSize
  }
}

/// A part of data that was opened: numbered examples, or what serves itself as a stream.
public enum DataPart: Sendable {
  /// Examples by number, which a ``Loader`` serves.
  case examples(any Dataset)
  /// Data that serve themselves.
  case stream(any StreamedData)

  /// What the data are.
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

/// Data that are no numbered examples, such as running text: they make their own stream of batches.
public protocol StreamedData: Sendable {
  /// What the data are.
  var description: DatasetDescription { get }
  /// Batches for ever.
  ///
  /// - Parameters:
  ///   - fields: those of the batches.
  ///   - seed: what an order follows from, where there is one.
  func stream(_ fields: [Field], batchSize: Int, seed: UInt64) throws(DatasetError) -> any BatchStream
  /// One pass from beginning to end, for measures; by default that of the stream.
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
  /// The value of a JSON artefact: the one that is there, or else one that is made now and kept, with sorted
  /// keys.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for a damaged one, or what `make` throws.
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
