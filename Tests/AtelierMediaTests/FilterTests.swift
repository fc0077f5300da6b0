import AtelierMedia
import Foundation
import Testing

struct FilterTests {
  let picture = Image(width: 3, height: 2, channels: 1, bytes: [1, 2, 3, 4, 5, 6])

  @Test func picturesAreMirroredAndTurned() throws {
    #expect(try picture.mirrored().bytes == [3, 2, 1, 6, 5, 4])
    #expect(try picture.turned(quarters: 1).bytes == [4, 1, 5, 2, 6, 3])
    #expect(try picture.turned(quarters: 2).bytes == [6, 5, 4, 3, 2, 1])
    #expect(try picture.turned(quarters: -1) == picture.turned(quarters: 3))
    #expect(try picture.turned(quarters: 4) == picture)
    #expect(try picture.with16Bits().mirrored() == picture.mirrored().with16Bits())
  }

  @Test func nearestInventsNoValue() throws {
    let large = try picture.resized(width: 6, height: 4, filter: .nearest)
    #expect(try large == picture.enlarged(by: 2))
    #expect(try large.resized(width: 3, height: 2, filter: .nearest) == picture)
    let wide = Image(width: 2, height: 1, channels: 1, depth: 16, bytes: [1, 2, 3, 4])
    #expect(try wide.resized(width: 3, height: 1, filter: .nearest).bytes == [1, 2, 3, 4, 3, 4])
    #expect(try picture.resizedToFill(width: 1, height: 1, filter: .nearest).bytes.count == 1)
  }

  /// The cubic with a = -1/2 stretched by the factor, over the mirrored picture: MATLAB's `imresize`.
  @Test(arguments: [2, 4]) func bicubicShrinkingIsTheFieldsOwn(factor: Int) throws {
    let (width, height) = (12 * factor, 5 * factor)
    let bytes: [UInt8] = (0..<(width * height)).map { place -> UInt8 in
      let value = place * place * 7 + 31 * place
      return UInt8(value % 251)
    }
    let picture = Image(width: width, height: height, channels: 1, bytes: bytes)
    func cubic(_ x: Double) -> Double {
      let x = abs(x)
      if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
    }
    func weights(_ place: Int, _ length: Int) -> [(index: Int, weight: Double)] {
      let middle = (Double(place) + 0.5) * Double(factor) - 0.5
      let reach = 2 * factor + 1
      let raw = ((Int(middle) - reach)...(Int(middle) + reach)).map { index -> (index: Int, weight: Double) in
        let mirrored = index < 0 ? -1 - index : index >= length ? 2 * length - 1 - index : index
        return (mirrored, cubic((Double(index) - middle) / Double(factor)))
      }
      let sum = raw.reduce(0) { $0 + $1.weight }
      return raw.map { ($0.index, $0.weight / sum) }
    }
    let small = try picture.resized(width: 12, height: 5, filter: .bicubic)
    for y in 0..<5 {
      for x in 0..<12 {
        var value = 0.0
        for row in weights(y, height) {
          for column in weights(x, width) {
            value += row.weight * column.weight * Double(bytes[row.index * width + column.index])
          }
        }
        let expected = min(255, max(0, value))
        #expect(abs(Double(small[x: x, y: y, channel: 0]) - expected) < 0.51)
      }
    }
  }

  @Test func blurKeepsMeansAndSpreadsASpikeAsAGaussian() throws {
    var bytes = [UInt8](repeating: 0, count: 21 * 21)
    bytes[10 * 21 + 10] = 255
    let blurred = try Image(width: 21, height: 21, channels: 1, bytes: bytes).blurred(sigma: 2)
    // 255 / (2 π σ²) at the middle, times exp(-d² / 2σ²) at a distance.
    #expect(abs(Int(blurred[x: 10, y: 10, channel: 0]) - 10) <= 1)
    #expect(abs(Int(blurred[x: 12, y: 10, channel: 0]) - 6) <= 1)
    let plain = Image(width: 5, height: 5, filledWith: [7, 80, 200])
    #expect(try plain.blurred(sigma: 3) == plain)
    #expect(throws: ImageError.self) { try plain.blurred(sigma: 0) }
  }

  @Test func outlinesFollowTheBorderOfAShape() throws {
    let bytes = (0..<(32 * 32)).map { place -> UInt8 in
      (8..<24).contains(place % 32) && (8..<24).contains(place / 32) ? 30 : 220
    }
    let outlines = try Image(width: 32, height: 32, channels: 1, bytes: bytes).outlines()
    #expect(Set(outlines.bytes) == [0, 255])
    let dark = outlines.bytes.enumerated().filter { $1 == 0 }.map(\.offset)
    #expect((40...90).contains(dark.count))
    #expect(
      dark.allSatisfy { place in
        let (x, y) = (place % 32, place / 32)
        return min(abs(x - 8), abs(x - 24), abs(y - 8), abs(y - 24)) <= 2
      })
    let blank = Image(width: 9, height: 9, filledWith: [100])
    #expect(try blank.outlines().bytes.allSatisfy { $0 == 255 })
  }

  @Test func anOutlineGoesOnOverWeakPlacesOnlyFromAStrongOne() throws {
    // A step that fades along its length: strong on the left, weak on the right, gone at the end.
    let bytes = (0..<(24 * 60)).map { place -> UInt8 in
      let rise = max(0, 60 - place % 60)
      return place / 60 < 12 ? 100 : UInt8(100 + rise)
    }
    let image = Image(width: 60, height: 24, channels: 1, bytes: bytes)
    func length(_ weak: Float, _ strong: Float) throws -> Int {
      try image.outlines(sigma: 1, weak: weak, strong: strong).bytes.count { $0 == 0 }
    }
    #expect(try length(0.5, 2) > length(2, 2))
    #expect(try length(0.5, 50) == 0)
  }
}

struct LabelMapTests {
  func read(_ bytes: [UInt8]) throws -> LabelMap {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("map.png")
      try Data(bytes).write(to: file)
      return try ImageCodec().decodeLabels(file)
    }
  }

  @Test func aPaletteGivesItsIndicesAndColours() throws {
    let map = try read(PictureFiles.palettePNG)
    #expect(map.values == [0, 1, 2, 3])
    #expect(map.palette == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]])
  }

  @Test func greyValuesAreIndicesAtEveryDepth() throws {
    let eight = PictureFiles.png(width: 2, height: 1, bits: 8, colourType: 0, rows: [0, 7, 200])
    #expect(try read(eight).values == [7, 200])
    let sixteen = PictureFiles.png(width: 2, height: 1, bits: 16, colourType: 0, rows: [0, 1, 2, 255, 255])
    #expect(try read(sixteen).values == [258, 65535])
    let four = PictureFiles.png(width: 2, height: 1, bits: 4, colourType: 0, rows: [0, 0x3E])
    #expect(try read(four).values == [3, 14])
    let one = PictureFiles.png(width: 2, height: 1, bits: 1, colourType: 0, rows: [0, 0x40])
    #expect(try read(one).values == [0, 1])
  }

  @Test func coloursWithoutAPaletteAreNoMap() throws {
    let colours = PictureFiles.png(width: 1, height: 1, bits: 8, colourType: 2, rows: [0, 1, 2, 3])
    let error = #expect(throws: ImageError.self) { try read(colours) }
    #expect(error?.description.contains("label map") == true)
  }
}
