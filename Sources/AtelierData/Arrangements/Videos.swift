internal import AtelierMedia
public import Foundation

/// Videos as clips, with label maps, poses or actions beside their frames.
///
/// A field of a video has the frames themselves, or where it is named `pose` the images of the folder `poses`; one of label
/// maps has those of `labels`, or where it is named `instance` those of `instances`, one of classes over time those of `actions`: a table a video, with a row a frame and the
/// column `action`. See the documentation's page of data for the forms of folders.
public struct Videos: DataArrangement {
  /// Which frames become a clip.
  public enum Sampling: String, Sendable, Hashable, Codable {
    /// Those that follow each other, beginning anywhere.
    case consecutive
    /// Any frames of a scene, in time order; a frame may be there twice.
    case random
  }

  /// `videos`
  public let id = "videos"
  /// The field whose video consists of poses.
  public static let pose = "pose"
  /// The field whose maps are of ids of instances.
  public static let instance = "instance"
  /// The field whose video is another clip of the same video.
  public static let reference = "reference"
  /// Frames from one of a clip to the next.
  public var spacing: Int
  /// Which frames become a clip.
  public var sampling: Sampling

  /// What is said at the frames; nil: their sound is not looked at.
  public var speech: VideoSpeech?

  /// Clips of videos.
  public init(spacing: Int = 1, sampling: Sampling = .consecutive, speech: VideoSpeech? = nil) {
    (self.spacing, self.sampling, self.speech) = (max(1, spacing), sampling, speech)
  }

