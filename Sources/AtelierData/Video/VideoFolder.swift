internal import AtelierMedia
internal import Foundation

/// The videos of a part, by their names: nothing is decoded.
///
/// A video is a file that ffmpeg reads, or the numbered images of a folder; images of one folder whose names begin
/// differently (`0001TP_006690.png`, `0006R0_f00930.png`) are a video for each beginning. Beside `frames` may lie folders of
/// the same names: `labels` (maps), `instances` (maps of ids), `poses` (images) and `actions` (a table a video). A folder is divided by `train`,
/// `validation` and `test`, around these folders or within them, or not at all.
struct VideoFolder {
  /// What there is of a video.
  enum Side: String, CaseIterable {
    case frames, labels, instances, poses, actions

    /// The names of its folder, in the order of search.
    var folders: [String] {
      switch self {
      case .frames: ["frames", "images", "videos"]
      case .labels: ["labels", "maps", "masks", "annotations"]
      case .instances: ["instances", "instance", "inst"]
      case .poses: ["poses", "pose"]
      case .actions: ["actions"]
      }
    }
  }

  /// A sequence of frames.
  struct Sequence: Sendable, Hashable {
    /// The path below the side's folder, without an ending.
    let name: String
    /// A video file, or the images of the frames in order.
    let files: [URL]
    /// Whether there is one file of all frames.
    let isFile: Bool

    /// The stem of each image's path below the side's folder; empty for a file.
    let stems: [String]

    /// What a sound of this video may be called, as a path below the side's folder without an ending: as the video, and as
    /// the images of a folder begin (`anna/clip-1` of `anna/clip-1_000000.png`), where there is one video in it.
    var soundNames: [String] {
      guard let stem = stems.first else { return [name] }
      let title = Numbered(stem).title
      let folder = (stem as NSString).deletingLastPathComponent
      return title.isEmpty || "\(folder)/\(title)" == name ? [name] : [name, "\(folder)/\(title)"]
    }
  }

  let name: String
  let folder: URL
  /// The folder of each side that is there.
  let sides: [Side: URL]
  /// The videos, sorted by name.
  let videos: [Sequence]

  /// The part of a folder.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` for a part that is not there, and
  ///   ``DatasetError/unusable(path:reason:)`` where there is no video.
  init(_ place: URL, _ split: DatasetSplit) throws(DatasetError) {
    let root = try archiveFolder(at: place)
    guard ImageFolders.isFolder(root) else {
      guard FileManager.default.fileExists(atPath: root.path) else { throw .notFound(path: place.path) }
      throw .unusable(path: place.path, reason: "it is a file; name the folder that holds the videos")
    }
    try ImageFolders.requireListable(root)
    name = root.lastPathComponent
    let outer = SoundFolder.parts(of: root)
    let within = Self.side(.frames, in: root).map { SoundFolder.parts(of: $0) } ?? [:]
    let parts = outer.isEmpty ? within : outer
    guard parts.isEmpty || parts[split] != nil, split == .train || !parts.isEmpty else {
      throw .missingSplit(
        path: place.path, split: split,
        reason: parts.isEmpty
          ? "the videos are not divided; make folders train and \(split.rawValue), or hold a share out"
          : "there is no folder \(split.rawValue) beside "
            + parts.values.map(\.lastPathComponent).sorted().joined(separator: " and "))
    }
    var sides: [Side: URL] = [:]
    if outer.isEmpty, let part = within[split]?.lastPathComponent {
      for side in Side.allCases {
        sides[side] = Self.side(side, in: root)?.appendingPathComponent(part)
      }
    } else {
      let part = outer[split] ?? root
      for side in Side.allCases { sides[side] = Self.side(side, in: part) }
      if sides[.frames] == nil { sides = [.frames: part] }
    }
    self.sides = sides.filter { ImageFolders.isFolder($0.value) }
    guard let folder = self.sides[.frames] else {
      throw .unusable(path: place.path, reason: "it holds no folder frames for its \(split.rawValue) part")
    }
    self.folder = folder
    videos = Self.sequences(in: folder)
    guard !videos.isEmpty else {
      throw .unusable(
        path: folder.path,
        reason:
          "there is no video in it: neither a file that ends in "
          + "\(MediaFiles.endings(.videos).sorted().joined(separator: ", ")), nor a folder of numbered images"
      )
    }
  }

