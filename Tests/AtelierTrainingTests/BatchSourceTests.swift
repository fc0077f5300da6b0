import AtelierCore
import AtelierData
import AtelierTraining
import Foundation
import Testing
import Torch

/// A source of another program: it counts.
private final class CountingStream: BatchStream {
  struct Position: Codable, Hashable, Sendable { var served: Int }
  var position = Position(served: 0)
  var passes: Double { Double(position.served) / 10 }
  let unit = "numbers"
  func seek(to position: Position) { self.position = position }
  func nearest(to position: Position) -> Position { position }
  func units(of batch: HostBatch) -> Int { 2 }
  func next() -> HostBatch {
    position.served += 1
    return HostBatch(
      fields: ["number": HostTensor([position.served])], indices: [], epoch: 0, isFirst: position.served == 1)
  }
}

struct BatchSourceTests {
  private func text(_ position: SourcePosition) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(position), as: UTF8.self)
  }

  @Test func positionsKeepTheFormOfOldCheckpoints() throws {
    let old = #"{"examples":{"_0":{"count":9,"epoch":2,"fingerprint":"f","offset":5,"seed":7}}}"#
    let read = try JSONDecoder().decode(SourcePosition.self, from: Data(old.utf8))
    let examples = try read.decoded(LoaderPosition.self)
    #expect((examples.epoch, examples.offset, examples.seed) == (2, 5, 7))
    #expect(try text(SourcePosition(of: examples)) == old)
    let stream = try TokenStream(Array(0..<20), batchSize: 2, sequenceLength: 3)
    _ = stream.next()
    let tokens = try text(SourcePosition(of: stream.position))
    #expect(tokens.hasPrefix(#"{"tokens":{"_0":{"count":20,"epoch":0,"fingerprint":"#))
    let place = try JSONDecoder().decode(SourcePosition.self, from: Data(tokens.utf8))
    #expect(try place.decoded(TokenStream.Position.self) == stream.position)
    #expect(throws: TrainingError.self) { try place.decoded(LoaderPosition.self) }
    #expect(throws: TrainingError.self) { try SourcePosition.none.decoded(LoaderPosition.self) }
  }

  @Test func aStreamOfAnotherProgramIsLeftAndFoundAgain() throws {
    let source = StreamBatchSource(CountingStream(), name: "numbers")
    for _ in 0..<3 { _ = try source.next() }
    #expect(source.unitsServed == 6 && source.unit == "numbers" && source.epoch == 0.3)
    let saved = try JSONEncoder().encode(source.position)
    #expect(try source.position == .other(#"{"served":3}"#))
    let other = StreamBatchSource(CountingStream(), name: "numbers")
    try other.seek(to: JSONDecoder().decode(SourcePosition.self, from: saved), adoptsOtherData: false)
    let batch = try other.next()
    #expect(batch["number"].integers() == [4] && !batch.isFirst)
    let text = StreamBatchSource(
      try TokenStream(Array(0..<20), batchSize: 2, sequenceLength: 3), name: "text")
    #expect(throws: TrainingError.self) { try text.seek(to: source.position, adoptsOtherData: false) }
    let error = #expect(throws: TrainingError.self) {
      try SourcePosition.other(#"{"counted":3}"#).decoded(CountingStream.Position.self)
    }
    #expect(error?.description.contains("a value is missing at 'served'") == true)
  }
}
