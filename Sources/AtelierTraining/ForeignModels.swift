public import AtelierCore
import AtelierData
import AtelierGeneration
public import Foundation
import Torch

/// Model files from weights that other programs wrote.
public enum ForeignModels {
  /// What came of an import.
  public struct Outcome: Sendable, Hashable {
    /// Every key of the configuration that was found or given.
    public let configuration: [String: ConfigurationValue]
    /// Networks that the files do not hold; they have initial weights, so that training could go on.
    public let untouched: [String]
  }

  /// Reads weights of another program into a system and writes a model file that `generate` takes.
  ///
  /// - Parameters:
  ///   - files: the files as their authors' program wrote them, unchanged.
  ///   - changes: keys that shapes do not tell, or tell wrongly.
  ///   - licence: the licence of the weights; nil: that of the system's authors.
  ///   - destination: the model file to write.
  /// - Throws: ``ConfigurationError`` where the system reads no foreign files or does not know these,
  ///   `FileFormatError` or `CheckpointError` where a file is damaged or does not fit.
  public static func write(
    _ files: [URL], as type: any GenerativeSystem.Type, changes: [String: ConfigurationValue] = [:],
    licence: String? = nil, to destination: URL
  ) throws -> Outcome {
    guard let importing = type as? any ImportingSystem.Type else {
      throw ConfigurationError("\(type.identity.name) reads no files of other programs")
    }
    func write<System: ImportingSystem>(_ type: System.Type) throws -> Outcome {
      let (places, artefacts) = try System.companions(of: files)
      let weights = try places.map { try ForeignWeights.read($0) }
      let stream = RandomStream(seed: 0, purpose: "initial weights")
      let (system, untouched) = try System.importing(
        weights, changes: changes, artefacts: artefacts, using: stream)
      let configuration = try system.configuration.values()
      let known = try licences(
        of: files, licence.map(WeightLicence.init(named:)) ?? type.foreignLicence)
      var data = DatasetDescription(
        layout: .memory, name: files.map(\.lastPathComponent).joined(separator: ", "), split: .train,
        count: 0, fingerprint: "imported",
        notes: known.map(\.sentence))
      data.licences = known.isEmpty ? nil : known
      try ModelFile.write(
        system,
        ModelDescription(
          system: type.identity.name, configuration: configuration, data: data, artefacts: artefacts,
          step: 0),
        to: destination)
      return Outcome(configuration: configuration, untouched: untouched)
    }
    return try write(importing)
  }

  /// What is known of the licence of weights: what is given, and what files that were exported here say.
  private static func licences(of files: [URL], _ given: WeightLicence?) throws -> [WeightLicence] {
    var known = [given].compactMap(\.self)
    for file in files where file.pathExtension.lowercased() == "safetensors" {
      let metadata = try Safetensors.header(of: file).metadata
      for licence in try ModelExport.licences(in: metadata, of: file) where !known.contains(licence) {
        known.append(licence)
      }
    }
    return known
  }
}
