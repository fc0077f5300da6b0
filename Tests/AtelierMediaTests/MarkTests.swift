import AtelierMedia
import Foundation
import Testing

/// The invisible mark of drawn images.
@Suite struct MarkTests {
  private let codec = ImageCodec()

  /// An image with edges, shades and some grain.
  private func picture(
    width: Int = 160, height: Int = 128, channels: Int = 3, number: Int = 1, grain: Double = 6
  ) -> Image {
    var state = UInt64(number)
    let values = (0..<(width * height * channels)).map { index -> Float in
      let (x, y) = (Double(index / channels % width), Double(index / channels / width))
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let noise = (Double(state >> 40) / Double(1 << 24) - 0.5) * grain
      let shade = 120 + 60 * sin(x / 17 + Double(number)) * cos(y / 23) + (x + y > 150 ? 30 : 0)
      return Float((shade + noise) / 255)
    }
    return Image(width: width, height: height, channels: channels, floats: values).with8Bits()
  }

  private func found(_ image: Image) -> Bool { InvisibleMark.find(in: image).isFound }

  private func ratio(_ one: Image, _ other: Image) -> Double {
    let (one, other) = (one.floats, other.floats)
    let error = zip(one, other).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) } / Double(one.count)
    return -10 * log10(error)
  }

  @Test func outlivesWhatItIsMadeFor() throws {
    let image = picture()
    let (marked, outcome) = InvisibleMark.marked(image)
    #expect(outcome == .marked)
    #expect(ratio(image, marked) > 34)
    #expect(found(marked) && !found(image))
    #expect(found(try codec.decode(try codec.encode(marked, as: .jpeg, quality: 75))))
    let half = try marked.resized(width: 80, height: 64)
    let finding = InvisibleMark.find(in: half)
    #expect(finding.isFound && finding.scale == 2)
    #expect(found(try half.resized(width: 160, height: 128)))
    #expect(found(try marked.cropped(x: 11, y: 7, width: 144, height: 116)))
    #expect(found(try marked.resized(width: 320, height: 256)))
  }

  @Test(arguments: [1, 2, 3, 4], [8, 16, 32])
  func channelsDepthAndAlphaStayWhatTheyAre(_ channels: Int, _ depth: Int) throws {
    let image = picture(channels: channels).withDepth(depth)
    let (marked, _) = InvisibleMark.marked(image)
    #expect(marked.channels == channels && marked.depth == depth && marked.width == image.width)
    #expect(marked.alpha == image.alpha)
    #expect(found(marked))
  }

  @Test func theSameImageGivesTheSameBytes() {
    #expect(InvisibleMark.marked(picture()).image == InvisibleMark.marked(picture()).image)
  }

  @Test func whatCannotCarryItStaysAndSaysWhy() {
    let small = picture(width: 95, height: 300)
    let (image, outcome) = InvisibleMark.marked(small)
    #expect(image == small)
    #expect(outcome == .unmarked("a side is shorter than 96 pixels"))
    let bands = picture(channels: 4).asBands()
    #expect(InvisibleMark.marked(bands).image == bands)
    #expect(InvisibleMark.find(in: Image(width: 1, height: 1, filledWith: [7])).score == 0)
  }

  @Test func imagesWithoutItAreNotTakenForMarked() {
    for number in 2..<22 { #expect(!found(picture(width: 128, number: number, grain: Double(number * 4)))) }
    #expect(!found(Image(width: 128, height: 128, filledWith: [255, 255, 255])))
  }

  @Test func originIsReadBack() throws {
    let origin = ImageOrigin(software: "Atelier 1 & 2", system: "pix2pix", checkpoint: "run <7>")
    let stated = try #require(ImageOrigin.Stated(origin.packet))
    #expect(stated.isGenerated && stated.system == "Atelier 1 & 2, pix2pix" && stated.checkpoint == "run <7>")
    #expect(ImageOrigin.Stated("<x:xmpmeta></x:xmpmeta>") == nil)
  }
}
