public import Foundation
public import Torch

/// Why weights or an optimiser's state could not be loaded.
///
/// `source` names the file or another source.
public enum CheckpointError: Error, Sendable, Equatable, CustomStringConvertible, LocalizedError {
  /// A tensor of another shape or type.
  public struct Mismatch: Sendable, Equatable {
    /// The tensor's name.
    public let key: String
    /// The shape in the network.
    public let expected: [Int]
    /// The shape in the file.
    public let found: [Int]
    /// The type in the network.
    public let expectedType: DType
    /// The type in the file.
    public let foundType: DType
  }

  /// Names missing from the file, and names unknown to the network.
  case keys(missing: [String], unexpected: [String], source: String)
  /// Tensors of another shape, or integers in place of floating-point numbers (or the reverse).
  case mismatches([Mismatch], source: String)
  /// Names that occur more than once in the file.
  case repeatedKeys([String], source: String)
  /// Names that a ``KeyMap`` does not map one to one.
  case ambiguousNames([String], source: String)

  /// The problem and the way out.
  public var description: String {
    switch self {
    case .keys(let missing, let unexpected, let source):
      var parts: [String] = []
      if !missing.isEmpty { parts.append("lacks \(list(missing))") }
      if !unexpected.isEmpty { parts.append("holds \(list(unexpected)), which the network does not have") }
      return "\(source) \(parts.joined(separator: " and ")); nothing was loaded: use the configuration the "
        + "weights were made with, or a key map for another program's names"
    case .mismatches(let all, let source):
      let texts = all.map { mismatch in
        let types = mismatch.expectedType.isFloatingPoint != mismatch.foundType.isFloatingPoint
        return "\(mismatch.key) (\(mismatch.found)\(types ? " of \(mismatch.foundType)" : "") in place of "
          + "\(mismatch.expected)\(types ? " of \(mismatch.expectedType)" : ""))"
      }
      return
        "\(source) does not fit in \(list(texts)); nothing was loaded: use the configuration the weights "
        + "were made with"
    case .repeatedKeys(let keys, let source):
      return "\(source) holds \(list(keys)) more than once; nothing was loaded: write the file anew"
    case .ambiguousNames(let keys, let source):
      return "\(source): the names \(list(keys)) cannot be told apart after renaming; correct the key map"
    }
  }

  /// ``description``.
  public var errorDescription: String? { description }

  private func list(_ names: [String]) -> String {
    names.prefix(6).joined(separator: ", ") + (names.count > 6 ? " and \(names.count - 6) more" : "")
  }
}

/// Checks that two lists of named tensors have the same names and shapes, before anything is written.
///
/// - Returns: the given tensors in the order of `expected`.
func matched(
  _ given: [(name: String, tensor: HostTensor)], to expected: [(name: String, shape: [Int], dtype: DType)],
  from source: String
) throws(CheckpointError) -> [HostTensor] {
  var byName: [String: HostTensor] = [:]
  var repeated: [String] = []
  for (name, tensor) in given where byName.updateValue(tensor, forKey: name) != nil { repeated.append(name) }
  guard repeated.isEmpty else { throw .repeatedKeys(repeated, source: source) }
  let known = Set(expected.map(\.name))
  let missing = expected.map(\.name).filter { byName[$0] == nil }
  let unexpected = given.map(\.name).filter { !known.contains($0) }
  guard missing.isEmpty, unexpected.isEmpty else {
    throw .keys(missing: missing, unexpected: unexpected, source: source)
  }
  var found: [HostTensor] = []
  var mismatches: [CheckpointError.Mismatch] = []
  for (name, shape, dtype) in expected {
    guard let tensor = byName[name] else { continue }
    found.append(tensor)
    if tensor.shape != shape || tensor.dtype.isFloatingPoint != dtype.isFloatingPoint {
      mismatches.append(
        .init(key: name, expected: shape, found: tensor.shape, expectedType: dtype, foundType: tensor.dtype))
    }
  }
  guard mismatches.isEmpty else { throw .mismatches(mismatches, source: source) }
  return found
}

extension Module {
  /// Overwrites all parameters and buffers, in place.
  ///
  /// Strict: throws, without changing anything, unless every name and shape matches. 16-bit and 64-bit
  /// floating-point tensors are converted.
  ///
  /// - Parameter source: the source named in errors, for example the file's path.
  public func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String = "the checkpoint"
  ) throws(CheckpointError) {
    let own = state()
    let values = try matched(
      tensors, to: own.map { ($0.name, $0.tensor.shape, $0.tensor.dtype) }, from: source)
    for (entry, value) in zip(own, values) { entry.tensor.copy(from: Tensor(value)) }
  }

  /// Overwrites all parameters and buffers with another network's of the same structure.
  public func copyState(from other: Module) throws(CheckpointError) {
    let (own, others) = (state(), other.state())
    let expected = own.map { "\($0.name) \($0.tensor.shape)" }
    let found = others.map { "\($0.name) \($0.tensor.shape)" }
    guard expected == found else {
      throw .keys(
        missing: expected.filter { !found.contains($0) }, unexpected: found.filter { !expected.contains($0) },
        source: "the other network")
    }
    for (entry, source) in zip(own, others) { entry.tensor.copy(from: source.tensor) }
  }
}
