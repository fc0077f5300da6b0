import AtelierHashing
public import Foundation
public import Torch
import TorchNN

/// The folder of pretrained weights that losses and measures need: one safetensors file per set of weights,
/// which the user may move or delete.
public struct WeightStore: Sendable, Hashable {
  private enum Place: Sendable, Hashable {
    case folder(URL)
    case drawn(seed: UInt64)
  }

  private let place: Place

  /// The weights in a folder.
  public init(_ folder: URL) { place = .folder(folder) }

  private init(place: Place) { self.place = place }

  /// The user's store: the folder in the environment variable `ATELIER_WEIGHTS`, otherwise `atelier/weights`
  /// in the user's cache folder (`XDG_CACHE_HOME`, or `.cache` at home).
  public static var standard: WeightStore {
    func folder(_ variable: String) -> URL? {
      guard let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty else { return nil }
      return URL(fileURLWithPath: path, isDirectory: true)
    }
    if let own = folder("ATELIER_WEIGHTS") { return WeightStore(own) }
    let cache =
      folder("XDG_CACHE_HOME")
      ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache", isDirectory: true)
    return WeightStore(cache.appendingPathComponent("atelier/weights", isDirectory: true))
  }

  /// A store of random weights drawn from a seed, for tests.
  public static func drawn(seed: UInt64 = 7) -> WeightStore { WeightStore(place: .drawn(seed: seed)) }

  /// The folder; nil for random weights.
  public var folder: URL? {
    switch place {
    case .folder(let url): url
    case .drawn: nil
    }
  }

  /// The file of some weights, which may not exist; nil for random weights.
  public func url(of name: String) -> URL? { folder?.appendingPathComponent(name + ".safetensors") }

  /// Whether the store has the weights.
  public func contains(_ name: String) -> Bool {
    guard let url = url(of: name) else { return true }
    return FileManager.default.fileExists(atPath: url.path)
  }

  /// Fills a network with weights.
  ///
  /// - Parameters:
  ///   - name: the weights' name, as in ``PretrainedWeights/all``.
  ///   - needer: what needs them, named in the error: `fast-style-transfer`.
  /// - Returns: the weights' SHA-256, for the record.
  /// - Throws: ``PerceptionError`` that says how to get missing weights, or `FileFormatError` and
  ///   `CheckpointError` for a file that is damaged or holds another network.
  @discardableResult
  public func fill(
    _ network: PerceptionNetwork, with name: String, for needer: String, on device: Device = .cpu
  ) throws -> String {
    guard let url = url(of: name) else {
      if case .drawn(let seed) = place { network.drawWeights(seed: seed, on: device) }
      return "drawn"
    }
    let file = try read(name, at: url, for: needer)
    let hash = Self.contentHash(file.tensors)
    try network.fill(with: file.tensors, hash: hash, on: device, from: url.path)
    return hash
  }

  /// The weights as tensors with torchvision's names.
  ///
  /// - Throws: as ``fill(_:with:for:on:)``.
  public func tensors(
    of name: String, for needer: String
  ) throws -> [(name: String, tensor: HostTensor)] {
    guard let url = url(of: name) else { return [] }
    return try read(name, at: url, for: needer).tensors
  }

  private func read(_ name: String, at url: URL, for needer: String) throws -> SafetensorsFile {
    let known = try PretrainedWeights.named(name)
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw PerceptionError.missing(
        name: name, needs: needer, folder: url.deletingLastPathComponent().path, wayOut: known.wayOut)
    }
    return try Safetensors.read(url)
  }

  /// SHA-256 over names, types, shapes and values in the file's order, without metadata.
  public static func contentHash(_ tensors: [(name: String, tensor: HostTensor)]) -> String {
    var hash = SHA256Hasher()
    for (name, tensor) in tensors {
      hash.update(Data("\(name) \(tensor.dtype) \(tensor.shape)\n".utf8))
      hash.update(tensor.bytes)
    }
    return hash.hexDigest()
  }
}