  /// True where frames have the same size: classes adapt to the data.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    func columns(_ opening: DataOpening) -> VideoClips.Columns? { try? self.columns(opening.fields, "").0 }
    guard let clips = part.dataset as? VideoClips else { return false }
    return first.reading == opening.reading && columns(first) == columns(opening)
      && (try? self.columns(opening.fields, "").length) == clips.length
  }

  /// Refuses labels of more classes than the field has.
  public func refusal(of field: Field, _ description: DatasetDescription) -> String? {
    switch field.kind {
    case .labelMaps(let classes, _, _, _), .labels(let classes, _):
      let found = description.classNames.count
      return found > classes ? "it has \(found) classes, and the configuration has \(classes)" : nil
    case .video: return nil
    case .spectrogram where field.name == speech?.field: return nil
    default: return "videos cannot serve the field '\(field.name)'"
    }
  }

  /// Label maps and actions by the names of their classes.
  public func relabelled(
    _ part: DataPart, classes names: [String], fields: [Field]
  ) throws(DatasetError) -> DataPart {
    guard let clips = part.dataset as? VideoClips, !names.isEmpty, clips.description.classNames != names,
      !clips.description.classNames.isEmpty
    else { return part }
    return .examples(try clips.relabelled(names))
  }

  /// What is taken of each side for the fields, and the frames of a clip.
  private func columns(_ fields: [Field], _ name: String) throws(DatasetError) -> (
    VideoClips.Columns, length: Int
  ) {
    var columns = VideoClips.Columns()
    var lengths: Set<Int> = []
    for field in fields {
      switch field.kind {
      case .video(let frames, let channels, let height, let width, _):
        columns.frames.append(
          (field.name, field.name == Self.pose ? .poses : .frames, [channels, height, width]))
        lengths.insert(frames)
      case .labelMaps(_, let frames, let height, let width):
        if field.name == Self.instance {
          columns.instances.append((field.name, [height, width]))
        } else {
          columns.labels.append((field.name, [height, width]))
        }
        lengths.insert(frames)
      case .labels(_, let length):
        columns.actions.append(field.name)
        lengths.insert(length)
      case .spectrogram(_, let length) where field.name == speech?.field:
        columns.speech = field.name
        lengths.insert(length / max(1, speech?.columns ?? 1))
      default: throw .invalid(reason: "\(name): videos cannot serve the field '\(field.name)'")
      }
    }
    guard lengths.count == 1, let length = lengths.first, length > 0,
      columns.frames.contains(where: { $0.side == .frames })
    else { throw .invalid(reason: "\(name): the system takes no videos") }
    return (columns, length)
  }

  /// Opens a part.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let folder = try VideoFolder(place, split)
    let (columns, length) = try columns(opening.fields, folder.name)
    var (fingerprint, notes) = (folder.fingerprint(of: []), [String]())
    func stored(_ side: VideoFolder.Side, _ form: StoredFrames.Form) throws(DatasetError) -> [StoredFrames] {
      guard side != .frames else {
        return try StoredFrames.all(of: folder.videos, form, key: "\(folder.folder.path) \(fingerprint)")
      }
      let others = folder.sides[side].map(VideoFolder.sequences) ?? []
      var partners: [VideoFolder.Sequence] = []
      for video in folder.videos { partners.append(try folder.partner(of: video, among: others, side)) }
      let print = folder.fingerprint(of: partners)
      fingerprint = contentFingerprint(of: Array("\(fingerprint) \(print)".utf8))
      return try StoredFrames.all(of: partners, form, key: "\(side) \(folder.folder.path) \(print)")
    }
    func form(_ shape: [Int]) -> StoredFrames.Form {
      .images(
        ImagePreparation(height: shape[1], width: shape[2], channels: shape[0], fit: opening.reading.fit))
    }
    var classes: (names: [String], colours: [[UInt8]]) = ([], [])
    var videos: [LabelledVideo] = []
    for column in columns.frames where column.side == .frames {
      let frames = try stored(.frames, form(column.shape))
      videos = zip(folder.videos, frames).map { video, frames in
        let ends = [0] + frames.cuts + [frames.count]
        return LabelledVideo(
          name: video.name, frames: frames, scenes: zip(ends, ends.dropFirst()).map { $0..<$1 })
      }
    }
    if columns.speech != nil, let speech {
      for number in videos.indices {
        let spoken = try SpokenFrames(folder.videos[number], below: folder.folder, speech)
        videos[number].scenes = videos[number].scenes.map(spoken.usable).filter { !$0.isEmpty }
        videos[number].speech = spoken
      }
    }
    let cuts = videos.reduce(0) { $0 + $1.scenes.count - 1 }
    if cuts > 0 {
      notes.append(
        "\(cuts == 1 ? "A cut was" : "\(cuts) cuts were") found in the videos; no clip crosses one.")
    }
    for column in columns.frames where column.side == .poses {
      for (number, poses) in try stored(.poses, form(column.shape)).enumerated() {
        try Self.require(poses.count, .poses, videos[number])
        videos[number].poses = poses
      }
    }
    if let column = columns.labels.first {
      let table = try ClassTable(in: folder.sides[.labels] ?? folder.folder)
      // Of a model that is evaluated, the field says how many classes there are.
      let known = opening.fields.lazy.compactMap { field -> Int? in
        if field.name != Self.instance, case .labelMaps(let classes, _, _, _) = field.kind {
          classes
        } else {
          nil
        }
      }.first
      let found = try stored(
        .labels,
        .labels(
          classes: max(known ?? 0, 256), height: column.shape[0], width: column.shape[1], opening.reading.fit,
          colours: table.colours))
      for (number, labels) in found.enumerated() {
        try Self.require(labels.count, .labels, videos[number])
        videos[number].labels = labels
      }
      let highest = found.map(\.highest).max() ?? 0
      guard table.names.isEmpty || highest < table.names.count else {
        throw DatasetError.unusable(
          path: place.path,
          reason: "a map holds \(highest), and the table of classes has \(table.names.count)")
      }
      classes = (table.names.isEmpty ? (0...highest).map(String.init) : table.names, table.colours)
    }
    if let column = columns.instances.first {
      let found = try stored(
        .instances, .instances(height: column.shape[0], width: column.shape[1], opening.reading.fit))
      for (number, instances) in found.enumerated() {
        try Self.require(instances.count, .instances, videos[number])
        videos[number].instances = instances
      }
    }
    if !columns.actions.isEmpty {
      let tables = try VideoActions(folder)
      for number in videos.indices {
        let actions = try tables.actions(of: videos[number].name)
        try Self.require(actions.count, .actions, videos[number])
        videos[number].actions = actions
      }
      fingerprint = contentFingerprint(of: Array("\(fingerprint) \(tables.fingerprint)".utf8))
      if classes.names.isEmpty { classes.names = tables.names }
    }
    var description = DatasetDescription(
      layout: .videos, name: folder.name, split: split, count: videos.count, classNames: classes.names,
      fingerprint: fingerprint, notes: notes)
    description.classColours = classes.colours.isEmpty ? nil : classes.colours
    return .examples(
      try VideoClips(videos, description, columns, length: length, spacing: spacing, sampling))
  }

  private static func require(_ count: Int, _ side: VideoFolder.Side, _ video: LabelledVideo)
    throws(DatasetError)
  {
    guard count == video.frames.count else {
      throw .unusable(
        path: video.name,
        reason:
          "it has \(video.frames.count) frames, and there are \(side.rawValue) for \(count); add the missing ones"
      )
    }
  }
}