  private static func side(_ side: Side, in folder: URL) -> URL? {
    side.folders.lazy.map { folder.appendingPathComponent($0) }.first(where: ImageFolders.isFolder)
  }

  /// The sequences below a folder, sorted by name.
  static func sequences(in folder: URL) -> [Sequence] {
    var found = MediaFiles.names(.videos, below: folder).map { path in
      Sequence(
        name: (path as NSString).deletingPathExtension, files: [folder.appendingPathComponent(path)],
        isFile: true, stems: [])
    }
    let images = Dictionary(grouping: ImageFolders.pictures(below: folder)) {
      ($0 as NSString).deletingLastPathComponent
    }
    for (parent, paths) in images {
      let numbered = paths.map(Numbered.init)
      let groups = Dictionary(grouping: numbered, by: \.beginning)
      let isOne = groups.count == 1 || groups.values.contains { $0.count < 2 }
      let sequences = isOne ? [("", numbered)] : groups.map { ($0.key, $0.value) }
      for (beginning, members) in sequences {
        let ordered = members.sorted()
        found.append(
          Sequence(
            name: [parent, beginning.isEmpty ? "" : members[0].title].filter { !$0.isEmpty }.joined(
              separator: "/"),
            files: ordered.map { folder.appendingPathComponent($0.path) }, isFile: false,
            stems: ordered.map { ($0.path as NSString).deletingPathExtension }))
      }
    }
    return found.sorted { $0.name < $1.name }
  }

  /// An image's path with the number at the end of its name.
  private struct Numbered: Comparable {
    let path: String
    let beginning: String
    let number: Int?

    init(_ path: String) {
      self.path = path
      let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
      let digits = String(stem.reversed().prefix { ("0"..."9").contains($0) }.reversed())
      beginning = String(stem.dropLast(digits.count))
      number = Int(digits)
    }

    /// The beginning without what separates it from the number.
    var title: String { beginning.trimmingCharacters(in: CharacterSet(charactersIn: "_-. ")) }

    static func < (one: Numbered, other: Numbered) -> Bool {
      (one.beginning, one.number ?? -1, one.path) < (other.beginning, other.number ?? -1, other.path)
    }
  }

  /// A video's sequence of another side: the one of the same name, with an image for each image.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` that names the frame or video without a partner.
  func partner(of video: Sequence, among sequences: [Sequence], _ side: Side) throws(DatasetError) -> Sequence
  {
    guard let place = sides[side] else {
      throw .unusable(
        path: folder.deletingLastPathComponent().path,
        reason: "it has no folder \(side.rawValue) beside the frames, which the system learns from; add it")
    }
    guard let found = sequences.first(where: { $0.name == video.name }) else {
      throw .unusable(
        path: place.path,
        reason: "there are no \(side.rawValue) for the video \(video.name); add them, or remove the video")
    }
    guard !video.isFile, !found.isFile else { return found }
    let known = Dictionary(zip(found.stems, found.files)) { first, _ in first }
    var files: [URL] = []
    for stem in video.stems {
      guard let file = known[stem] else {
        throw .unusable(
          path: place.path,
          reason: "there are no \(side.rawValue) for the frame \(stem); add them, or remove the frame")
      }
      files.append(file)
    }
    return Sequence(name: video.name, files: files, isFile: false, stems: video.stems)
  }

  /// Names, and sizes and ends of files.
  func fingerprint(of others: [Sequence]) -> String {
    var bytes: [UInt8] = []
    for sequence in videos + others {
      bytes += Array("\(sequence.name)\n\(sequence.files.count)\n".utf8)
      // Contents by three images of a folder, because there are many.
      let count = sequence.files.count
      for place in Set([0, count / 2, count - 1]).sorted() {
        bytes += SoundFolder.ends(of: sequence.files[place])
      }
    }
    return contentFingerprint(of: bytes)
  }
}
