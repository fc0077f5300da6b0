import AtelierMedia
import Foundation
import Testing

/// How often the invisible mark is found, and how often where there is none, on real images; the numbers of
/// `Documentation/invisible-mark.md`.
///
///     ATELIER_PROOF=1 ATELIER_IMAGES=/usr/share/backgrounds swift test -c release --filter MarkProof
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["ATELIER_PROOF"] != nil
      && ProcessInfo.processInfo.environment["ATELIER_IMAGES"] != nil,
    "ATELIER_PROOF and ATELIER_IMAGES, a folder of images, are not set")) struct MarkProofTests
{
  private static let codec = ImageCodec()

  /// What may happen to an image.
  private static var changes: [(name: String, change: (Image) throws -> Image)] {
    [
      ("as it is", { $0 }),
      ("JPEG 75", { try jpeg($0) }),
      ("halved", { try $0.resized(width: $0.width / 2, height: $0.height / 2) }),
      ("halved and back", { try halvedAndBack($0) }),
      ("a tenth cut off", { try cut($0) }),
      ("halved and back, cut, JPEG 75", { try jpeg(try cut(try halvedAndBack($0))) }),
    ]
  }

  private static func jpeg(_ image: Image) throws -> Image {
    try codec.decode(try codec.encode(image, as: .jpeg, quality: 75))
  }

  private static func halvedAndBack(_ image: Image) throws -> Image {
    try image.resized(width: image.width / 2, height: image.height / 2)
      .resized(width: image.width, height: image.height)
  }

  private static func cut(_ image: Image) throws -> Image {
    try image.cropped(
      x: image.width / 13, y: image.height / 17, width: image.width - image.width / 10,
      height: image.height - image.height / 10)
  }

  @Test func theMarkIsFoundAndNothingElse() throws {
    let environment = ProcessInfo.processInfo.environment
    let folder = URL(fileURLWithPath: environment["ATELIER_IMAGES"] ?? "")
    let side = environment["ATELIER_SIDE"].flatMap { Int($0) }
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
    var (count, falseAlarms, highest, weak) = (0, 0, 0.0, 0)
    var ratios: [Double] = []
    var found = Self.changes.map { _ in 0 }
    for name in names where ImageFormat(fileExtension: (name as NSString).pathExtension) != nil {
      guard
        var image = try? Self.codec.decode(folder.appendingPathComponent(name)).withoutAlpha().with8Bits(),
        !image.isMultiband
      else { continue }
      if let side {
        guard min(image.width, image.height) >= side else { continue }
        image = try image.resizedToFill(width: side, height: side)
      }
      let plain = try [InvisibleMark.find(in: image), InvisibleMark.find(in: Self.jpeg(image))]
      let (marked, outcome) = InvisibleMark.marked(image)
      if case .unmarked = outcome { continue }
      count += 1
      weak += outcome == .weak ? 1 : 0
      falseAlarms += plain.count { $0.isFound }
      highest = max(highest, plain.map(\.score).max() ?? 0)
      let error = zip(image.bytes, marked.bytes).reduce(0.0) {
        let difference = Double($1.0) - Double($1.1)
        return $0 + difference * difference
      }
      ratios.append(10 * log10(255 * 255 * Double(image.bytes.count) / max(error, 1e-9)))
      for (place, change) in Self.changes.enumerated() {
        if InvisibleMark.find(in: try change.change(marked)).isFound { found[place] += 1 }
      }
    }
    try #require(count > 0, "no image of \(InvisibleMark.smallestSide) pixels or more")
    ratios.sort()
    print("\(count) images, \(weak) of them too plain or small to last")
    print("false alarms: \(falseAlarms) of \(2 * count), highest score \(highest)")
    print("PSNR: median \(ratios[count / 2]), lowest hundredth \(ratios[count / 100]), lowest \(ratios[0])")
    for (change, count) in zip(Self.changes, found) { print("found \(change.name): \(count)") }
    #expect(falseAlarms == 0)
    for (place, change) in Self.changes.enumerated().dropLast() {
      #expect(Double(found[place]) >= 0.99 * Double(count - weak), "\(change.name)")
    }
  }
}
