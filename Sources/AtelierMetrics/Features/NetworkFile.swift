import Foundation
import Torch
import TorchNN

/// The one file of a network that measures stand on: its weights, and in its header what kind of network it
/// is, how it is built and how it was trained.
enum NetworkFile {
  /// Writes a network.
  ///
  /// - Parameters:
  ///   - format: what tells files of this kind from others.
  ///   - fingerprint: of the data and settings that it was trained with, for those who read the header alone.
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
  ///   - problem: what the error says of a file that holds something else.
  ///   - make: a network of a configuration, which throws where there is none.
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
