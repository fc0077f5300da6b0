import AtelierMedia
import Foundation
import Testing

/// Videos need the ffmpeg program, which a machine may lack.
private let hasFFmpeg = FFmpeg.standard.isAvailable

struct VideoTests {
  /// Frames whose colour says their number: red rises, blue falls, a green bar walks.
  func frame(_ index: Int, _ width: Int = 32, _ height: Int = 24) -> Image {
    var bytes: [UInt8] = []
    for _ in 0..<height {
      for x in 0..<width {
        bytes += [UInt8(20 + index * 20), x / 4 == index ? 200 : 40, UInt8(220 - index * 20)]
      }
    }
    return Image(width: width, height: height, channels: 3, bytes: bytes)
  }

  func write(_ count: Int, to file: URL, rate: FrameRate? = FrameRate(10), quality: Int = 8) throws {
    let writer = try VideoWriter(
      to: file, width: 32, height: 24, frameRate: try #require(rate), quality: quality)
    for index in 0..<count { try writer.append(frame(index)) }
    try writer.finish()
  }

  func all(_ reader: any FrameReader) throws -> [Image] {
    var frames: [Image] = []
    while let frame = try reader.next() { frames.append(frame) }
    return frames
  }

  /// The number of a frame, by its red and blue.
  func number(_ image: Image) -> Int {
    let (x, y) = (image.width - 2, image.height / 2)
    let red = Double(image[x: x, y: y, channel: 0] - 20) / 20
    let blue = Double(220 - image[x: x, y: y, channel: 2]) / 20
    return Int(((red + blue) / 2).rounded())
  }

  /// Runs ffmpeg for files that the writer does not make.
  func ffmpeg(_ arguments: [String], output: URL? = nil) throws {
    let process = Process()
    if let output {
      try Data().write(to: output)
      process.standardOutput = try FileHandle(forWritingTo: output)
    }
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y"] + arguments
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  // MARK: Reading what was written

  @Test(.enabled(if: hasFFmpeg)) func framesComeBackWithinWhatTheCodecLoses() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.mp4")
      try write(8, to: file, rate: FrameRate(30_000, 1001))
      let video = try Video(contentsOf: file)
      let information = video.information
      #expect(information.width == 32 && information.height == 24 && information.frames == 8)
      #expect(information.frameRate == FrameRate(30_000, 1001) && information.isConstantRate)
      #expect(abs((information.duration ?? 0) - 8 * 1001 / 30_000) < 0.001)
      #expect(information.codec == "h264" && information.pixelFormat == "yuv420p")
      #expect(information.isFullRange == false && !information.hasAudio && information.quarterTurns == 0)
      let frames = try all(video.frames())
      #expect(frames.count == 8)
      for (index, image) in frames.enumerated() {
        let expected = frame(index)
        // At the bar's sides colours of half the resolution run into each other.
        let (bar, plain) = (index * 4 + 1, (index * 4 + 16) % 32)
        for channel in 0..<3 {
          let difference =
            image[x: plain, y: 12, channel: channel] - expected[x: plain, y: 12, channel: channel]
          #expect(abs(difference) <= 4)
        }
        #expect(abs(image[x: bar, y: 12, channel: 1] - 200) < 40)
      }
      // Nothing but the file is left.
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.mp4"])
    }
  }

