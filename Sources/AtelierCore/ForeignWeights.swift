public import AtelierData
public import Foundation
public import Torch
import TorchNN

/// Weights as another program wrote them: one file, or a folder of raw arrays.
public struct ForeignWeights {
  /// Where they lie; names such as `latest_net_G_A.pth` say which network it is.
  public let url: URL
  /// The tensors under their authors' names, in the file's order.
  public let tensors: [(name: String, tensor: HostTensor)]

  /// Collects tensors.
  public init(url: URL, tensors: [(name: String, tensor: HostTensor)]) {
    self.url = url
    self.tensors = tensors
  }

  /// The tensor of a name.
  public subscript(name: String) -> HostTensor? { tensors.first { $0.name == name }?.tensor }

  /// The file's name without its ending.
  public var stem: String { url.deletingPathExtension().lastPathComponent }

  /// Reads a file of PyTorch's (zip or legacy), a safetensors file, or a folder that holds a
  /// `manifest.json` of names, shapes and files of raw little-endian float32.
  ///
  /// State dictionaries inside a checkpoint are found under the keys that programs use (`params_ema`,
  /// `params`, `state_dict`, …); the prefix of data-parallel training is taken away.
  ///
  /// - Throws: `FileFormatError` or ``ConfigurationError`` naming the file.
  public static func read(_ url: URL) throws -> ForeignWeights {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue {
      return ForeignWeights(url: url, tensors: try rawArrays(in: url))
    }
    if url.pathExtension.lowercased() == "safetensors" {
      return ForeignWeights(url: url, tensors: try Safetensors.read(url).tensors)
    }
    let root = try TorchFile.read(url)
    do throws(FileFormatError) {
      let several = several(in: root)
      let tensors = if let several { several } else { try root.stateDictionary(at: place(of: root)) }
      return ForeignWeights(url: url, tensors: tensors.removingDataParallelPrefix())
    } catch {
      throw error.naming(url)
    }
  }

  /// Where the weights lie inside a checkpoint.
  private static func place(of root: PickleValue) -> [String] {
    let keys = root.pairs?.compactMap(\.key.stringValue) ?? []
    let places = ["params_ema", "params", "state_dict", "model_state_dict", "generator", "model"]
    for place in places where keys.contains(place) {
      if (try? root.stateDictionary(at: [place])) != nil { return [place] }
    }
    return []
  }

  /// The tensors of a file that holds one state dictionary a network, and beside them at most counters and
  /// optimisers, each behind its network's key: `a.enc.…`, `b.enc.…`; nil for other files.
  private static func several(in root: PickleValue) -> [(name: String, tensor: HostTensor)]? {
    let pairs = root.pairs ?? []
    let keys = pairs.compactMap(\.key.stringValue)
    guard !keys.isEmpty, keys.count == pairs.count, place(of: root).isEmpty else { return nil }
    var tensors: [(name: String, tensor: HostTensor)] = []
    for (key, pair) in zip(keys, pairs) where !isProgress(key, pair.value) {
      guard let found = try? root.stateDictionary(at: [key]), !found.isEmpty else { return nil }
      tensors += found.removingDataParallelPrefix().map { (name: "\(key).\($0.name)", tensor: $0.tensor) }
    }
    return tensors.isEmpty ? nil : tensors
  }

  /// Whether an entry beside networks says how far a training is: a counter, or an optimiser's moments.
  private static func isProgress(_ key: String, _ value: PickleValue) -> Bool {
    switch value {
    case .int, .double: true
    default: key.hasPrefix("optim")
    }
  }

  private struct RawArray: Decodable {
    let filename: String
    let shape: [Int]
  }

  private static func rawArrays(in folder: URL) throws -> [(name: String, tensor: HostTensor)] {
    let file = folder.appendingPathComponent("manifest.json")
    guard let data = try? Data(contentsOf: file) else {
      throw ConfigurationError("\(folder.path) is a folder without manifest.json; give a file of weights")
    }
    guard let manifest = try? JSONDecoder().decode([String: RawArray].self, from: data), !manifest.isEmpty
    else {
      throw ConfigurationError("\(file.path) is not a table of arrays with a filename and a shape each")
    }
    return try manifest.sorted { $0.key.compare($1.key, options: .numeric) == .orderedAscending }.map {
      name, array in
      let place = folder.appendingPathComponent(array.filename)
      guard !array.filename.contains("/"), !array.filename.hasPrefix("."),
        let bytes = try? Data(contentsOf: place)
      else { throw ConfigurationError("\(file.path): the array '\(name)' has no readable file") }
      var count = 1
      for length in array.shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: length)
        guard length >= 0, !overflow else {
          throw ConfigurationError("\(file.path): the shape of '\(name)' is impossible")
        }
        count = product
      }
      guard count <= bytes.count, bytes.count == 4 * count else {
        throw ConfigurationError(
          "\(place.path) holds \(bytes.count) bytes, and the shape \(array.shape) takes 4 for each of \(count)"
        )
      }
      return (name, HostTensor(shape: array.shape, dtype: .float32, bytes: [UInt8](bytes)))
    }
  }
}
