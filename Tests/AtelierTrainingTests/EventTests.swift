import AtelierData
import AtelierMedia
import AtelierTraining
import Foundation
import TestSupport
import Testing

@Suite struct EventTests {
  @Test func everyLineOfTheLogIsAnObjectOfItsOwn() throws {
    let folder = try TemporaryFolder()
    let log = try EventLog(folder("events.jsonl"))
    try log.append(RunEvent(.start, step: 0, epoch: 0))
    try log.append(
      RunEvent(.step, step: 50, epoch: 0.5, values: ["total": 0.25], rate: 120, unit: "examples"))
    let text = try String(contentsOf: folder("events.jsonl"), encoding: .utf8)
    #expect(text.split(separator: "\n").count == 2)
    #expect(text.contains("\"type\":\"step\"") && text.contains("\"total\":0.25"))
    let events = try EventLog.read(folder("events.jsonl"))
    #expect(events.map(\.step) == [0, 50])
    #expect(events[1].values == ["total": 0.25])
  }

  @Test func numbersThatAreNoneSurviveTheLog() throws {
    let folder = try TemporaryFolder()
    let log = try EventLog(folder("events.jsonl"))
    try log.append(RunEvent(.step, step: 1, epoch: 0, values: ["a": .nan, "b": -.infinity]))
    let values = try #require(try EventLog.read(folder("events.jsonl")).first?.values)
    #expect(values["a"]?.isNaN == true)
    #expect(values["b"] == -.infinity)
  }

  @Test func halfALineThatAKillLeftIsRemoved() throws {
    let folder = try TemporaryFolder()
    let file = folder("events.jsonl")
    do {
      let log = try EventLog(file)
      try log.append(RunEvent(.start, step: 0, epoch: 0))
    }
    let whole = try Data(contentsOf: file)
    try (whole + Data("{\"type\":\"st".utf8)).write(to: file)
    let log = try EventLog(file)
    try log.append(RunEvent(.resume, step: 0, epoch: 0))
    #expect(try EventLog.read(file).map(\.type) == [.start, .resume])
  }

  @Test func aSecondWriterOfARunIsRefused() throws {
    let folder = try TemporaryFolder()
    let first = try EventLog(folder("events.jsonl"))
    #expect(throws: TrainingError.self) { try EventLog(folder("events.jsonl")) }
    try first.append(RunEvent(.start, step: 0, epoch: 0))
  }

  @Test func castagnolisCheckSumsAreThoseOfTheStandard() {
    // RFC 3720, appendix B.4.
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 255, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
  }

