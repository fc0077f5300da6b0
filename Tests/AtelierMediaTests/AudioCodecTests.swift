import AtelierMedia
import Foundation
import Testing

struct AudioCodecTests {
  let codec = AudioCodec()

  // MARK: Reading and writing

  @Test func wholeNumbersBecomeFractionsOfFullScale() throws {
    let bytes = SoundFiles.wav(SoundFiles.samples([0, 1, -1, 16384, -32768, 32767]), channels: 2)
    let audio = try codec.decode(bytes)
    #expect(audio.sampleRate == 8000 && audio.channels == 2 && audio.frames == 3)
    // The left channel first.
    let (step, highest): (Float, Float) = (1 / 32768, 32767 / 32768)
    #expect(audio.samples == [0, -step, -1, step, 0.5, highest])
    #expect(audio.interleaved == [0, step, -step, 0.5, -1, highest])
    #expect(audio.duration == 3.0 / 8000)
  }

  @Test func thirtyTwoBitsAndDoublesAreRead() throws {
    let whole = [1 << 30, -(1 << 31), 1 << 24].flatMap { SoundFiles.little($0, 4) }
    #expect(try codec.decode(SoundFiles.wav(whole, bits: 32)).samples == [0.5, -1, 1 / 128])
    let doubles = [0.25, -1.5].flatMap { SoundFiles.little(Int(bitPattern: UInt($0.bitPattern)), 8) }
    let bytes = SoundFiles.wav(doubles, bits: 64, format: 3)
    #expect(try codec.decode(bytes).samples == [0.25, -1.5])
    #expect(try codec.information(of: bytes).encoding == .float64)
  }

  @Test(arguments: [
    (AudioFormat.wav, AudioEncoding.pcm16, 16), (.wav, .pcm24, 24), (.flac, .pcm16, 16), (.flac, .pcm24, 24),
    (.aiff, .pcm16, 16), (.aiff, .pcm24, 24), (.wav, .float32, 24), (.aiff, .float32, 24),
  ])
  func losslessFilesReturnEveryBit(format: AudioFormat, encoding: AudioEncoding, bits: Int) throws {
    let audio = SoundFiles.levels(bits: bits)
    let bytes = try codec.encode(audio, as: format, encoding: encoding)
    #expect(try codec.decode(bytes) == audio)
    let information = try codec.information(of: bytes)
    #expect(information.format == format && information.encoding == encoding)
    #expect(information.frames == 1000 && information.channels == 2 && information.sampleRate == 8000)
    #expect(information.duration == 0.125)
    // Equal sounds become equal files.
    #expect(try codec.encode(audio, as: format, encoding: encoding) == bytes)
  }

  @Test func floatsBeyondFullScaleAreKeptInFloatsAndClippedInWholeNumbers() throws {
    let audio = Audio(sampleRate: 8000, samples: [1.5, -2, 0.1, 1e-9])
    #expect(try codec.decode(codec.encode(audio, as: .wav, encoding: .float32)) == audio)
    let clipped = try codec.decode(codec.encode(audio, as: .wav, encoding: .pcm16))
    let expected: [Float] = [32767 / 32768, -1, 3277 / 32768, 0]
    #expect(clipped.samples == expected)
  }

  @Test func vorbisComesCloseToWhatItWasGiven() throws {
    let audio = SoundFiles.sine(440, rate: 16000, frames: 8000, channels: 2)
    let bytes = try codec.encode(audio, as: .ogg, quality: 0.8)
    let decoded = try codec.decode(bytes)
    #expect(decoded.frames == 8000 && decoded.channels == 2)
    let largest = zip(decoded.samples, audio.samples).map { abs($0 - $1) }.max() ?? 1
    #expect(largest < 0.05)
    #expect(try codec.information(of: bytes).encoding == .vorbis)
  }

  @Test func filesAreWrittenByTheirEnding() throws {
    try withTemporaryFolder { folder in
      let audio = SoundFiles.levels(bits: 16)
      for name in ["a.wav", "-b.flac", "ü c.aiff"] {
        let file = folder.appendingPathComponent(name)
        try audio.write(to: file)
        #expect(try Audio(contentsOf: file) == audio)
        #expect(try codec.information(of: file).frames == 1000)
      }
      #expect(throws: AudioError.self) { try audio.write(to: folder.appendingPathComponent("d.mp3")) }
      #expect(throws: AudioError.self) { try audio.write(to: folder.appendingPathComponent("no/e.wav")) }
    }
  }

