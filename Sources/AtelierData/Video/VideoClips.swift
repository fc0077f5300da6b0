public import Torch

/// Clips that whole videos stand behind, which measures take as they are.
public protocol VideoCollection: Dataset {
  /// The name of each video of the part.
  var videoNames: [String] { get }
  /// How many frames of a video belong to the part.
  func frameCount(ofVideo index: Int) -> Int
  /// Consecutive frames of a video, and what is beside them, as an example has them.
  ///
  /// - Parameter frames: numbers from 0 to below ``frameCount(ofVideo:)``.
  func frames(_ frames: Range<Int>, ofVideo index: Int) throws(DatasetError) -> Example
}

/// A video with what is beside its frames.
struct LabelledVideo: Sendable {
  let name: String
  let frames: StoredFrames
  var labels: StoredFrames?
  var instances: StoredFrames?
  var poses: StoredFrames?
  /// The action of each frame.
  var actions: [Int]?
  var speech: SpokenFrames?
  /// The frames that clips are taken of: scenes of the part.
  var scenes: [Range<Int>]
}

/// Clips of videos; no clip crosses a cut.
struct VideoClips: VideoCollection {
  /// The name and the kind of each value.
  struct Columns: Sendable, Hashable {
    var frames: [(name: String, side: VideoFolder.Side, shape: [Int])] = []
    var labels: [(name: String, shape: [Int])] = []
    var instances: [(name: String, shape: [Int])] = []
    var actions: [String] = []
    var speech: String?

    static func == (one: Columns, other: Columns) -> Bool { "\(one)" == "\(other)" }
    func hash(into hasher: inout Hasher) { hasher.combine("\(self)") }
  }

  let description: DatasetDescription
  let columns: Columns
  /// Frames of a clip.
  let length: Int
  let spacing: Int
  let sampling: Videos.Sampling
  private(set) var videos: [LabelledVideo]
  /// The model's number of each class of the data; nil: they are the same.
  private(set) var numbers: [Int]?
  private let clips: [(video: Int, scene: Range<Int>, start: Int)]

  /// - Throws: ``DatasetError/invalid(reason:)`` where no scene is as long as a clip.
  init(
    _ videos: [LabelledVideo], _ description: DatasetDescription, _ columns: Columns, length: Int,
    spacing: Int,
    _ sampling: Videos.Sampling, numbers: [Int]? = nil
  ) throws(DatasetError) {
    self.numbers = numbers
    (self.videos, self.columns) = (videos, columns)
    (self.length, self.spacing, self.sampling) = (length, spacing, sampling)
    let span = sampling == .random ? 1 : (length - 1) * spacing + 1
    var (clips, short) = ([(video: Int, scene: Range<Int>, start: Int)](), 0)
    for (number, video) in videos.enumerated() {
      for scene in video.scenes {
        guard scene.count >= span else {
          short += 1
          continue
        }
        let step = sampling == .random ? length : length * spacing
        clips += stride(from: scene.lowerBound, through: scene.upperBound - span, by: step)
          .map { (number, scene, $0) }
      }
    }
    guard !clips.isEmpty else {
      throw .invalid(
        reason:
          "\(description.name): none of its \(videos.count) videos has the \(span) frames of a clip in one scene; "
          + "make clips shorter")
    }
    self.clips = clips
    var description = description
    description.count = clips.count
    if short > 0 {
      description.notes.append(
        "\(short == 1 ? "A scene is" : "\(short) scenes are") shorter than the \(span) frames of a clip and "
          + "\(short == 1 ? "is" : "are") left out.")
    }
    self.description = description
  }

  var count: Int { clips.count }

  /// Where clips begin, or which frames they have, is drawn.
  var isRandom: Bool { true }

  func example(at index: Int) throws(DatasetError) -> Example {
    let clip = try clip(index)
    guard sampling == .random else {
      // The clip that lies half a scene away.
      let choices = starts(in: clip.scene)
      let other = choices.lowerBound + (clip.start - choices.lowerBound + choices.count / 2) % choices.count
      return example(of: videos[clip.video], places(from: clip.start), other: places(from: other))
    }
    // The first of a clip, and others as far apart as the scene allows.
    let others = (0..<length).map {
      clip.scene.lowerBound + (clip.start - clip.scene.lowerBound + $0 * clip.scene.count / length)
        % clip.scene.count
    }
    return example(of: videos[clip.video], others.sorted())
  }

  func example(at index: Int, using generator: inout SeededGenerator) throws(DatasetError) -> Example {
    let clip = try clip(index)
    switch sampling {
    case .consecutive:
      // Up to where the next clip begins, so that clips begin at any frame.
      let last = clip.scene.upperBound - (length - 1) * spacing - 1
      let choices = min(length * spacing, last - clip.start + 1)
      let start = clip.start + generator.integer(below: choices)
      return example(
        of: videos[clip.video], places(from: start),
        other: needsOther ? places(from: other(than: start, in: clip.scene, &generator)) : nil)
    case .random:
      let drawn = (0..<length).map { _ in clip.scene.lowerBound + generator.integer(below: clip.scene.count) }
      return example(of: videos[clip.video], drawn.sorted())
    }
  }

