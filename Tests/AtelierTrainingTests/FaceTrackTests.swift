import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMedia
import Foundation
import Testing

/// Frames in memory, and how many were read.
private final class ReadFrames: @unchecked Sendable {
  // Every test reads on one thread.
  var count = 0
}

private struct DrawnVideo: FrameSequence {
  let images: [Image]
  let read = ReadFrames()
  var width: Int { images.first?.width ?? 40 }
  var height: Int { images.first?.height ?? 30 }
  var frameRate: FrameRate? { FrameRate(25) }
  var frameCount: Int? { images.count }

  final class Reader: FrameReader {
    private var left: ArraySlice<Image>
    private let read: ReadFrames
    init(_ images: [Image], _ read: ReadFrames) { (left, self.read) = (images[...], read) }
    func next() throws(VideoError) -> Image? {
      guard let image = left.popFirst() else { return nil }
      read.count += 1
      return image
    }
  }

  func frames(_ selection: FrameSelection) throws(VideoError) -> any FrameReader { Reader(images, read) }
}

/// The place of a face in the frames of a video, with a detector that finds white blocks.
@Suite struct FaceTrackTests {
  /// A frame of 40 × 30 pixels with white blocks of 8 × 8.
  private func frame(_ blocks: [(x: Int, y: Int)]) -> Image {
    var bytes = [UInt8](repeating: 10, count: 40 * 30 * 3)
    for block in blocks {
      for y in block.y..<(block.y + 8) {
        for x in block.x..<(block.x + 8) {
          for channel in 0..<3 { bytes[(y * 40 + x) * 3 + channel] = 255 }
        }
      }
    }
    return Image(width: 40, height: 30, channels: 3, bytes: bytes)
  }

  /// The first pixel of a block is its corner.
  private func blocks(in image: Image) -> [Face] {
    var faces: [Face] = []
    for y in 0..<image.height {
      for x in 0..<image.width where image[x: x, y: y, channel: 0] > 127 {
        let (left, top) = (Double(x), Double(y))
        guard
          !faces.contains(where: {
            ($0.box.left..<$0.box.right).contains(left) && ($0.box.top..<$0.box.bottom).contains(top)
          })
        else { continue }
        let point = FacePoint(x: left + 4, y: top + 4)
        faces.append(
          Face(
            box: FaceBox(left: left, top: top, right: left + 8, bottom: top + 8),
            landmarks: FaceLandmarks(
              leftEye: point, rightEye: point, nose: point, leftMouth: point, rightMouth: point), score: 1))
      }
    }
    return faces
  }

  private func drawing(_ smoothing: Int, pads: [Int] = [0, 0, 0, 0]) -> DubbingDrawing {
    var drawing = DubbingDrawing()
    (drawing.smoothing, drawing.pads) = (smoothing, pads)
    return drawing
  }

  private func track(
    _ video: DrawnVideo, frames: Int, _ drawing: DubbingDrawing, looked: @escaping () -> Void = {}
  ) throws -> FaceTrack {
    try FaceTrack(video, name: "talk.mp4", frames: frames, drawing) { image, _ in
      looked()
      return blocks(in: image)
    }
  }

