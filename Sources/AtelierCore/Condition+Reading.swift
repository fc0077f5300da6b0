public import AtelierData
import Foundation
public import Torch

extension Condition {
  /// The value that a text of a command line or form stands for.
  ///
  /// - A text is itself.
  /// - A class is its name or number; several stand between commas.
  /// - A field of any other kind is a file, as ``FieldCodec`` reads it. Images, label maps and sounds of one size
  ///   may lie in a folder, whose files are taken in the order of their names. Tokens, classes and numbers may
  ///   be written out in place of a file.
  /// - A tensor that no kind describes is a safetensors file that holds one.
  ///
  /// - Parameters:
  ///   - names: what classes and tokens are called.
  ///   - fit: how images are brought to the size of their field; nil: not at all.
  /// - Throws: ``ConfigurationError``, `DatasetError` or the error of a file's format, each naming the file or
  ///   the condition.
  public func value(
    of text: String, names: FieldNames = FieldNames(), fit: ImagePreparation.Fit? = nil
  ) throws -> ConditionValue {
    switch kind {
    case .text, .field(.text): return .text(text)
    // An empty path would be the present folder.
    case _ where text.allSatisfy(\.isWhitespace):
      throw ConfigurationError("the condition '\(name)' is given nothing, and it is \(help); name one")
    case .label(let classes):
      if let whole = names.classes.firstIndex(of: text) { return .labels([whole]) }
      do {
        return .labels(
          try text.split(separator: ",").map {
            try names.number(ofClass: $0.trimmingCharacters(in: .whitespaces), below: classes)
          })
      } catch DatasetError.invalid(let reason) {
        throw ConfigurationError("the condition '\(name)' is a class, and \(reason)")
      }
    case .field(let kind):
      return .tensor(try tensor(of: text, FieldCodec(kind, names: names), fit))
    case .tensor:
      let tensors = try Safetensors.read(URL(fileURLWithPath: text)).tensors
      guard tensors.count == 1 else {
        throw ConfigurationError(
          "\(text) holds \(tensors.count) tensors, and the condition '\(name)' is one; write it into a file of its "
            + "own")
      }
      return .tensor(Tensor(tensors[0].tensor))
    }
  }

  private func tensor(
    of text: String, _ codec: FieldCodec, _ fit: ImagePreparation.Fit?
  ) throws -> Tensor {
    let place = URL(fileURLWithPath: text)
    var isFolder: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder)
    switch codec.kind {
    case .image, .labelMap, .audio:
      guard isThere, isFolder.boolValue else { return try tensor(codec.read(place, fit: fit)) }
      let files = try FileManager.default.contentsOfDirectory(
        at: place, includingPropertiesForKeys: nil, options: .skipsHiddenFiles
      ).sorted { $0.path < $1.path }
      let parts = try files.map { try tensor(codec.read($0, fit: fit)) }
      guard Set(parts.map { Array($0.shape.dropFirst()) }).count == 1 else {
        throw ConfigurationError(
          parts.isEmpty
            ? "\(text) is empty; the condition '\(name)' takes a file, or a folder of files"
            : "the files in \(text) differ in size; the condition '\(name)' takes files of one size")
      }
      return .concatenated(parts, dim: 0)
    case .video, .labelMaps, .spectrogram: return try tensor(codec.read(place, fit: fit))
    case .label, .tokens, .features, .sequence, .labels, .text:
      return try tensor(isThere ? codec.read(place, fit: fit) : codec.read(text))
    }
  }

  private func tensor(_ value: FieldCodec.Value) throws(ConfigurationError) -> Tensor {
    guard case .tensor(let tensor) = value else {
      throw ConfigurationError("the condition '\(name)' is a tensor, and a text was read")
    }
    return Tensor(tensor)
  }
}