  private func clip(_ index: Int) throws(DatasetError) -> (video: Int, scene: Range<Int>, start: Int) {
    guard clips.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(clips.count)")
    }
    return clips[index]
  }

  /// Whether a field shows another clip of the same video.
  private var needsOther: Bool { columns.frames.contains { $0.name == Videos.reference } }

  /// Where clips of a scene begin.
  private func starts(in scene: Range<Int>) -> Range<Int> {
    scene.lowerBound..<max(scene.lowerBound + 1, scene.upperBound - (length - 1) * spacing)
  }

  /// Where another clip of a scene begins; where there is none, the same.
  private func other(than start: Int, in scene: Range<Int>, _ generator: inout SeededGenerator) -> Int {
    let choices = starts(in: scene)
    guard choices.count > 1 else { return start }
    let drawn = choices.lowerBound + generator.integer(below: choices.count - 1)
    return drawn >= start ? drawn + 1 : drawn
  }

  private func places(from start: Int) -> [Int] { (0..<length).map { start + $0 * spacing } }

  /// - Parameter other: the frames of a field that shows another clip; nil: the same.
  private func example(of video: LabelledVideo, _ places: [Int], other: [Int]? = nil) -> Example {
    var values: [String: HostTensor] = [:]
    for column in columns.frames {
      guard let stored = column.side == .poses ? video.poses : video.frames else { continue }
      let shown = column.name == Videos.reference ? other ?? places : places
      values[column.name] = HostTensor(
        shape: [shown.count] + column.shape, dtype: .uint8, bytes: stored.frames(shown))
    }
    if let name = columns.speech, let speech = video.speech { values[name] = speech.pieces(places) }
    for column in columns.labels {
      guard let stored = video.labels else { continue }
      values[column.name] = HostTensor(
        stored.frames(places).map { number(ofClass: Int($0)) }, shape: [places.count] + column.shape)
    }
    for column in columns.instances {
      guard let stored = video.instances else { continue }
      let bytes = stored.frames(places)
      let ids = stride(from: 0, to: bytes.count, by: 2).map { Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8 }
      values[column.name] = HostTensor(ids, shape: [places.count] + column.shape)
    }
    for name in columns.actions {
      guard let actions = video.actions else { continue }
      values[name] = HostTensor(places.map { number(ofClass: actions[$0]) }, shape: [places.count])
    }
    return Example(values)
  }

  private func number(ofClass label: Int) -> Int {
    guard let numbers, numbers.indices.contains(label) else { return label }
    return numbers[label]
  }

  func title(of index: Int) -> String? {
    guard clips.indices.contains(index) else { return nil }
    return "\(videos[clips[index].video].name), frame \(clips[index].start)"
  }

  // MARK: Whole videos

  var videoNames: [String] { videos.map(\.name) }

  func frameCount(ofVideo index: Int) -> Int { videos[index].scenes.reduce(0) { $0 + $1.count } }

  func frames(_ frames: Range<Int>, ofVideo index: Int) throws(DatasetError) -> Example {
    guard videos.indices.contains(index), frames.lowerBound >= 0,
      frames.upperBound <= frameCount(ofVideo: index)
    else { throw .invalid(reason: "there are no frames \(frames) of a video \(index)") }
    return example(
      of: videos[index],
      Array(videos[index].scenes.joined().dropFirst(frames.lowerBound).prefix(frames.count)))
  }

  /// The clips with the numbers of a model's classes.
  func relabelled(_ names: [String]) throws(DatasetError) -> VideoClips {
    var description = description
    let numbers = try RelabelledDataset.numbers(of: description, in: names)
    if let colours = description.classColours, colours.count == numbers.count {
      var moved = [[UInt8]](repeating: [0, 0, 0], count: names.count)
      for (label, colour) in colours.enumerated() { moved[numbers[label]] = colour }
      description.classColours = moved
    }
    description.classNames = names
    return try VideoClips(
      videos, description, columns, length: length, spacing: spacing, sampling, numbers: numbers)
  }

  // MARK: Holding out

  /// Some of the videos.
  func keeping(_ kept: [Int], _ description: DatasetDescription) throws(DatasetError) -> VideoClips {
    try VideoClips(
      kept.map { videos[$0] }, description, columns, length: length, spacing: spacing, sampling,
      numbers: numbers)
  }

  /// A part of each video.
  ///
  /// - Parameter shares: where the part begins and ends, from 0 to 1.
  func keeping(_ shares: ClosedRange<Double>, _ description: DatasetDescription) throws(DatasetError)
    -> VideoClips
  {
    let cut = videos.map { video in
      var video = video
      let count = Double(video.frames.count)
      let part = Int((shares.lowerBound * count).rounded())..<Int((shares.upperBound * count).rounded())
      video.scenes = video.scenes.map { $0.clamped(to: part) }.filter { !$0.isEmpty }
      return video
    }
    return try VideoClips(
      cut, description, columns, length: length, spacing: spacing, sampling, numbers: numbers)
  }
}
