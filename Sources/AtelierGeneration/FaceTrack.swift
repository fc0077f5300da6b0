public import AtelierCore
public import AtelierMedia

extension PixelBox {
  /// The means of boxes, rounded down.
  fileprivate static func mean(of boxes: [PixelBox]) -> PixelBox {
    func mean(_ edge: (PixelBox) -> Int) -> Int {
      boxes.reduce(0) { $0 + edge($1) } / max(1, boxes.count)
    }
    return PixelBox(left: mean(\.left), top: mean(\.top), right: mean(\.right), bottom: mean(\.bottom))
  }
}

/// Regions averaged with those that follow; the last ones with as many at the end, of which earlier ones are means already.
///
/// Source: Prajwal et al. 2020, the authors' `inference.py` `get_smoothened_boxes`.
struct BoxSmoothing {
  private let span: Int
  /// The last regions, at most `span`, the first of which is a mean once there are as many.
  private var window: [PixelBox] = []

  /// - Parameter span: how many are averaged, at least 1.
  init(span: Int) { self.span = max(1, span) }

  /// Takes the next region, and gives the oldest that enough others follow.
  mutating func add(_ region: PixelBox) -> PixelBox? {
    if window.count == span { window.removeFirst() }
    window.append(region)
    guard window.count == span else { return nil }
    window[0] = .mean(of: window)
    return window[0]
  }

  /// Those that are still to come, once there are no more.
  mutating func finish() -> [PixelBox] {
    let first = window.count == span ? 1 : 0
    for place in first..<max(first, window.count) { window[place] = .mean(of: window) }
    defer { window = [] }
    return Array(window[min(first, window.count)...])
  }
}

/// The frames of a video with the face's place in each: where a detector finds it, with room around it, smoothed over some
/// frames. A video that is over begins anew, with the same places.
///
/// Frames are read as they are asked for, and only as many are held as are averaged; of the others their regions are kept.
/// Of several faces in a frame it is the one that overlaps most with the last place, else the largest; where a frame has
/// none it is the last place.
///
/// Source: Prajwal et al. 2020, the authors' `inference.py` `face_detect`.
public final class FaceTrack {
  private let video: any FrameSequence
  private let name: String
  /// The frames of one pass.
  private let limit: Int
  private let find: (Image) throws -> [Face]
  private let pads: [Int]
  private var smoothing: BoxSmoothing
  private var reader: any FrameReader
  /// What was found last, without room around it.
  private var last: FaceBox?
  /// Read frames that were not given yet, and the regions of all frames that are known.
  private var (waiting, regions): ([Image], [PixelBox]) = ([], [])
  private var (taken, given, isOver) = (0, 0, false)

  /// Looks for the face in each frame.
  ///
  /// - Parameters:
  ///   - name: what errors call the video.
  ///   - frames: how many are needed, so that no more are looked at.
  ///   - drawing: the room around faces, and how many frames are averaged.
  ///   - detect: the faces of an image whose shorter side has a number of pixels or more.
  public init(
    _ video: any FrameSequence, name: String, frames: Int, _ drawing: DubbingDrawing,
    detect: @escaping FaceSwapper.Detector
  ) throws {
    (self.video, self.name, limit) = (video, name, frames)
    find = { try detect($0, drawing.minimumFace) }
    pads = drawing.pads
    smoothing = BoxSmoothing(span: drawing.smoothing)
    reader = try video.frames()
  }

  /// One region for all frames.
  public init(_ video: any FrameSequence, name: String, frames: Int, at region: PixelBox) throws {
    (self.video, self.name, limit) = (video, name, frames)
    let box = FaceBox(
      left: Double(region.left), top: Double(region.top), right: Double(region.right),
      bottom: Double(region.bottom))
    let nowhere = FacePoint(x: 0, y: 0)
    let face = Face(
      box: box,
      landmarks: FaceLandmarks(
        leftEye: nowhere, rightEye: nowhere, nose: nowhere, leftMouth: nowhere, rightMouth: nowhere), score: 1
    )
    find = { _ in [face] }
    pads = [0, 0, 0, 0]
    smoothing = BoxSmoothing(span: 1)
    reader = try video.frames()
  }

  /// The next frame, RGB of 8 bits, and where its face is.
  ///
  /// - Throws: ``TrainingError/unfitData(path:reason:)`` for a video without frames, and for a frame without a face where none
  ///   was found before.
  public func next() throws -> (frame: Image, region: PixelBox) {
    while !isOver, regions.count <= given {
      guard taken < limit, let frame = try reader.next()?.with8Bits().rgb() else {
        regions += smoothing.finish()
        isOver = true
        break
      }
      taken += 1
      waiting.append(frame)
      if let region = smoothing.add(try region(of: frame)) { regions.append(region) }
    }
    guard !regions.isEmpty else {
      throw TrainingError.unfitData(path: name, reason: "it has no frames")
    }
    let region = regions[given % regions.count]
    let frame = try waiting.isEmpty ? again() : waiting.removeFirst()
    given += 1
    return (frame, region)
  }

  /// A frame of a further pass.
  private func again() throws -> Image {
    if given % regions.count == 0 { reader = try video.frames() }
    guard let frame = try reader.next() else {
      throw TrainingError.unfitData(
        path: name, reason: "it had \(regions.count) frames when it was read first, and has fewer now")
    }
    return try frame.with8Bits().rgb()
  }

  private func region(of frame: Image) throws -> PixelBox {
    let found = try find(frame)
    func area(_ box: FaceBox) -> Double { box.width * box.height }
    let largest = found.max { area($0.box) < area($1.box) }
    let nearest = last.flatMap { last in
      found.filter { $0.box.overlap(with: last) > 0 }
        .max { $0.box.overlap(with: last) < $1.box.overlap(with: last) }
    }
    // A face that lies beyond the frame is none.
    if let box = (nearest ?? largest)?.box, let region = padded(box, frame) {
      last = box
      return region
    }
    guard let last, let region = padded(last, frame) else {
      throw TrainingError.unfitData(
        path: name,
        reason:
          "no face is found in its frame \(taken), nor in one before it; begin the video where a face is "
          + "seen, lower minimumFace, or give box, the rows and columns of the face in all frames")
    }
    return region
  }

  /// A box with room around it, within the frame; nil where nothing of it is.
  private func padded(_ box: FaceBox, _ frame: Image) -> PixelBox? {
    func whole(_ value: Double) -> Int { Int(min(max(0, value), 1e6)) }
    let region = PixelBox(
      left: max(0, whole(box.left) - pads[2]), top: max(0, whole(box.top) - pads[0]),
      right: min(frame.width, whole(box.right) + pads[3]),
      bottom: min(frame.height, whole(box.bottom) + pads[1]))
    return region.width > 0 && region.height > 0 ? region : nil
  }
}
