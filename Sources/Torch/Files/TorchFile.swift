public import Foundation

/// Reads files of PyTorch's `torch.save` (`.pth`, `.pt`, `.ckpt`), in the zip format and in the one before
/// PyTorch 1.6.
///
/// Nothing from the file is executed: the pickle is read by Atelier's own machine, which knows the
/// constructors of tensors and containers and turns every other class into an inert `PickleObject`. Devices
/// are ignored; all tensors are read into host memory.
public enum TorchFile {
  /// Reads a whole file.
  ///
  /// Tensors that share a storage are returned as separate values; identical views share memory. The tensors
  /// may take at most 64 MiB plus sixteen times the file's length in total, which only malicious files
  /// exceed.
  ///
  /// - Throws: `FileFormatError` when the file is missing, damaged or of another format.
  public static func read(_ url: URL) throws(FileFormatError) -> PickleValue {
    let source = try ByteSource(url)
    let head = try source.bytes(at: 0, count: min(source.count, 512))
    if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return try readZip(source) }
    if head.first == 0x80 || head.first == UInt8(ascii: "L") { return try LegacyTorchFile.read(source) }
    throw source.failure(otherFormat(head))
  }

  /// The named tensors of a state dictionary in a file: `read` and `PickleValue.stateDictionary(at:)`
  /// in one, with the file's name in every error.
  public static func stateDictionary(
    of url: URL, at path: [String] = []
  ) throws(FileFormatError) -> [(name: String, tensor: HostTensor)] {
    let value = try read(url)
    do {
      return try value.stateDictionary(at: path)
    } catch {
      throw error.naming(url)
    }
  }

  private static func readZip(_ source: ByteSource) throws(FileFormatError) -> PickleValue {
    let archive = try ZipArchive(source)
    let suffix = "/data.pkl"
    guard let pickle = archive.entries.first(where: { $0.name.hasSuffix(suffix) }) else {
      throw source.failure("it is a zip archive but not one of PyTorch's; give a file written by torch.save")
    }
    let prefix = String(pickle.name.dropLast(suffix.count))
    if let order = archive[prefix + "/byteorder"] {
      let text = String(
        decoding: try source.bytes(at: order.lowerBound, count: min(order.count, 16)), as: UTF8.self)
      guard text == "little" else {
        throw source.failure(
          "it was written by a big-endian machine; load it with PyTorch and save it on this one")
      }
    }
    let machine = PickleMachine(source, range: pickle.range)
    let root = try machine.run()
    var locations: [String: Range<Int>] = [:]
    for (key, storage) in machine.storages {
      guard let range = archive[prefix + "/data/" + key], range.count == storage.byteCount else {
        throw source.failure(
          "the data of storage \(FileFormatError.quoted(key)) is missing or has another length; fetch the file again"
        )
      }
      locations[key] = range
    }
    var conversion = PickleConversion(machine, source: source, locations: locations)
    return try conversion.value(root)
  }

  /// Describes a file of another format.
  private static func otherFormat(_ head: [UInt8]) -> String {
    if head.isEmpty { return "it is empty; fetch it again" }
    if head.count > 8, head[8] == UInt8(ascii: "{") {
      return "it is a safetensors file and not one of PyTorch's; give it the ending .safetensors"
    }
    if head.count >= 262, head[257..<262].elementsEqual("ustar".utf8) {
      // PyTorch's own archives begin with one of these.
      let first = String(decoding: head.prefix(100).prefix { $0 != 0 }, as: UTF8.self)
      guard ["sys_info", "pickle", "storages", "tensors"].contains(first) else {
        return
          "it is a tar archive and no PyTorch file, first of \(FileFormatError.quoted(first)); `atelier data check` shows what a "
          + "shard of data holds"
      }
      return "it has the tar format of PyTorch before 0.2; load it with PyTorch and save it again"
    }
    if head.starts(with: "<".utf8) {
      return "it is a web page and not a PyTorch file; the download probably failed, fetch it again"
    }
    return "it is not a file of PyTorch's; give one written by torch.save"
  }
}
