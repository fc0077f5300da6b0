import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Which numbers are black and white is decided for a whole set, and kept.
struct NumberScaleTests {
  /// A grey ramp of 32 × 32 in floating point.
  private func ramp(_ low: Float, _ high: Float, spike: Float? = nil) -> Image {
    var values = (0..<1024).map { low + (high - low) * Float($0 % 32) / 31 }
    if let spike { values[100] = spike }
    return Image(width: 32, height: 32, channels: 1, floats: values)
  }

  private func words(_ highest: Int) -> Image {
    let values = (0..<1024).map { UInt16($0 % 32 * highest / 31) }
    return Image(
      width: 32, height: 32, channels: 1, depth: 16, bytes: values.withUnsafeBytes { [UInt8]($0) })
  }

  private func tiff(_ image: Image, _ name: String, in folder: URL) throws {
    try folder.write(name, ImageCodec().encode(image, as: .tiff))
  }

  private func decided(_ folder: URL) -> SampleScale? { ReadingOptions().decidingScale(for: folder).scale }

  private func findings(_ folder: URL, _ scale: SampleScale? = nil) throws -> String {
    try checkData(at: folder, options: DatasetOptions(codec: ImageCodec(scale: scale))).findings
      .map { "\($0.severity.rawValue) \($0.kind.rawValue): \($0.message)" }.joined(separator: "\n")
  }

  @Test func rangesAreParsedAndRecorded() throws {
    #expect(SampleScale(parsing: "0:4095")?.description == "0:4095")
    #expect(SampleScale(parsing: "-1:1").map { [$0.black, $0.white] } == [-1, 1])
    let bytes = try #require(SampleScale(parsing: "0:127")?.covering(bytes: true))
    #expect(SampleScale(parsing: bytes.record) == bytes)
    for wrong in ["", "1", "1:1", "2:1", "a:b", "0:inf", "nan:1", "0:1:2", ":1"] {
      #expect(SampleScale(parsing: wrong) == nil, "\(wrong)")
    }
  }

  @Test func oneValueBeyondWhiteDarkensNoImage() throws {
    try withTemporaryFolder { folder in
      try tiff(ramp(0, 1), "a.tif", in: folder)
      try tiff(ramp(0, 1, spike: 1.02), "b.tif", in: folder)
      #expect(decided(folder)?.description == "0:1")
      let codec = ImageCodec(scale: decided(folder))
      for name in ["a.tif", "b.tif"] {
        let bytes = try codec.decode(folder.appendingPathComponent(name)).with8Bits().bytes
        #expect(bytes[31] == 255 && bytes[15] == 123, "\(name)")
      }
      let found = try findings(folder)
      #expect(found.contains("warning clippedValues:") && found.contains("--range 0:1.02"))
      #expect(found.contains("b.tif") && found.contains("1 of 2048"))
    }
  }

  @Test func signedNumbersAndHounsfieldUnitsKeepTheirLowerHalf() throws {
    try withTemporaryFolder { folder in
      try tiff(ramp(-1, 1), "a.tif", in: folder)
      try tiff(ramp(-0.5, 0.9), "b.tif", in: folder)
      #expect(decided(folder)?.description == "-1:1")
      let image = try ImageCodec(scale: decided(folder)).decode(folder.appendingPathComponent("a.tif"))
      #expect(image.floats[0] == 0 && image.floats[31] == 1)
    }
    try withTemporaryFolder { folder in
      try tiff(ramp(-1000, 1500), "a.tif", in: folder)
      try tiff(ramp(-900, 1200), "b.tif", in: folder)
      #expect(decided(folder)?.description == "-1000:1500")
      let second = try ImageCodec(scale: decided(folder)).decode(folder.appendingPathComponent("b.tif"))
      #expect(abs(second.floats[0] - 0.04) < 1e-6)
      #expect(try findings(folder).contains("note remark: All images are read on one scale, -1000 … 1500"))
    }
  }

  @Test func conventionsAreTakenWhereNumbersUseThem() throws {
    for (low, high, scale) in [
      (Float(0), Float(250), "0:255"), (0, 60000, "0:65535"), (0, 3.5, "0:3.5"), (0, 0.2, "0:1"),
      (2, 4000, "0:4000"),
    ] {
      try withTemporaryFolder { folder in
        try tiff(ramp(low, high), "a.tif", in: folder)
        #expect(decided(folder)?.description == scale)
      }
    }
  }

  @Test func formatsWithAWhiteOfTheirOwnNeedNoScale() throws {
    try withTemporaryFolder { folder in
      try folder.picture("a.png", tone: 3)
      try folder.write("b.png", ImageCodec().encode(words(65535), as: .png))
      #expect(decided(folder) == nil)
      #expect(try !findings(folder).contains("ange"))
    }
  }

