import AtelierMedia
import Testing

struct ImageGridTests {
  @Test func picturesStandRowByRowWithPaddingBetween() throws {
    let images = (0..<3).map { Image(width: 2, height: 2, filledWith: [UInt8($0 * 100)]) }
    let grid = ImageGrid(columns: 2, padding: 1, scale: 1, background: [9, 9, 9])
    let sheet = try grid.render(images)
    #expect(sheet.width == 7 && sheet.height == 7 && sheet.channels == 3)
    let firstChannel = (0..<7).map { y in (0..<7).map { sheet[x: $0, y: y, channel: 0] } }
    #expect(
      firstChannel == [
        [9, 9, 9, 9, 9, 9, 9],
        [9, 0, 0, 9, 100, 100, 9],
        [9, 0, 0, 9, 100, 100, 9],
        [9, 9, 9, 9, 9, 9, 9],
        [9, 200, 200, 9, 9, 9, 9],
        [9, 200, 200, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 9, 9],
      ])
  }

  @Test func smallPicturesAreEnlargedToBeSeen() throws {
    let sheet = try ImageGrid(columns: 1, padding: 0).render([Image(width: 28, height: 28, filledWith: [5])])
    #expect(sheet.width == 84 && sheet.height == 84)
  }

  @Test func titlesPutInkOverTheirColumnAndLeftOfTheirRow() throws {
    let images = (0..<4).map { _ in Image(width: 70, height: 70, filledWith: [255]) }
    let grid = ImageGrid(
      columns: 2, padding: 4, columnTitles: ["T-shirt/top", "a < b & c"], rowTitles: ["", "Ankle boot"])
    let sheet = try grid.render(images)
    #expect(sheet.width > 2 * 70 + 12 && sheet.height > 2 * 70 + 12)
    let left = sheet.width - 2 * 74
    let top = sheet.height - 2 * 74
    func ink(_ xs: Range<Int>, _ ys: Range<Int>) -> Int {
      ys.reduce(0) { sum, y in sum + xs.count { sheet[x: $0, y: y, channel: 1] < 128 } }
    }
    #expect(ink(left..<(left + 70), 0..<top) > 30)
    #expect(ink((left + 74)..<sheet.width, 0..<top) > 30)
    #expect(ink(0..<(left - 4), top..<(top + 70)) == 0)
    #expect(ink(0..<(left - 4), (top + 74)..<sheet.height) > 30)
    #expect(ink(left..<sheet.width, top..<sheet.height) == 0)
  }

  @Test func anEndlessWordIsShrunkToItsColumn() throws {
    let word = String(repeating: "incomprehensibilities", count: 4)
    let sheet = try ImageGrid(columns: 1, padding: 0, columnTitles: [word])
      .render([Image(width: 64, height: 64, filledWith: [255])])
    #expect(sheet.width == 64)
  }

  @Test func impossibleGridsAreErrors() {
    let image = Image(width: 1, height: 1, filledWith: [0])
    #expect(throws: ImageError.self) { try ImageGrid(columns: 0).render([image]) }
    #expect(throws: ImageError.self) { try ImageGrid(columns: 3).render([]) }
  }
}
