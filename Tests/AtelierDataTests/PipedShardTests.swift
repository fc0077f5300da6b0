import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Shards that commands write are read while the commands run.
@Suite struct PipedShardTests {
  private struct Piped {
    let files: any Dataset
    let stream: any Dataset
    let commands: [String]
  }

  /// Three shards of images with classes, as files and as what `cat` writes.
  private func piped(_ folder: URL, _ command: (URL) -> String = { "cat '\($0.path)'" }) throws -> Piped {
    let shards = folder.appendingPathComponent("shards")
    var commands: [String] = []
    for shard in 0..<3 {
      var members: [(name: String, bytes: [UInt8])] = []
      for index in 0..<(5 + shard) {
        let tone = UInt8(20 * shard + index)
        let image = Image(width: 4, height: 4, channels: 1, bytes: (0..<16).map { tone &+ UInt8($0) })
        members.append(("\(shard)/\(index).png", try ImageCodec().encode(image, as: .png)))
        members.append(("\(shard)/\(index).cls", Array("\(index % 3)\n".utf8)))
        members.append(("\(shard)/\(index).md", Array("of no use".utf8)))
      }
      try shards.write("\(shard).tar", tarArchive(members))
      commands.append(command(shards.appendingPathComponent("\(shard).tar")))
    }
    let place = try PipedShards.place(of: commands) { _ in }
    return Piped(files: try openDataset(at: shards), stream: try openDataset(at: place), commands: commands)
  }

  private func clean(_ piped: Piped) {
    try? FileManager.default.removeItem(at: PipedShards.folder(of: piped.commands))
  }

  @Test func batchesOfCommandsAreThoseOfTheShardsThatTheyWrite() throws {
    try withTemporaryFolder { folder in
      let piped = try piped(folder)
      defer { clean(piped) }
      #expect(piped.stream.count == 18 && piped.stream.description.layout == .shards)
      #expect(piped.stream.description.labelHistogram == piped.files.description.labelHistogram)
      let one = try Loader(piped.files, batchSize: 4, seed: 3)
      let other = try Loader(piped.stream, batchSize: 4, seed: 3)
      // Several passes, so that commands run anew.
      for _ in 0..<12 {
        let (expected, found) = (try one.next(), try other.next())
        #expect(found.fields == expected.fields && found.indices == expected.indices)
      }
      // From the middle of a shard on, by a reader that begins there.
      let again = try Loader(piped.stream, batchSize: 4, seed: 3)
      try again.seek(to: other.position)
      #expect(try again.next() == other.next())
      // In any order, backwards even.
      for index in (0..<18).reversed() {
        #expect(try piped.stream.example(at: index) == piped.files.example(at: index))
      }
    }
  }

  @Test func aCommandThatFailsLaterIsNamed() throws {
    try withTemporaryFolder { folder in
      let mark = folder.appendingPathComponent("mark")
      // Once it is counted, the command gives half of its archive and fails.
      let piped = try piped(folder) {
        "if [ -e '\(mark.path)' ]; then head -c 2000 '\($0.path)'; exit 9; fi; cat '\($0.path)'"
      }
      defer { clean(piped) }
      try Data().write(to: mark)
      do {
        _ = try piped.stream.example(at: 4)
        Issue.record("the command did not fail")
      } catch let error as DatasetError {
        #expect(
          error.description.contains("exit code 9") && error.description.contains("head -c 2000"), "\(error)")
      }
    }
  }

  @Test func commandsThatGiveOtherImagesThanAtFirstAreRefused() throws {
    try withTemporaryFolder { folder in
      let piped = try piped(folder)
      defer { clean(piped) }
      try FileManager.default.copyItem(
        at: folder.appendingPathComponent("shards/0.tar"),
        to: folder.appendingPathComponent("shards/first.tar"))
      try FileManager.default.removeItem(at: folder.appendingPathComponent("shards/2.tar"))
      try FileManager.default.moveItem(
        at: folder.appendingPathComponent("shards/first.tar"),
        to: folder.appendingPathComponent("shards/2.tar"))
      #expect(throws: DatasetError.self) { try piped.stream.example(at: 17) }
    }
  }
}
