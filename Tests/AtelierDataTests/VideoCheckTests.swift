import AtelierData
import AtelierMedia
import Foundation
import Testing

/// `checkVideos`: what lies beside the frames of videos.
@Suite struct VideoCheckTests {
  private func image(_ number: Int, width: Int = 16, height: Int = 8, channels: Int = 3) throws -> [UInt8] {
    let bytes = (0..<(width * height * channels)).map { UInt8(($0 * 3 + number * 20) % 200 + 30) }
    return try ImageCodec().encode(
      Image(width: width, height: height, channels: channels, bytes: bytes), as: .png)
  }

  /// Two videos of ten frames with labels, poses and actions.
  private func write(_ folder: URL) throws {
    for video in ["a", "b"] {
      for number in 0..<10 {
        let name = "\(video)/\(number).png"
        try folder.write("frames/\(name)", image(number + (video == "b" ? 40 : 0)))
        try folder.write("labels/\(name)", image(number, channels: 1))
        try folder.write("instances/\(name)", image(number, channels: 1))
        try folder.write("poses/\(name)", image(number))
      }
      try folder.write(
        "actions/\(video).csv",
        Array((["action"] + (0..<10).map { $0 % 2 == 0 ? "left" : "right" }).joined(separator: "\n").utf8))
    }
    try folder.write("actions/classes.txt", Array("left\nright\n".utf8))
  }

  private func sentences(_ folder: URL, _ kind: MediaReport.Kind) throws -> [String] {
    try #require(try checkVideos(at: folder)).findings.filter { $0.kind == kind }.map(\.message)
  }

  @Test func theSuggestedCommandSuitsWhatLiesBesideTheFrames() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      func command(_ kinds: DataKind...) throws -> String? {
        try #require(
          try checkVideos(at: folder, suggesting: { kinds.contains($0) ? "toy" : nil })
        ).suggestedCommand
      }
      let expected =
        "atelier train toy --data \(folder.relativePath) --preset small --epochs 20 --hold-out 0.1"
      #expect(try command(.labelledVideos) == expected && command(.playedVideos) == expected)
      #expect(try command(.videos) == nil && command() == nil)
    }
  }

  @Test func wholeVideosHaveNothingMissing() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      let report = try #require(try checkVideos(at: folder))
      #expect(report.isUsable && report.count == 2 && report.medium == .videos, "\(report)")
      #expect(report.shapes.map(\.name) == ["16 x 8"])
      for kind in [MediaReport.Kind.missing, .otherSize, .emptyPoses, .corrupt] {
        #expect(try sentences(folder, kind).isEmpty)
      }
    }
  }

  @Test func whatIsMissingIsNamed() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      let files = FileManager.default
      for number in 5..<10 {
        try files.removeItem(at: folder.appendingPathComponent("labels/a/\(number).png"))
      }
      try files.removeItem(at: folder.appendingPathComponent("instances/b/3.png"))
      try files.removeItem(at: folder.appendingPathComponent("poses/b"))
      try folder.write("actions/a.csv", Array("action\nleft\njump\n".utf8))
      try files.removeItem(at: folder.appendingPathComponent("actions/b.csv"))
      let report = try #require(try checkVideos(at: folder))
      #expect(!report.isUsable)
      let missing = try sentences(folder, .missing).joined(separator: "\n")
      for words in [
        "5 of 10 frames of a have no labels, the first being a/5",
        "1 of 10 frames of b have no instances, the first being b/3", "no poses for the video b",
        "a has 10 frames, and its table actions for 2", "the action 'jump'", "no table b.csv",
      ] { #expect(missing.contains(words), "\(missing)") }
    }
  }

  @Test func otherSizesAndFramesWithoutAPoseAreNamed() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      for number in 0..<10 {
        try folder.write("labels/b/\(number).png", image(number, width: 32, channels: 1))
      }
      // Another size of the same shape shows the same.
      for number in 0..<10 {
        try folder.write("poses/b/\(number).png", image(number, width: 32, height: 16))
      }
      let black = Image(width: 16, height: 8, channels: 3, bytes: [UInt8](repeating: 0, count: 384))
      for number in 2..<5 { try folder.write("poses/a/\(number).png", ImageCodec().encode(black, as: .png)) }
      try folder.write("frames/a/3.png", image(3, width: 24))
      let report = try #require(try checkVideos(at: folder))
      let sizes = try sentences(folder, .otherSize).joined(separator: "\n")
      #expect(
        sizes.contains("The labels of b are 32 x 8, and its frames 16 x 8")
          && sizes.contains("The frame 3.png is 24 x 8") && !sizes.contains("The poses of b"), "\(report)")
      #expect(try sentences(folder, .emptyPoses).first?.contains("in a 3 of 10") == true, "\(report)")
      // They do not stop a training.
      #expect(report.isUsable)
      try folder.write("frames/b/4.png", [1, 2, 3])
      let broken = try #require(try checkVideos(at: folder))
      #expect(!broken.isUsable && broken.corrupt.count == 1)
    }
  }

  @Test func imagesBesideMapsAreNoVideos() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        try folder.write("images/\(number).png", image(number))
        try folder.write("labels/\(number).png", image(number, channels: 1))
      }
      #expect(try checkVideos(at: folder) == nil)
      try withTemporaryFolder { other in
        try other.write("frames/a/0.png", image(0))
        #expect(try checkVideos(at: other) == nil)
      }
    }
  }
}