  @Test(arguments: [AudioFormat.wav, .flac, .ogg, .aiff])
  func tagsSurvive(format: AudioFormat) throws {
    let audio = SoundFiles.sine(440, rate: 8000, frames: 800)
    let all = Dictionary(
      uniqueKeysWithValues: AudioTag.allCases.map { ($0, $0 == .date ? "2026" : "\($0.rawValue) é 日本") })
    let bytes = try codec.encode(audio, as: format, tags: all)
    let tags = try codec.information(of: bytes).tags
    #expect(tags == all.filter { $0.key.isCarried(by: format) })
    #expect(tags.count >= 3)
    #expect(throws: AudioError.self) {
      try codec.encode(audio, as: format, tags: [.comment: String(repeating: "x", count: 1001)])
    }
    let long = String(repeating: "y", count: 1000)
    let longBytes = try codec.encode(audio, as: format, tags: [.comment: long])
    #expect(try codec.information(of: longBytes).tags[.comment] == long)
  }

  @Test func whatCannotBeWrittenSaysWhy() throws {
    let audio = SoundFiles.sine(440, rate: 8000, frames: 800)
    func reason(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      return ""
    }
    #expect(
      reason { _ = try codec.encode(audio, as: .flac, encoding: .float32) }
        == "the sound cannot be written: flac is written as pcm16 or pcm24 only.")
    #expect(
      reason { _ = try codec.encode(audio, as: .mp3) }
        == "the sound cannot be written: sounds are written as WAV, FLAC, Ogg or AIFF only.")
    let broken = Audio(sampleRate: 8000, samples: [0, .nan])
    #expect(reason { _ = try codec.encode(broken, as: .wav) }.contains("NaN or infinite"))
    let nothing = Audio(sampleRate: 8000, samples: [])
    #expect(reason { _ = try codec.encode(nothing, as: .wav) }.contains("no frames"))
    let many = Audio(sampleRate: 8000, channels: 9, samples: [Float](repeating: 0, count: 9))
    #expect(reason { _ = try codec.encode(many, as: .flac) }.contains("9 channels"))
  }

  // MARK: Windows

  @Test(arguments: [AudioFormat.wav, .flac, .aiff])
  func windowsAreTheWhole(format: AudioFormat) throws {
    try withTemporaryFolder { folder in
      let audio = SoundFiles.levels(bits: 16, count: 20_000)
      let file = folder.appendingPathComponent("sound.\(format.rawValue)")
      try audio.write(to: file)
      let reader = try AudioReader(file)
      var joined = Audio(sampleRate: 8000, channels: 2, samples: [])
      while let window = try reader.read(frames: 777) { joined = try joined.joined(with: window) }
      #expect(joined == audio)
      #expect(try reader.read(frames: 1) == nil && reader.position == 10_000)
      for start in [5000, 12, 9999, 0] {
        try reader.seek(to: start)
        let window = try #require(try reader.read(frames: 100))
        #expect(try window == audio.cropped(start..<min(10_000, start + 100)))
      }
      #expect(throws: AudioError.self) { try reader.seek(to: 10_001) }
      #expect(throws: AudioError.self) { try reader.seek(to: -1) }
      #expect(throws: AudioError.self) { try reader.read(frames: 0) }
    }
  }

  // MARK: Hostile files

  func failure(_ bytes: [UInt8], limit: Int = 1 << 28) -> AudioError? {
    do throws(AudioError) { _ = try AudioCodec(maximumSamples: limit).decode(bytes, named: "x.wav") } catch {
      return error
    }
    return nil
  }

  @Test func emptyAndForeignFilesAreNamed() throws {
    #expect(failure([])?.description == "x.wav is damaged or cut short: the file is empty.")
    #expect(failure(Array("RIFF".utf8)) == .notASound(file: "x.wav"))
    #expect(failure(Array("<html><body>404</body></html>".utf8)) == .notASound(file: "x.wav"))
    #expect(
      failure(SoundFiles.wav([]))?.description == "x.wav is damaged or cut short: it holds no frames.")
  }

  @Test func filesThatAreShorterThanTheyAnnounceAreDamaged() throws {
    let data = SoundFiles.samples(Array(0..<100))
    #expect(
      failure(SoundFiles.wav(data, announced: 1 << 30))
        == .damaged(
          file: "x.wav", reason: "its header declares 1073741824 bytes of samples, and there are 200"))
    // A recorder that wrote to a pipe could not go back to its header.
    #expect(try codec.decode(SoundFiles.wav(data, announced: 0xFFFF_FFFF)).frames == 100)
    let audio = SoundFiles.levels(bits: 16, count: 20_000)
    for format in [AudioFormat.wav, .aiff, .flac, .ogg] {
      let bytes = try codec.encode(audio, as: format)
      for part in [0.02, 0.3, 0.9, 0.999] {
        let cut = Array(bytes.prefix(max(5, Int(Double(bytes.count) * part))))
        guard case .damaged = failure(cut) else {
          Issue.record("\(format) cut at \(part): \(String(describing: failure(cut)))")
          continue
        }
      }
    }
  }

  @Test func absurdHeadersAreRefused() throws {
    let data = SoundFiles.samples(Array(0..<100))
    for bytes in [
      SoundFiles.wav(data, channels: 0), SoundFiles.wav(data, rate: 0),
      SoundFiles.wav(data, channels: 65_535),
      SoundFiles.wav(data, bits: 96), SoundFiles.wav(data, format: 0x7777),
    ] {
      #expect(failure(bytes) != nil)
    }
    // STREAMINFO's 36 bits of total samples, all set.
    var flac = try codec.encode(SoundFiles.sine(440, rate: 8000, frames: 800), as: .flac)
    flac[21] |= 0x0F
    for index in 22..<26 { flac[index] = 0xFF }
    #expect(failure(flac) == .tooLarge(file: "x.wav", frames: 68_719_476_735, channels: 1, limit: 1 << 28))
    // Announced within the limit, but not there.
    flac[21] &= 0xF0
    for index in 22..<26 { flac[index] = [0, 1, 0, 0][index - 22] }
    guard case .damaged = failure(flac) else {
      Issue.record("\(String(describing: failure(flac)))")
      return
    }
  }

  @Test func longSoundsAreReadInWindowsOnly() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("long.wav")
      try SoundFiles.levels(bits: 16).write(to: file)
      let small = AudioCodec(maximumSamples: 1999)
      #expect(throws: AudioError.tooLarge(file: file.path, frames: 1000, channels: 2, limit: 1999)) {
        try small.decode(file)
      }
      #expect(try AudioReader(file, codec: small).read(frames: 900)?.frames == 900)
    }
  }

  @Test func samplesThatAreNoNumbersAreReported() throws {
    let values: [Float] = [0, 1, .nan, 0, 0, .infinity]
    let data = values.flatMap { SoundFiles.little(Int($0.bitPattern), 4) }
    #expect(
      failure(SoundFiles.wav(data, channels: 2, bits: 32, format: 3))
        == .damaged(file: "x.wav", reason: "frame 1 of channel 0 is NaN"))
    #expect(
      failure(SoundFiles.wav(Array(data.suffix(4)), bits: 32, format: 3))
        == .damaged(file: "x.wav", reason: "frame 0 of channel 0 is infinite"))
  }

  @Test(arguments: [AudioFormat.wav, .aiff, .flac, .ogg])
  func damagedBytesGiveASoundOrAnError(format: AudioFormat) throws {
    let bytes = try codec.encode(
      SoundFiles.levels(bits: 16, count: 600), as: format, tags: [.title: "title", .comment: "comment"])
    var numbers = TestNumbers(state: 7)
    for _ in 0..<60 {
      var broken = bytes
      for _ in 0..<Int.random(in: 1...8, using: &numbers) {
        let place = Int.random(in: 0..<broken.count, using: &numbers)
        // The header is hit as often as all that follows.
        broken[Bool.random(using: &numbers) ? place : place % 120] = UInt8.random(
          in: 0...255, using: &numbers)
      }
      if let error = failure(broken, limit: 1 << 20) { #expect(error.description.contains("x.wav")) }
    }
  }

  @Test func whatIsNoFileIsNamed() throws {
    try withTemporaryFolder { folder in
      let missing = folder.appendingPathComponent("missing.wav")
      #expect(throws: AudioError.unreadable(file: missing.path, reason: "there is no such file")) {
        try codec.decode(missing)
      }
      #expect(throws: AudioError.unreadable(file: folder.path, reason: "it is not a readable file")) {
        try codec.decode(folder)
      }
      let pipe = folder.appendingPathComponent("pipe.wav")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      #expect(throws: AudioError.unreadable(file: pipe.path, reason: "it is not a readable file")) {
        try codec.decode(pipe)
      }
      let dangling = folder.appendingPathComponent("link.wav")
      try FileManager.default.createSymbolicLink(at: dangling, withDestinationURL: missing)
      #expect(throws: AudioError.unreadable(file: dangling.path, reason: "there is no such file")) {
        try codec.decode(dangling)
      }
    }
  }

  @Test func otherSoundsNeedFFmpeg() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("sound.m4a")
      try Data([0, 0, 0, 24] + Array("ftypM4A ".utf8) + [0, 0, 0, 0]).write(to: file)
      let alone = AudioCodec(ffmpeg: FFmpeg(environment: ["PATH": folder.path]))
      #expect(
        throws: AudioError.missingProgram(
          file: file.path,
          reason: "ffmpeg is not on the PATH; install it (apt-get install ffmpeg, brew install ffmpeg), "
            + "or name it in ATELIER_FFMPEG")
      ) { try alone.decode(file) }
    }
  }
}