  @Test func aSliverOfTheRangeIsNamedWithTheOptionThatHelps() throws {
    try withTemporaryFolder { folder in
      try folder.write("a.png", ImageCodec().encode(words(4000), as: .png))
      try folder.write("b.png", ImageCodec().encode(words(3900), as: .png))
      #expect(decided(folder) == nil)
      let found = try findings(folder)
      #expect(
        found.contains("warning unusedRange:") && found.contains("6 %") && found.contains("--range 0:4095"))
      var said: [String] = []
      _ = ReadingOptions().decidingScale(for: folder) { said.append($0) }
      #expect(said.count == 1 && said[0].contains("--range 0:4095"))
      let scale = try #require(SampleScale(parsing: "0:4095"))
      #expect(try !findings(folder, scale).contains("unusedRange"))
      let image = try ImageCodec(scale: scale).decode(folder.appendingPathComponent("a.png"))
      #expect(image.depth == 16 && abs(image.floats[31] - 4000.0 / 4095) < 1e-4)
    }
  }

  @Test func scalesThatDifferBetweenFilesAreNamed() throws {
    try withTemporaryFolder { folder in
      try tiff(ramp(0, 1), "small.tif", in: folder)
      try tiff(ramp(0, 255), "large.tif", in: folder)
      let found = try findings(folder)
      #expect(
        found.contains("warning mixedScales:") && found.contains("small.tif") && found.contains("large.tif"))
    }
    try withTemporaryFolder { folder in
      try tiff(ramp(0, 1), "float.tif", in: folder)
      try folder.picture("bytes.png", tone: 9)
      #expect(try findings(folder).contains("warning mixedScales:"))
      // Eight bits stay what they are beside deeper files.
      let codec = ImageCodec(scale: decided(folder))
      #expect(
        try codec.decode(folder.appendingPathComponent("bytes.png"))
          == ImageCodec().decode(folder.appendingPathComponent("bytes.png")))
    }
  }

  @Test func aGivenRangeHoldsForEightBitsWhereAllHaveThem() throws {
    try withTemporaryFolder { folder in
      try folder.write("a.png", ImageCodec().encode(Image(width: 2, height: 1, filledWith: [100]), as: .png))
      let options = ReadingOptions(scale: SampleScale(parsing: "0:200")).decidingScale(for: folder)
      let scale = try #require(options.scale)
      #expect(scale.coversBytes)
      let codec = ImageCodec(scale: scale)
      let image = try codec.decode(folder.appendingPathComponent("a.png"))
      #expect(image.bytes == [128, 128])
      #expect(try ImageCodec().decode(codec.encode(image, as: .png)).bytes == [100, 100])
    }
  }

  @Test func whatIsWrittenHasTheNumbersThatWereRead() throws {
    let words = try #require(SampleScale(parsing: "0:4095"))
    let codec = ImageCodec(scale: words)
    let encoded = try ImageCodec().encode(self.words(4000), as: .png)
    let again = try codec.encode(codec.decode(encoded), as: .png)
    #expect(try ImageCodec().decode(again) == ImageCodec().decode(encoded))
    let units = ImageCodec(scale: SampleScale(parsing: "-1000:1500"))
    let scan = try ImageCodec().encode(ramp(-1000, 1500), as: .tiff)
    let written = try units.encode(units.decode(scan), as: .tiff)
    let values = try ImageCodec(scale: SampleScale(parsing: "0:1")).decode(scan)
    #expect(try ImageCodec(scale: SampleScale(parsing: "0:1")).decode(written) == values)
    let low = try ImageCodec(scale: SampleScale(parsing: "-2000:0")).decode(written)
    #expect(abs(low.floats[0] - 0.5) < 1e-6)
  }

  @Test func fieldsReadAndWriteOnTheScaleOfTheData() throws {
    try withTemporaryFolder { folder in
      try tiff(ramp(-1000, 1500), "a.tif", in: folder)
      let names = FieldNames(scale: SampleScale(parsing: "-1000:1500"))
      let codec = FieldCodec(.image(channels: 1, height: 32, width: 32, range: .signed), names: names)
      let value = try codec.read(folder.appendingPathComponent("a.tif"))
      guard case .tensor(let tensor) = value else {
        Issue.record("an image is a tensor")
        return
      }
      #expect(tensor.floats()[0] == -1 && tensor.floats()[31] == 1)
      let file = try codec.encoded(value)[0].write(to: folder.appendingPathComponent("b"))
      #expect(file.pathExtension == "tif")
      #expect(decided(folder)?.description == "-1000:1500")
    }
  }

  @Test func labelMapsHaveNoScale() throws {
    try withTemporaryFolder { folder in
      let map = Image(width: 2, height: 2, channels: 1, depth: 16, bytes: [1, 0, 2, 0, 3, 0, 4, 0])
      for name in ["labels/a.png", "labels/b.png"] {
        try folder.write(name, ImageCodec().encode(map, as: .png))
      }
      for name in ["images/a.png", "images/b.png"] { try folder.picture(name, tone: 4, width: 2, height: 2) }
      #expect(decided(folder) == nil)
      #expect(try !findings(folder).contains("unusedRange"))
      let codec = ImageCodec(scale: SampleScale(parsing: "0:4"))
      #expect(try codec.decodeLabels(folder.appendingPathComponent("labels/a.png")).values == [1, 2, 3, 4])
    }
  }
}