  @Test func aRecordFramesItsMessageAsTFRecordDoes() {
    let record = EventFileWriter.record([1, 2, 3])
    #expect(record.count == 8 + 4 + 3 + 4)
    #expect(Array(record[0..<8]) == [3, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(record[12..<15]) == [1, 2, 3])
    func word(_ start: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(record[start + $1]) << UInt32(8 * $1) }
    }
    #expect(word(8) == CRC32C.masked(Array(record[0..<8])))
    #expect(word(15) == CRC32C.masked([1, 2, 3]))
  }

  @Test func anEventFileHoldsVersionScalarsAndPictures() throws {
    let folder = try TemporaryFolder()
    let writer = try EventFileWriter(folder: folder.url, now: Date(timeIntervalSince1970: 1000))
    let time = Date(timeIntervalSince1970: 2000)
    try writer.write(scalars: [("loss", 0.5)], step: 3, time: time)
    try writer.write(picture: [7, 8], width: 2, height: 1, channels: 3, name: "samples", step: 3, time: time)
    #expect(writer.url.lastPathComponent.hasPrefix("events.out.tfevents.1000."))
    let bytes = [UInt8](try Data(contentsOf: writer.url))
    let messages = records(bytes)
    #expect(messages.count == 3)
    // Field 1 is a double, field 3 a text of 13 bytes: 0x09 …, 0x1A 0x0D.
    #expect(messages[0].first == 0x09)
    #expect(Array(messages[0].suffix(15)) == [0x1A, 13] + Array("brain.Event:2".utf8))
    // wall_time 2000.0, step 3, summary { value { tag "loss", simple_value 0.5 } }.
    let scalar: [UInt8] = [0x0A, 0x0B, 0x0A, 0x04] + Array("loss".utf8) + [0x15, 0, 0, 0, 0x3F]
    #expect(messages[1] == [0x09, 0, 0, 0, 0, 0, 0x40, 0x9F, 0x40, 0x10, 3, 0x2A, 13] + scalar)
    let image: [UInt8] = [0x08, 1, 0x10, 2, 0x18, 3, 0x22, 2, 7, 8]
    #expect(Array(messages[2].suffix(image.count + 2)) == [0x22, UInt8(image.count)] + image)
  }

  /// The fields of a protobuf message: varints as they are, the bytes of the others.
  private func fields(_ message: [UInt8]) -> [Int: [UInt8]] {
    var fields: [Int: [UInt8]] = [:]
    var place = 0
    func varint() -> Int {
      var (value, shift) = (0, 0)
      while place < message.count {
        let byte = message[place]
        place += 1
        value |= Int(byte & 127) << shift
        shift += 7
        if byte < 128 { break }
      }
      return value
    }
    while place < message.count {
      let key = varint()
      let start = place
      switch key & 7 {
      case 0:
        _ = varint()
        fields[key >> 3] = Array(message[start..<place])
      case 1, 5:
        place += key & 7 == 1 ? 8 : 4
        fields[key >> 3] = Array(message[start..<place])
      default:
        let length = varint()
        fields[key >> 3] = Array(message[place..<(place + length)])
        place += length
      }
    }
    return fields
  }

  /// The only value of an event's summary.
  private func value(_ event: [UInt8]) throws -> [Int: [UInt8]] {
    let summary = try #require(fields(event)[5])
    let value = try #require(fields(summary)[1])
    return fields(value)
  }

  @Test func anEventFileHoldsSoundsVideosAndTexts() throws {
    let folder = try TemporaryFolder()
    let writer = try EventFileWriter(folder: folder.url)
    let audio = Audio(sampleRate: 8000, channels: 2, samples: [Float](repeating: 0.5, count: 600))
    let wav = try AudioCodec().encode(audio, as: .wav)
    try writer.write(audio, wav: wav, name: "sound", step: 2)
    try writer.write(video: [71, 73, 70], width: 300, height: 4, name: "film", step: 2)
    try writer.write(text: "größer", name: "words", step: 2)
    let messages = records([UInt8](try Data(contentsOf: writer.url)))
    #expect(messages.count == 4 && messages.dropFirst().allSatisfy { fields($0)[2] == [2] })
    // Summary.Value: tag 1, image 4, audio 6, tensor 8, metadata 9.
    var found = try value(messages[1])
    #expect(found[1] == Array("sound".utf8) && found.keys.sorted() == [1, 6])
    let sound = try fields(#require(found[6]))
    // 8000 as a float; 2; 300 as a varint.
    #expect(sound[1] == [0, 0, 0xFA, 0x45] && sound[2] == [2] && sound[3] == [0xAC, 2])
    let bytes = try #require(sound[4])
    #expect(try AudioCodec().decode(bytes) == audio && sound[5] == Array("audio/wav".utf8))
    found = try value(messages[2])
    let film = try fields(#require(found[4]))
    #expect(found[1] == Array("film".utf8) && found.keys.sorted() == [1, 4])
    #expect(film == [1: [4], 2: [0xAC, 2], 3: [3], 4: [71, 73, 70]])
    found = try value(messages[3])
    #expect(found.keys.sorted() == [1, 8, 9])
    let tensor = try #require(found[8])
    #expect(fields(tensor) == [1: [7], 8: Array("größer".utf8)])
    // SummaryMetadata { plugin_data { plugin_name "text" }, data_class 2 }.
    let metadata = try fields(#require(found[9]))
    let plugin = try #require(metadata[1])
    #expect(fields(plugin) == [1: Array("text".utf8)] && metadata[4] == [2])
  }

  private func records(_ bytes: [UInt8]) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    var place = 0
    while place + 12 <= bytes.count {
      let length = (0..<8).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
      messages.append(Array(bytes[(place + 12)..<(place + 12 + length)]))
      place += 16 + length
    }
    return messages
  }
}
