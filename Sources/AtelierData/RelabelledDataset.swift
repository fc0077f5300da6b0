internal import Foundation
public import Torch

/// A data set whose labels, and label maps, are numbers of the classes that a model knows.
///
/// Labels are numbers of whatever data are opened; their names tell which class is which. A layout sorts
/// folders by name, another takes the order of `classes.txt`, so that the numbers of two layouts of the same
/// images differ.
public struct RelabelledDataset: Dataset {
  /// What the data are, with the model's classes.
  public let description: DatasetDescription
  private let base: any Dataset
  /// The model's number of each class of the data.
  private let numbers: [Int]
  /// The values that hold labels.
  private let values: Set<String>

  /// - Parameters:
  ///   - names: the classes that the model knows.
  ///   - values: the names of the values that hold labels, int64 of any shape.
  /// - Throws: ``DatasetError/invalid(reason:)`` that names the classes that the model does not know.
  init(_ base: any Dataset, classes names: [String], values: Set<String>) throws(DatasetError) {
    var description = base.description
    let numbers = try Self.numbers(of: description, in: names)
    var histogram = [Int](repeating: 0, count: names.count)
    for (label, count) in description.labelHistogram.enumerated() { histogram[numbers[label]] += count }
    if let colours = description.classColours, colours.count == numbers.count {
      var moved = [[UInt8]](repeating: [0, 0, 0], count: names.count)
      for (label, colour) in colours.enumerated() { moved[numbers[label]] = colour }
      description.classColours = moved
    }
    let missing = names.indices.filter { !numbers.contains($0) }.map { names[$0] }
    if !missing.isEmpty {
      description.notes.append(
        "Of the classes that the model knows, the data lack \(missing.joined(separator: ", ")).")
    }
    for (label, name) in description.classNames.enumerated() where names[numbers[label]] != name {
      if names[numbers[label]].lowercased() == name.lowercased() {
        description.notes.append("The class \(name) is taken for the model's \(names[numbers[label]]).")
      }
    }
    if !description.labelHistogram.isEmpty { description.labelHistogram = histogram }
    description.classNames = names
    self.description = description
    self.numbers = numbers
    self.base = base
    self.values = values
  }

  /// The number that each class of data has among other names.
  static func numbers(
    of data: DatasetDescription, in names: [String]
  ) throws(DatasetError) -> [Int] {
    // 255 is a class of a mask, or stands for none: a part of the data shows the one or the other.
    let places = NamePlaces(names)
    func place(_ name: String) -> Int? {
      if let index = places(name) { return index }
      if name == "255" { return names.firstIndex(of: LabelMapEncoding.unlabelled) }
      return name == LabelMapEncoding.unlabelled ? names.firstIndex(of: "255") : nil
    }
    let unknown = data.classNames.filter { place($0) == nil }
    guard unknown.isEmpty else {
      throw .invalid(
        reason: "\(data.name) has classes that the model does not know: \(unknown.joined(separator: ", ")); "
          + "it knows \(names.joined(separator: ", ")), so rename or leave out the others")
    }
    return data.classNames.compactMap(place)
  }

  /// The number of examples.
  public var count: Int { base.count }
  /// As the data below.
  public var isInMemory: Bool { base.isInMemory }
  /// As the data below.
  public func examplesToShow(_ limit: Int) -> [Int]? { base.examplesToShow(limit) }
  /// As the data below.
  public func title(of index: Int) -> String? { base.title(of: index) }
  /// As the data below.
  public var isRandom: Bool { base.isRandom }

  /// The example with the model's labels.
  public func example(at index: Int) throws(DatasetError) -> Example {
    Example(relabelled(try base.example(at: index).fields))
  }

  /// The example as it is served for training, with the model's labels.
  public func example(
    at index: Int, using generator: inout SeededGenerator
  ) throws(DatasetError) -> Example {
    Example(relabelled(try base.example(at: index, using: &generator).fields))
  }

  /// A batch with the model's labels.
  public func batch(at indices: [Int]) throws(DatasetError) -> [String: HostTensor] {
    relabelled(try base.batch(at: indices))
  }

  /// As the data below; the examples have the model's labels already.
  public func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try base.collate(examples)
  }

  /// As the data below.
  public func collate(
    _ examples: [Example], atLeast lengths: [String: Int]
  ) throws(DatasetError) -> [String: HostTensor] { try base.collate(examples, atLeast: lengths) }

  /// As the data below.
  public func lengths(of index: Int) -> [String: Int] { base.lengths(of: index) }

  /// As the data below.
  public func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    base.order(pass: pass, batchSize: batchSize, using: &generator)
  }

  private func relabelled(_ fields: [String: HostTensor]) -> [String: HostTensor] {
    var fields = fields
    for name in values {
      guard let value = fields[name], value.dtype == .int64 else { continue }
      // 255 and other numbers beyond the named classes stand for no class, and stay.
      let labels = value.integers().map { numbers.indices.contains($0) ? numbers[$0] : $0 }
      fields[name] = HostTensor(labels, shape: value.shape)
    }
    return fields
  }
}

extension DataArrangement {
  /// Labels, and label maps, by the names of their classes.
  public func relabelled(
    _ part: DataPart, classes names: [String], fields: [Field]
  ) throws(DatasetError) -> DataPart {
    guard let dataset = part.dataset, !names.isEmpty, dataset.description.hasNamedClasses,
      dataset.description.classNames != names
    else { return part }
    let labelled = fields.filter { field in
      switch field.kind {
      case .label, .labelMap: field.name != "instance"
      default: false
      }
    }
    guard !labelled.isEmpty else {
      // Channels of an image may stand for classes, one each.
      let isByChannel = fields.contains { field in
        guard case .image(let channels, _, _, _) = field.kind else { return false }
        return channels > 4 && channels >= dataset.description.classNames.count
      }
      guard isByChannel else { return part }
      throw .invalid(
        reason: "\(dataset.description.name) has the classes "
          + "\(dataset.description.classNames.joined(separator: ", ")), and the model has "
          + "\(names.joined(separator: ", ")); bring classes.txt and the maps into the model's order")
    }
    // Measures read labels under this name where the model has none of its own.
    let values = Set(labelled.map { valueName(of: $0) }).union(["label"])
    return .examples(try RelabelledDataset(dataset, classes: names, values: values))
  }
}

extension DatasetDescription {
  /// Whether labels mean something: images without labels all have the label 0.
  var hasNamedClasses: Bool { layout != .flatImages && !classNames.isEmpty && classNames != ["0"] }
}
