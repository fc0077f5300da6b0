import Atelier
import Foundation

/// Data that commands give: `--data "pipe:curl -s https://host/train-{000..009}.tar"`.
///
/// Only what a person wrote on the command line is run; the path of a run or of any other file never is. Training on images
/// with classes reads what the commands write while they run (``PipedShards``). Whatever asks for examples in any order has
/// them fetched once and kept as shards in the user's cache.
enum PipedData {
  private static let prefix = "pipe:"

  /// The place of data: what commands give, or the path itself.
  ///
  /// - Parameter streaming: whether examples are asked for in the order of shards, so that nothing is kept.
  /// - Throws: ``Refusal`` or `DatasetError` that names a command which fails, or gives no tar archive.
  static func place(_ text: String, streaming: Bool = false) throws -> URL {
    guard let commands = try commands(text) else { return URL(fileURLWithPath: text) }
    if streaming { return try PipedShards.place(of: commands) { standardError($0 + "\n") } }
    let pattern = String(text.dropFirst(prefix.count)).trimmingCharacters(in: .whitespaces)
    // A command may name files of the folder that it is given in.
    let place = FileManager.default.currentDirectoryPath
    let key = contentFingerprint(of: Array("\(place)\n\(pattern)".utf8)).split(separator: ":").last ?? ""
    let folder = UserCache.folder("shards").appendingPathComponent("\(key.prefix(32))", isDirectory: true)
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw Refusal.data(
        "\(folder.path) cannot be made; XDG_CACHE_HOME names another place for fetched shards")
    }
    UnfinishedEntry.removeAbandoned(in: folder)
    let files = commands.indices.map { folder.appendingPathComponent(String(format: "%06d.tar", $0)) }
    let kept = files.count { FileManager.default.fileExists(atPath: $0.path) }
    if kept > 0 {
      standardError(
        "\(kept) of \(counted(commands.count, "shard")) \(kept == 1 ? "was" : "were") fetched before and \(kept == 1 ? "is" : "are") "
          + "read from \(folder.path); delete that folder to fetch anew\n")
    }
    for (number, command) in commands.enumerated() {
      let file = files[number]
      if FileManager.default.fileExists(atPath: file.path) { continue }
      standardError(
        "Fetching shard \(number + 1) of \(commands.count) into \(file.path), as it is read in any order\n")
      try fetch(command, to: file)
    }
    return folder
  }

  /// The place of a run's data: streamed where the run was trained so.
  ///
  /// - Parameter recorded: what the run recorded.
  static func place(_ text: String, recorded: String?) throws -> URL {
    let streamed = try commands(text).map { PipedShards.folder(of: $0).standardizedFileURL.path }
    return try place(text, streaming: streamed != nil && streamed == recorded)
  }

  /// The commands of a text, one for each shard; nil for a path.
  private static func commands(_ text: String) throws -> [String]? {
    guard text.hasPrefix(prefix) else { return nil }
    let pattern = String(text.dropFirst(prefix.count)).trimmingCharacters(in: .whitespaces)
    guard !pattern.isEmpty else {
      throw Refusal.usage(
        "--data pipe: is followed by a command that writes a tar archive, as pipe:cat shard.tar")
    }
    // Braces of a shell or a program that are no pattern stay as they are.
    return BracePattern.expanded(pattern) ?? [pattern]
  }

  private static func fetch(_ command: String, to file: URL) throws {
    let partial = try UnfinishedEntry(in: file.deletingLastPathComponent())
    let output = FileHandle(fileDescriptor: partial.descriptor, closeOnDealloc: false)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    try process.run()
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw Refusal.data(
        "the command '\(command)' of --data ended with \(process.terminationReason == .exit ? "exit code" : "signal") "
          + "\(process.terminationStatus); run it by itself to see why")
    }
    do { try requireTarArchive(at: partial.place) } catch {
      let reason = if case DatasetError.corruptFile(_, let reason) = error { reason } else { "\(error)" }
      throw Refusal.data(
        "the command '\(command)' of --data gives no tar archive, \(reason); it has to write a whole one to its output"
      )
    }
    guard partial.move(to: file) else {
      throw Refusal.data("\(file.path) cannot be written; the disk may be full")
    }
  }
}
