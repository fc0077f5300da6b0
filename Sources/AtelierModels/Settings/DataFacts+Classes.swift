import AtelierCore
import AtelierData

extension DatasetDescription {
  /// The channels of the images, where all have the same.
  var channels: Int? { imageShape?.first }

  /// The number of classes.
  ///
  /// - Throws: ``ConfigurationError`` for data without labels.
  func requiredClasses(for system: SystemIdentity) throws(ConfigurationError) -> Int {
    guard !classNames.isEmpty else {
      throw ConfigurationError(
        "\(system.name) needs labels, and the data '\(name)' have none; use a folder a class, or an unconditional system"
      )
    }
    return classNames.count
  }
}

/// The number of classes that a data set's label maps hold, where it knows.
func foundClasses(_ data: DataFacts, otherwise classes: Int) -> Int {
  data.description.classNames.isEmpty ? classes : data.description.classNames.count
}