  @Test func theRegionMovesWithTheFace() throws {
    let places = [(2, 3), (5, 4), (9, 4), (14, 6)]
    let video = DrawnVideo(images: places.map { frame([(x: $0.0, y: $0.1)]) })
    let track = try track(video, frames: 4, drawing(1))
    for (number, place) in places.enumerated() {
      let (image, region) = try track.next()
      #expect(image == video.images[number])
      #expect(
        region
          == PixelBox(left: place.0, top: place.1, right: place.0 + 8, bottom: place.1 + 8))
    }
  }

  @Test func roomAroundAFaceEndsAtTheFrame() throws {
    let video = DrawnVideo(images: [frame([(x: 2, y: 18)])])
    let region = try track(video, frames: 1, drawing(1, pads: [3, 10, 5, 1])).next().region
    #expect(region == PixelBox(left: 0, top: 15, right: 11, bottom: 30))
  }

  /// Expected: the authors' `get_smoothened_boxes` in numpy with whole numbers.
  @Test func placesAreAveragedAsTheAuthorsDo() throws {
    let video = DrawnVideo(images: [0, 3, 7, 8, 15, 16, 22].map { frame([(x: $0, y: 11)]) })
    let track = try track(video, frames: 7, drawing(5))
    let lefts = try (0..<7).map { _ in try track.next().region.left }
    #expect(lefts == [6, 9, 13, 14, 16, 16, 16])
    // Of fewer frames than are averaged all count.
    let short = try self.track(DrawnVideo(images: Array(video.images.prefix(2))), frames: 9, drawing(5))
    #expect(try (0..<3).map { _ in try short.next().region.left } == [1, 2, 1])
  }

  @Test func onlyAsManyFramesAreHeldAsAreAveraged() throws {
    let video = DrawnVideo(images: (0..<20).map { frame([(x: $0, y: 0)]) })
    let track = try track(video, frames: 12, drawing(5))
    _ = try track.next()
    #expect(video.read.count == 5)
    for _ in 0..<6 { _ = try track.next() }
    #expect(video.read.count == 11)
    for _ in 0..<5 { _ = try track.next() }
    // No more than are needed.
    #expect(video.read.count == 12)
  }

  @Test func aVideoThatIsOverBeginsAnewWithTheSamePlaces() throws {
    var looks = 0
    let video = DrawnVideo(images: [0, 6, 12].map { frame([(x: $0, y: 5)]) })
    let track = try track(video, frames: 8, drawing(1)) { looks += 1 }
    let found = try (0..<8).map { _ in try track.next() }
    #expect(found.map(\.region.left) == [0, 6, 12, 0, 6, 12, 0, 6])
    #expect(found.map(\.frame) == [0, 1, 2, 0, 1, 2, 0, 1].map { video.images[$0] })
    #expect(looks == 3)
  }

  @Test func whereNoFaceIsFoundItIsWhereItWas() throws {
    let video = DrawnVideo(images: [frame([(x: 4, y: 4)]), frame([]), frame([(x: 9, y: 9)])])
    let track = try track(video, frames: 3, drawing(1))
    #expect(try (0..<3).map { _ in try track.next().region.left } == [4, 4, 9])
  }

  @Test func aVideoThatBeginsWithoutAFaceIsRefused() throws {
    let video = DrawnVideo(images: [frame([]), frame([(x: 4, y: 4)])])
    let track = try track(video, frames: 2, drawing(5))
    #expect { try track.next() } throws: {
      "\($0)".contains("talk.mp4") && "\($0)".contains("frame 1,") && "\($0)".contains("give box")
    }
    let empty = try self.track(DrawnVideo(images: []), frames: 2, drawing(5))
    #expect { try empty.next() } throws: { "\($0)".contains("it has no frames") }
  }

  @Test func ofTwoFacesTheSameOneIsFollowed() throws {
    // The detector gives the upper one first, which comes nearer the top.
    let video = DrawnVideo(images: [frame([(x: 4, y: 9)]), frame([(x: 5, y: 10), (x: 30, y: 2)])])
    let track = try track(video, frames: 2, drawing(1))
    #expect(try (0..<2).map { _ in try track.next().region.left } == [4, 5])
  }

  @Test func oneRegionHoldsForAllFrames() throws {
    let video = DrawnVideo(images: [frame([(x: 4, y: 9)]), frame([])])
    let region = PixelBox(left: 2, top: 1, right: 39, bottom: 30)
    let track = try FaceTrack(video, name: "talk.mp4", frames: 5, at: region)
    for _ in 0..<5 { #expect(try track.next().region == region) }
  }

  @Test func settingsThatSayNothingAreRefused() {
    for change: (inout DubbingDrawing) -> Void in [
      { $0.pads = [1] }, { $0.pads = [0, -1, 0, 0] }, { $0.smoothing = 0 }, { $0.minimumFace = 3 },
      { $0.box = [4, 3, 0, 9] }, { ($0.box, $0.smoothing) = ([0, 3, 0, 9], 1) },
    ] {
      var drawing = DubbingDrawing()
      change(&drawing)
      #expect(throws: ConfigurationError.self) { try drawing.validate() }
    }
    #expect(throws: Never.self) { try DubbingDrawing().validate() }
  }
}