  @Test(.enabled(if: hasFFmpeg)) func startDurationRateAndSizeSelectFrames() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("-a b.mp4")
      try write(9, to: file, rate: FrameRate(3))
      let video = try Video(contentsOf: file)
      func numbers(_ selection: FrameSelection) throws -> [Int] {
        try all(video.frames(selection)).map(number)
      }
      // Frame 2 stands at two thirds of a second, which no decimal number is.
      #expect(try numbers(FrameSelection(start: 2.0 / 3, duration: 1)) == [2, 3, 4])
      #expect(try numbers(FrameSelection(start: 1, duration: 1.0 / 3)) == [3])
      #expect(try numbers(FrameSelection(start: 10)) == [])
      #expect(try numbers(FrameSelection(duration: 1, frameRate: FrameRate(6))) == [0, 0, 1, 1, 2, 2])
      let small = try all(video.frames(FrameSelection(duration: 0.3, size: .init(width: 15, height: 9))))
      #expect(small.map { [$0.width, $0.height, number($0)] } == [[15, 9, 0]])
      #expect(throws: VideoError.self) { try video.frames(FrameSelection(start: -1)) }
      #expect(throws: VideoError.self) { try video.frames(FrameSelection(size: .init(width: 0, height: 5))) }
    }
  }

  @Test(.enabled(if: hasFFmpeg)) func oddSizesGetOneMoreColumnAndRow() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.mp4")
      let writer = try VideoWriter(
        to: file, width: 31, height: 23, frameRate: try #require(FrameRate(10)), quality: 4)
      try writer.append(frame(3, 31, 23))
      try writer.finish()
      let image = try #require(try Video(contentsOf: file).frames().next())
      #expect(image.width == 32 && image.height == 24)
      for (x, y) in [(31, 0), (31, 23), (0, 23)] {
        #expect(abs(image[x: x, y: y, channel: 0] - 80) <= 6)
        #expect(abs(image[x: x, y: y, channel: 2] - 160) <= 6)
      }
    }
  }

  @Test(.enabled(if: hasFFmpeg)) func gifsAreWrittenFrameByFrame() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.gif")
      try write(4, to: file)
      let video = try Video(contentsOf: file)
      #expect(video.width == 32 && video.height == 24 && video.frameRate == FrameRate(10))
      let frames = try all(video.frames())
      // Few colours need no compromise.
      #expect(frames == (0..<4).map { frame($0) })
    }
  }

  @Test(.enabled(if: hasFFmpeg)) func turnedVideosStandUpright() throws {
    try withTemporaryFolder { folder in
      let plain = folder.appendingPathComponent("plain.mp4")
      let turned = folder.appendingPathComponent("turned.mp4")
      try write(2, to: plain)
      // A display matrix of a quarter turn, in the header of the track.
      var bytes = [UInt8](try Data(contentsOf: plain))
      let identity: [UInt8] = [0, 1, 0, 0] + [UInt8](repeating: 0, count: 12) + [0, 1, 0, 0]
      let header = try #require(bytes.firstRange(of: Array("tkhd".utf8)))
      let matrix = try #require(bytes[header.upperBound...].firstRange(of: identity))
      let quarter: [UInt8] =
        [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0]
      bytes.replaceSubrange(matrix, with: quarter)
      try Data(bytes).write(to: turned)
      let video = try Video(contentsOf: turned)
      #expect(video.information.quarterTurns == 1 && video.width == 24 && video.height == 32)
      let upright = try #require(try video.frames().next())
      let stored = try #require(try Video(contentsOf: plain).frames().next())
      let expected = try stored.turned(quarters: 1)
      #expect(upright.width == 24 && upright.height == 32)
      // The green bar of frame 0 is on the left as stored, and above once upright.
      #expect(upright[x: 12, y: 1, channel: 1] > 150 && upright[x: 12, y: 20, channel: 1] < 80)
      #expect(zip(upright.bytes, expected.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 16 })
    }
  }

  @Test(.enabled(if: hasFFmpeg)) func framesAtVaryingDistancesAreAllRead() throws {
    try withTemporaryFolder { folder in
      let (plain, varying) = (folder.appendingPathComponent("a.mp4"), folder.appendingPathComponent("b.mkv"))
      try write(6, to: plain)
      // Each frame lasts longer than the one before.
      try ffmpeg(
        [
          "-i", plain.path, "-vf", "setpts=N*N/10/TB", "-vsync", "2", "-enc_time_base", "1/1000",
          varying.path,
        ])
      let video = try Video(contentsOf: varying)
      #expect(!video.information.isConstantRate)
      #expect(try all(video.frames()).map(number) == [0, 1, 2, 3, 4, 5])
      // Squares: 0, 1, 4 and 9 tenths of a second.
      let even = try all(video.frames(FrameSelection(duration: 1, frameRate: FrameRate(10)))).map(number)
      #expect(even.starts(with: [0, 1, 1, 1, 2, 2, 2, 2, 2, 3]))
    }
  }

  @Test(.enabled(if: hasFFmpeg)) func soundIsCopiedFromAnotherFile() throws {
    try withTemporaryFolder { folder in
      let (tone, file) = (folder.appendingPathComponent("tone.wav"), folder.appendingPathComponent("a.mp4"))
      try SoundFiles.sine(440, rate: 16_000, frames: 32_000).write(to: tone)
      let writer = try VideoWriter(
        to: file, width: 32, height: 24, frameRate: try #require(FrameRate(10)),
        sound: .init(tone, start: 0.5))
      for index in 0..<8 { try writer.append(frame(index)) }
      try writer.finish()
      let video = try Video(contentsOf: file)
      #expect(video.information.hasAudio && video.information.frames == 8)
      // The sound ends with the frames, to a block of the codec.
      let sound = try AudioCodec().decode(file)
      #expect(sound.sampleRate == 16_000 && abs(sound.duration - 0.8) < 0.14)
      #expect(abs(sound.rms - 0.5 / Float(2).squareRoot()) < 0.05)
      let information = try AudioCodec().information(of: file)
      #expect(information.format == .other && information.encodingName == "aac" && information.frames == nil)
      let reader = try AudioReader(file)
      try reader.seek(to: 5000)
      #expect(try reader.read(frames: 1000) == sound.cropped(5000..<6000))
      try reader.seek(to: 100)
      #expect(try reader.read(frames: 10) == sound.cropped(100..<110))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
    }
  }

  @Test(.enabled(if: hasFFmpeg), arguments: ["mp3", "caf", "au", "opus", "wv", "wav", "flac"])
  func soundsOfOtherProgramsAreRead(ending: String) throws {
    try withTemporaryFolder { folder in
      let (tone, file) = (
        folder.appendingPathComponent("t.wav"), folder.appendingPathComponent("b.\(ending)")
      )
      try SoundFiles.sine(440, rate: 48_000, frames: 9600).write(to: tone)
      // The last two go to a pipe, so that their headers do not say how long they are.
      let isPiped = ["wav", "flac"].contains(ending)
      try ffmpeg(
        ["-i", tone.path] + (isPiped ? ["-f", ending, "pipe:1"] : [file.path]), output: isPiped ? file : nil)
      let sound = try Audio(contentsOf: file)
      #expect(sound.sampleRate == 48_000 && sound.channels == 1)
      // Some codecs add a block of silence.
      #expect(abs(sound.frames - 9600) < 3000)
      let middle = try sound.cropped(4000..<8000)
      // LAME takes almost half a decibel off so short a tone.
      #expect(abs(middle.rms - 0.5 / Float(2).squareRoot()) < (ending == "mp3" ? 0.02 : 0.005))
    }
  }

  // MARK: Failures

  @Test(.enabled(if: hasFFmpeg)) func damagedVideosFailAfterTheirGoodFrames() throws {
    try withTemporaryFolder { folder in
      let (whole, cut) = (folder.appendingPathComponent("a.mp4"), folder.appendingPathComponent("cut.mp4"))
      try write(9, to: whole)
      let bytes = try Data(contentsOf: whole)
      try bytes.prefix(bytes.count * 9 / 10).write(to: cut)
      let reader = try Video(contentsOf: cut).frames()
      var failure: VideoError?
      do throws(VideoError) { while try reader.next() != nil {} } catch { failure = error }
      guard case .damaged(let file, let reason)? = failure else {
        Issue.record("\(String(describing: failure))")
        return
      }
      #expect(file == cut.path && !reason.isEmpty && !reason.contains("\n"))
      #expect(throws: VideoError.self) { try reader.next() }
      for text in ["", "no video at all", "#EXTM3U\n#EXTINF:1\nfile:///etc/passwd\n"] {
        try Data(text.utf8).write(to: cut)
        #expect(throws: VideoError.self) { try Video(contentsOf: cut) }
      }
      #expect(throws: VideoError.unreadable(file: folder.path, reason: "it is not a readable file")) {
        try Video(contentsOf: folder)
      }
      #expect(throws: VideoError.self) { try Video(contentsOf: folder.appendingPathComponent("missing.mp4")) }
    }
  }

  @Test(.enabled(if: hasFFmpeg)) func soundFilesAreNoVideos() throws {
    try withTemporaryFolder { folder in
      let tone = folder.appendingPathComponent("tone.wav")
      try SoundFiles.sine(440, rate: 8000, frames: 800).write(to: tone)
      #expect(throws: VideoError.notAVideo(file: tone.path, reason: "it has no video stream")) {
        try Video(contentsOf: tone)
      }
    }
  }

  @Test(.enabled(if: hasFFmpeg)) func writersThatAreDroppedLeaveNothing() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.mp4")
      try Data("precious".utf8).write(to: file)
      do {
        let writer = try VideoWriter(
          to: file, width: 32, height: 24, frameRate: try #require(FrameRate(10)))
        try writer.append(frame(0))
        #expect(throws: VideoError.self) { try writer.append(Image(width: 5, height: 5, filledWith: [0])) }
      }
      let idle = try VideoWriter(to: file, width: 32, height: 24, frameRate: try #require(FrameRate(10)))
      #expect(throws: VideoError.unwritable(file: file.path, reason: "no frames were appended")) {
        try idle.finish()
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.mp4"])
      #expect(try Data(contentsOf: file) == Data("precious".utf8))
    }
  }

  @Test(.enabled(if: hasFFmpeg)) func readersSideBySideDoNotWaitForEachOther() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.mp4")
      let writer = try VideoWriter(
        to: file, width: 256, height: 256, frameRate: try #require(FrameRate(10)), quality: 40)
      let grey = Image(width: 256, height: 256, filledWith: [90, 90, 90])
      // More than a pipe holds, so that ffmpeg waits for its reader.
      for _ in 0..<5 { try writer.append(grey) }
      try writer.finish()
      let video = try Video(contentsOf: file)
      // Readers side by side do not hold each other's pipes open.
      let (first, second) = (try video.frames(), try video.frames())
      #expect(try all(first).count == 5)
      #expect(try all(second).count == 5)
    }
  }

  /// A folder with two programs called ffmpeg and ffprobe.
  func programs(_ ffmpeg: String, _ ffprobe: String, in folder: URL) throws -> FFmpeg {
    for (name, script) in [("ffmpeg", ffmpeg), ("ffprobe", ffprobe)] {
      let file = folder.appendingPathComponent(name)
      try Data(("#!/bin/sh\n" + script).utf8).write(to: file)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    }
    return FFmpeg(environment: ["ATELIER_FFMPEG": folder.path])
  }

  @Test func theCauseIsSaidAndNotWhatFollowsFromIt() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.mp4")
      for (lines, reason) in [
        (
          ["[mov @ 0x1] stream 0: partial file", "Error marking filters as finished"],
          "stream 0: partial file"
        ),
        (
          ["Error while filtering", "Error marking filters as finished"], "Error marking filters as finished"
        ),
        (
          ["[out @ 0x1] write: No space left on device", "Error initializing output stream 0:0 -- "],
          "the disk is full; free some space, or write to another one"
        ),
      ] {
        let script = lines.map { "echo '\($0)' >&2\n" }.joined() + "exit 1\n"
        let fake = try programs("[ \"$1\" = -version ] && exit 0\n" + script, script, in: folder)
        let writer = try VideoWriter(
          to: file, width: 256, height: 256, frameRate: try #require(FrameRate(10)), ffmpeg: fake)
        let grey = Image(width: 256, height: 256, filledWith: [90, 90, 90])
        #expect(throws: VideoError.unwritable(file: file.path, reason: reason)) {
          for _ in 0..<50 { try writer.append(grey) }
          try writer.finish()
        }
      }
    }
  }

  @Test func aReaderThatIsDroppedEndsItsProgramAndReapsIt() throws {
    try withTemporaryFolder { folder in
      // Gives one frame of 2 x 2 pixels and half of the next, and would then wait for ever.
      let fake = try programs(
        "echo $$ > '\(folder.path)/process'; head -c 18 /dev/zero; exec sleep 1000",
        #"echo '{"streams": [{"index": 0, "codec_type": "video", "width": 2, "height": 2}]}'"#, in: folder)
      let file = folder.appendingPathComponent("a.mp4")
      try Data([1]).write(to: file)
      do {
        let reader = try Video(contentsOf: file, ffmpeg: fake).frames()
        #expect(try reader.next() == Image(width: 2, height: 2, filledWith: [0, 0, 0]))
      }
      let text = try String(contentsOf: folder.appendingPathComponent("process"), encoding: .utf8)
      let process = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
      // A process that nobody has reaped would still be found.
      #expect(kill(process, 0) == -1 && errno == ESRCH)
    }
  }

  @Test func aProgramThatFailsMidwayGivesItsLastLine() throws {
    try withTemporaryFolder { folder in
      // Takes a little input, says much more than a pipe holds, and goes.
      let script = """
        head -c 100 >/dev/null
        i=0
        while [ $i -lt 3000 ]; do echo "line $i of many that fill the pipe and that nobody reads" >&2; i=$((i+1)); done
        echo "[libx264 @ 0x55] the disk is full." >&2
        exit 1
        """
      let fake = try programs(script, script, in: folder)
      #expect(fake.isAvailable)
      let file = folder.appendingPathComponent("a.mp4")
      let writer = try VideoWriter(
        to: file, width: 256, height: 256, frameRate: try #require(FrameRate(10)), ffmpeg: fake)
      let grey = Image(width: 256, height: 256, filledWith: [90, 90, 90])
      let expected = VideoError.unwritable(file: file.path, reason: "the disk is full")
      // Writing to a program that is gone is an error and no signal.
      #expect(throws: expected) { for _ in 0..<50 { try writer.append(grey) } }
      #expect(throws: expected) { try writer.finish() }
      #expect(!FileManager.default.fileExists(atPath: file.path))
      try Data([1]).write(to: file)
      #expect(throws: VideoError.notAVideo(file: file.path, reason: "the disk is full")) {
        try Video(contentsOf: file, ffmpeg: fake)
      }
    }
  }

  @Test func withoutFFmpegVideosSaySo() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.mp4")
      try Data([0]).write(to: file)
      let none = FFmpeg(environment: ["PATH": "relative::\(folder.path)"])
      #expect(!none.isAvailable)
      let sentence =
        "\(file.path) needs the ffmpeg program, through which videos are read and written: ffmpeg is not on the "
        + "PATH; install it (apt-get install ffmpeg, brew install ffmpeg), or name it in ATELIER_FFMPEG."
      func text(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return ""
      }
      #expect(text { _ = try Video(contentsOf: file, ffmpeg: none) } == sentence)
      let rate = try #require(FrameRate(10))
      #expect(
        text { _ = try VideoWriter(to: file, width: 2, height: 2, frameRate: rate, ffmpeg: none) } == sentence
      )
      let wrong = FFmpeg(environment: ["ATELIER_FFMPEG": "/nowhere/ffmpeg", "PATH": "/usr/bin"])
      #expect(
        text { _ = try Video(contentsOf: file, ffmpeg: wrong) }.contains(
          "ATELIER_FFMPEG is '/nowhere/ffmpeg'"))
    }
  }

  @Test func frameRatesAreFractions() {
    #expect(FrameRate("30000/1001") == FrameRate(60_000, 2002))
    #expect(FrameRate("29.97") == FrameRate(2997, 100))
    #expect(FrameRate("25")?.description == "25" && FrameRate("24000/1001")?.description == "24000/1001")
    for text in ["", "0", "0/0", "-5", "1/0", "1e9", "nan", "a/b", "1/2/3", "2000"] {
      #expect(FrameRate(text) == nil)
    }
  }

  // MARK: Folders

  func folder(_ names: [String], in parent: URL) throws -> URL {
    let folder = parent.appendingPathComponent("frames")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (index, name) in names.enumerated() {
      try frame(index).write(to: folder.appendingPathComponent(name))
    }
    return folder
  }

  @Test func foldersAreReadInNaturalOrder() throws {
    try withTemporaryFolder { parent in
      let folder = try folder(["f8.png", "f9.png", "f10.png", "f11.png"], in: parent)
      try Data("x".utf8).write(to: folder.appendingPathComponent("notes.txt"))
      try Data("x".utf8).write(to: folder.appendingPathComponent(".hidden.png"))
      let frames = try FrameFolder(folder, frameRate: FrameRate(2))
      #expect(frames.names == ["f8.png", "f9.png", "f10.png", "f11.png"])
      #expect(frames.frameCount == 4 && frames.width == 32 && frames.height == 24 && frames.gaps.isEmpty)
      #expect(try all(frames.frames()) == (0..<4).map { frame($0) })
      func numbers(_ selection: FrameSelection) throws -> [Int] {
        try all(frames.frames(selection)).map(number)
      }
      #expect(try numbers(FrameSelection(start: 0.5, duration: 1)) == [1, 2])
      #expect(try numbers(FrameSelection(start: 9)) == [])
      #expect(try numbers(FrameSelection(frameRate: FrameRate(4))) == [0, 0, 1, 1, 2, 2, 3, 3])
      #expect(try numbers(FrameSelection(frameRate: FrameRate(1))) == [0, 2])
      let small = try all(frames.frames(FrameSelection(size: .init(width: 8, height: 6))))
      #expect(small.allSatisfy { $0.width == 8 && $0.height == 6 } && small.count == 4)
    }
  }

  @Test func gapsAndSizesAreReported() throws {
    try withTemporaryFolder { parent in
      let folder = try folder(["001.png", "002.png", "005.png", "007.png"], in: parent)
      #expect(
        throws: VideoError.unfit(
          folder: folder.path,
          reason:
            "number 3 is missing and 2 others are; add the missing frames, or number the others anew"
        )
      ) { try FrameFolder(folder) }
      let closed = try FrameFolder(folder, gaps: .close)
      #expect(closed.gaps == [3...4, 6...6] && closed.misfits().isEmpty)
      #expect(try all(closed.frames()).map(number) == [0, 1, 2, 3])

      try frame(2, 16, 24).write(to: folder.appendingPathComponent("005.png"))
      try Data("no picture".utf8).write(to: folder.appendingPathComponent("007.png"))
      let misfits = try FrameFolder(folder, gaps: .close).misfits()
      #expect(misfits.map(\.name) == ["005.png", "007.png"])
      #expect(misfits.first?.reason == "16 x 24 pixels instead of 32 x 24")
      let reader = try closed.frames()
      #expect(try reader.next() != nil && reader.next() != nil)
      #expect(
        throws: VideoError.unfit(
          folder: folder.path, reason: "005.png has 16 x 24 pixels instead of 32 x 24")
      ) { try reader.next() }

      try frame(0).write(to: folder.appendingPathComponent("1.png"))
      #expect(
        throws: VideoError.unfit(folder: folder.path, reason: "two of its images have the number 1")
      ) { try FrameFolder(folder) }
      #expect(throws: VideoError.self) { try FrameFolder(parent) }
      #expect(throws: VideoError.self) { try FrameFolder(parent.appendingPathComponent("none")) }
    }
  }

  @Test func foldersAppearAsAWhole() throws {
    try withTemporaryFolder { parent in
      let target = parent.appendingPathComponent("out")
      do {
        let dropped = try FrameFolderWriter(target)
        try dropped.append(frame(0))
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path).isEmpty)
      let writer = try FrameFolderWriter(target)
      for index in 0..<3 { try writer.append(frame(index)) }
      #expect(throws: VideoError.self) { try writer.append(frame(3, 8, 8)) }
      #expect(!FileManager.default.fileExists(atPath: target.path))
      try writer.finish()
      #expect(throws: VideoError.self) { try writer.finish() }
      #expect(throws: VideoError.self) { try FrameFolderWriter(target) }
      let folder = try FrameFolder(target)
      #expect(folder.names == ["000001.png", "000002.png", "000003.png"])
      #expect(try all(folder.frames()) == (0..<3).map { frame($0) })
      #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path) == ["out"])
    }
  }
}
