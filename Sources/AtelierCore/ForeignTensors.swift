public import Foundation
public import Torch

/// The tensors of one network in another program's files: what their names and shapes tell about the network,
/// and the tensors themselves, each with where it came from, so that an import can account for all of them.
public struct ForeignTensors {
  /// One tensor.
  public struct Entry {
    /// Its name as ``Network/authorsNames`` has it.
    public let name: String
    /// The values.
    public let tensor: HostTensor
    /// The file and the name there.
    let origin: Origin
  }

  /// Where a tensor came from.
  struct Origin: Hashable {
    let file: URL
    let name: String
  }

  /// The tensors in the files' order.
  public let entries: [Entry]
  /// What errors name: the files' paths.
  public let source: String
  /// The first file's name without its ending, such as `latest_net_G_A`, which may say which network it holds.
  public let stem: String
  private let shapes: [String: [Int]]

  /// The tensors by their names, as modules load them.
  public var named: [(name: String, tensor: HostTensor)] { entries.map { ($0.name, $0.tensor) } }

  private init(_ entries: [Entry], source: String, stem: String) {
    self.entries = entries
    self.source = source
    self.stem = stem
    shapes = Dictionary(entries.map { ($0.name, $0.tensor.shape) }) { first, _ in first }
  }

  /// All tensors of a file.
  public init(_ file: ForeignWeights) {
    self.init(
      file.tensors.map {
        Entry(name: $0.name, tensor: $0.tensor, origin: Origin(file: file.url, name: $0.name))
      },
      source: file.url.path, stem: file.stem)
  }

  /// The tensors below a key of files that hold several networks: `a.enc.…` below `a` is `enc.…`.
  public init(_ files: [ForeignWeights], below key: String) {
    let holders = files.filter { $0.tensors.contains { $0.name.hasPrefix(key + ".") } }
    self.init(
      holders.flatMap { file in
        file.tensors.filter { $0.name.hasPrefix(key + ".") }.map {
          Entry(
            name: String($0.name.dropFirst(key.count + 1)), tensor: $0.tensor,
            origin: Origin(file: file.url, name: $0.name))
        }
      }, source: holders.map(\.url.path).joined(separator: ", "), stem: holders.first?.stem ?? "")
  }

  // MARK: What they tell

  /// Whether there are none.
  public var isEmpty: Bool { entries.isEmpty }

  /// Whether there is a tensor of a name.
  public func has(_ name: String) -> Bool { shapes[name] != nil }

  /// Whether a name begins so.
  public func hasName(beginningWith prefix: String) -> Bool {
    shapes.keys.contains { $0.hasPrefix(prefix) }
  }

  /// The shape of a tensor, none of whose sides is 0; nil where there is none of the name with so many axes.
  public func shape(_ name: String, axes: Int) -> [Int]? {
    shapes[name].flatMap { $0.count == axes && $0.allSatisfy { $0 > 0 } ? $0 : nil }
  }

  /// The shape of a tensor that the network must have.
  ///
  /// - Throws: ``ConfigurationError`` naming file and tensor.
  public func required(_ name: String, axes: Int) throws(ConfigurationError) -> [Int] {
    guard let shape = shape(name, axes: axes) else { throw unexpected(name) }
    return shape
  }

  /// One side of a tensor that the network must have.
  ///
  /// - Throws: ``ConfigurationError`` naming file and tensor.
  public func side(_ name: String, _ axis: Int) throws(ConfigurationError) -> Int {
    guard let shape = shapes[name], shape.indices.contains(axis) else { throw unexpected(name) }
    return shape[axis]
  }

  private func unexpected(_ name: String) -> ConfigurationError {
    ConfigurationError("\(source) has no '\(name)' of the expected shape; is it a file of this system?")
  }

  /// How many of `prefix0suffix…`, `prefix1suffix…` follow each other among the beginnings of names.
  public func count(_ prefix: String, _ suffix: String = "", from first: Int = 0) -> Int {
    var next = first
    while hasName(beginningWith: "\(prefix)\(next)\(suffix)") { next += 1 }
    return next - first
  }

  /// The numbers `n` of all names that begin with `prefixNsuffix`.
  public func numbers(_ prefix: String, _ suffix: String) -> [Int] {
    Set(
      shapes.keys.compactMap { name -> Int? in
        guard name.hasPrefix(prefix) else { return nil }
        let rest = name.dropFirst(prefix.count)
        let digits = rest.prefix { $0.isNumber }
        return rest.dropFirst(digits.count).hasPrefix(suffix) ? Int(digits) : nil
      }
    ).sorted()
  }

  /// How many names begin and end so.
  public func count(beginningWith prefix: String, endingIn suffix: String) -> Int {
    shapes.keys.filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }.count
  }

  /// The shapes of the kernels of two-dimensional convolutions, in the file's order.
  public var kernels: [[Int]] { entries.map(\.tensor.shape).filter { $0.count == 4 } }

  // MARK: Other names

  /// The same tensors under names in which parts are replaced, one after the other.
  public func replacing(_ parts: KeyValuePairs<String, String>) -> ForeignTensors {
    ForeignTensors(
      entries.map { entry in
        let name = parts.reduce(entry.name) { $0.replacing($1.key, with: $1.value) }
        return Entry(name: name, tensor: entry.tensor, origin: entry.origin)
      }, source: source, stem: stem)
  }

  /// The same tensors under other names.
  public func renaming(_ name: (String) -> String) -> ForeignTensors {
    ForeignTensors(
      entries.map { Entry(name: name($0.name), tensor: $0.tensor, origin: $0.origin) }, source: source,
      stem: stem)
  }

  /// Some of the tensors under names of their own, changed where the network has them in another layout.
  ///
  /// - Throws: ``ConfigurationError`` that names a tensor that is missing.
  public func taking(
    _ names: [(theirs: String, ours: String)],
    changing change: (_ theirs: String, _ ours: String, HostTensor) throws -> HostTensor
  ) throws -> ForeignTensors {
    let table = Dictionary(entries.map { ($0.name, $0) }) { first, _ in first }
    return ForeignTensors(
      try names.map { theirs, ours in
        guard let entry = table[theirs] else { throw ConfigurationError("\(source) lacks '\(theirs)'") }
        return Entry(name: ours, tensor: try change(theirs, ours, entry.tensor), origin: entry.origin)
      }, source: source, stem: stem)
  }
}
