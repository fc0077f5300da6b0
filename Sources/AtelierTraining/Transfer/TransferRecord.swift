public import AtelierCore
public import AtelierData
public import AtelierGeneration
public import Foundation
import Torch

/// `transfer.json`: what a training began with, and what became of each tensor.
public struct TransferRecord: Sendable, Hashable, Codable {
  /// A tensor by its name in a model file, and why it was not simply taken.
  public struct Remark: Sendable, Hashable, Codable {
    /// `network/generator/output.weight`
    public var tensor: String
    /// A clause for people.
    public var reason: String
  }

  /// The version of this file's form.
  public var format = 1
  /// Where the weights lay, as absolute paths.
  public var paths: [String]
  /// The system whose weights they are.
  public var system: String
  /// Steps of training that they had behind them; nil for those of another program.
  public var step: Int?
  /// SHA-256 of the model file.
  public var hash: String
  /// What is known of their licence, a sentence each.
  public var licences: [String]
  /// The same as facts; nil in files from before, or where none is known.
  public var licenceTerms: [WeightLicence]?
  /// Keys of the configuration that shapes of another program's files did not tell.
  public var changes: [String: ConfigurationValue]
  /// Tensors that were taken as they are.
  public var taken: [String] = []
  /// Tensors of which the rows of classes that both know were taken, by the classes' names.
  public var takenByClass: [Remark] = []
  /// Tensors of the new system that have initial weights.
  public var reinitialised: [Remark] = []
  /// Tensors of the source that found no place.
  public var left: [Remark] = []

  /// Nothing taken yet.
  init(_ source: TransferSource) {
    paths = source.paths
    system = source.system
    step = source.step
    hash = source.hash
    licences = source.licences.map(\.sentence)
    licenceTerms = source.licences.isEmpty ? nil : source.licences
    changes = source.changes
  }

  /// How many tensors the new system has.
  public var count: Int { taken.count + takenByClass.count + reinitialised.count }

  /// What the model says of where it comes from; licences travel with the weights.
  public var notes: [String] {
    let names = paths.map { URL(fileURLWithPath: $0).lastPathComponent }.joined(separator: ", ")
    let steps = step.map { ", step \($0)" } ?? ""
    return ["Training began with weights of \(names) (\(system)\(steps), SHA-256 \(hash))."] + licences
  }

  /// The account for people, a line each.
  public var lines: [String] {
    let names = paths.joined(separator: ", ")
    var lines = [
      "Weights from \(names) (\(system)\(step.map { ", step \($0)" } ?? ""), SHA-256 \(hash.prefix(16))…): "
        + "\(taken.count) of \(count) tensors taken"
        + (takenByClass.isEmpty ? "" : ", \(takenByClass.count) by the names of classes")
        + (reinitialised.isEmpty ? "" : ", \(reinitialised.count) re-initialised")
        + (left.isEmpty ? "" : "; \(left.count) of the source left") + "."
    ]
    func list(_ title: String, _ remarks: [Remark]) {
      let most = 12
      lines += remarks.prefix(most).map { "  \(title) \($0.tensor): \($0.reason)" }
      if remarks.count > most { lines.append("  … and \(remarks.count - most) more, see transfer.json") }
    }
    list("by class", takenByClass)
    list("re-initialised", reinitialised)
    // Of those that are re-initialised it was said already.
    let known = Set(reinitialised.map(\.tensor))
    list("left", left.filter { !known.contains($0.tensor) })
    return lines + licences
  }

  /// Writes it into a run.
  func write(to run: RunDirectory) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(try encoder.encode(self) + Data("\n".utf8), to: run.transfer)
  }

  /// What a run began with; nil where it began with initial weights.
  ///
  /// - Throws: ``TrainingError/damaged(path:reason:)`` for a file that cannot be understood.
  public static func read(_ run: RunDirectory) throws(TrainingError) -> TransferRecord? {
    guard FileManager.default.fileExists(atPath: run.transfer.path) else { return nil }
    do {
      return try JSONDecoder().decode(Self.self, from: try Data(contentsOf: run.transfer))
    } catch {
      throw .damaged(
        path: run.transfer.path,
        reason: "it cannot be understood, \(decodingReason(error)); it says what the run began with")
    }
  }
}

extension RunDirectory {
  /// `transfer.json`, where training began with other weights.
  public var transfer: URL { url.appendingPathComponent("transfer.json") }
}
