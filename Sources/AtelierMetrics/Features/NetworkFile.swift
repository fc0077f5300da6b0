import Foundation
import Torch
import TorchNN

/// The file of a network used by measures: its weights, and in the header its kind, configuration and
/// training report.
enum NetworkFile {
  /// Writes a network.
  ///
  /// - Parameters:
  ///   - format: identifies the kind of file.
  ///   - fingerprint: of the training data and settings, stored in the header so that it can be read alone.
  /// - Throws: `FileFormatError` when the file cannot be written.
  static func write(
    _ network: Module, format: String, configuration: some Encodable, report: (some Encodable)?,
    fingerprint: String? = nil, to url: URL
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    func text(_ value: some Encodable) throws -> String {
      String(decoding: try encoder.encode(value), as: UTF8.self)
    }
    var metadata = ["format": format, "configuration": try text(configuration)]
    if let report { metadata["report"] = try text(report) }
    metadata["fingerprint"] = fingerprint
    try Safetensors.write(network.hostState(), metadata: metadata, to: url)
  }

  /// Reads what ``write(_:format:configuration:report:fingerprint:to:)`` wrote, in evaluation mode.
  ///
  /// - Parameters:
  ///   - problem: the error's text for a file of another kind.
  ///   - make: makes a network of a configuration; throws for an invalid one.
  /// - Throws: `FileFormatError` when the file is missing, damaged or holds something else;
  ///   `CheckpointError` when its weights do not fit its configuration.
  static func read<Network: Module, Configuration: Decodable, Report: Decodable>(
    _ url: URL, format: String, problem: String, make: (Configuration) throws -> Network
  ) throws -> (network: Network, report: Report?) {
    let header = try Safetensors.header(of: url).metadata
    func value<Value: Decodable>(_ type: Value.Type, _ key: String) -> Value? {
      header[key].flatMap { try? JSONDecoder().decode(type, from: Data($0.utf8)) }
    }
    guard header["format"] == format, let configuration = value(Configuration.self, "configuration"),
      let network = try? make(configuration)
    else { throw FileFormatError(file: url, problem: problem) }
    try network.load(try Safetensors.read(url).tensors, from: url.path)
    network.eval()
    return (network, value(Report.self, "report"))
  }
}
