import AtelierMedia
import Foundation
import Testing

/// What tells of a video that a model made it.
@Suite struct VideoMarkTests {
  private func frame(_ number: Int, width: Int = 160, height: Int = 120) -> Image {
    let bytes = (0..<(width * height)).flatMap { place -> [UInt8] in
      let (x, y) = (Double(place % width), Double(place / width))
      let shade = 120 + 50 * sin((x + Double(3 * number)) / 17) * cos(y / 23)
      return [UInt8(shade), UInt8(shade / 2 + 60), UInt8(200 - shade / 2)]
    }
    return Image(width: width, height: height, channels: 3, bytes: bytes)
  }

  @Test func theLabelStandsInTheLowerLeftAndChangesNothingElse() throws {
    let image = frame(0)
    let label = try #require(try VisibleLabel(width: 160, height: 120))
    let shown = try label(image)
    #expect(shown.width == 160 && shown.height == 120 && shown.channels == 3)
    var changed = (left: 160, top: 120, right: 0, bottom: 0)
    for y in 0..<120 {
      for x in 0..<160
      where (0..<3).contains(where: { shown[x: x, y: y, channel: $0] != image[x: x, y: y, channel: $0] }) {
        changed = (min(changed.left, x), min(changed.top, y), max(changed.right, x), max(changed.bottom, y))
      }
    }
    #expect(changed.left == 0 && changed.bottom == 119)
    #expect(changed.top >= 90 && changed.right < 150 && changed.right > 30)
    // Letters are light, and the field around them is dark.
    let corner = (changed.top...119).flatMap { y in
      (0...changed.right).map { Int(shown[x: $0, y: y, channel: 0]) }
    }
    #expect(corner.max() ?? 0 > 200 && corner.min() ?? 255 < 60)
  }

  @Test func imagesWithoutRoomHaveNoLabel() throws {
    #expect(try VisibleLabel(width: 160, height: 40) == nil)
    #expect(try VisibleLabel(width: 30, height: 120) == nil)
    let label = try #require(try VisibleLabel(width: 160, height: 120))
    #expect(throws: ImageError.self) { try label(frame(0, width: 80)) }
  }

  @Test(.enabled(if: FFmpeg.standard.isAvailable)) func theMarkAndTheCommentOutliveH264() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).mp4")
    defer { try? FileManager.default.removeItem(at: file) }
    let writer = try VideoWriter(
      to: file, width: 160, height: 120, frameRate: try #require(FrameRate(10)), comment: "AI-generated: test"
    )
    for number in 0..<6 { try writer.append(InvisibleMark.marked(frame(number)).image) }
    try writer.finish()
    let video = try Video(contentsOf: file)
    #expect(video.information.tags["comment"] == "AI-generated: test")
    let reader = try video.frames()
    var found = 0
    while let frame = try reader.next() { found += InvisibleMark.find(in: frame).isFound ? 1 : 0 }
    #expect(found == 6)
  }
}
