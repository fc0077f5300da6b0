internal import AtelierMedia
public import Foundation
internal import Torch

/// Frames of real and of fake videos: the images and labels of ``LabelledImages``, of which the classes named real are
/// one and all others are the other.
///
/// Images lie in a folder for each video inside the folder of their class, `real/VIDEO/0001.png`. A hold-out divides by
/// video and never by frame, and videos of one identity stay together: those in a folder of an identity
/// (`real/IDENTITY/VIDEO/0001.png`), and fakes whose name is that of a real video, or has it between underscores, as
/// FaceForensics++ names them (`000_003`).
public struct LabelledFrames: ImageArrangement {
  /// `frames`
  public let id = "frames"
  /// Whether a pass of training shows real and fake images equally often.
  public let isBalanced: Bool
  /// What folders of real images are called, in lower case.
  public static let realNames = [
    "real", "original", "originals", "original_sequences", "pristine", "genuine", "authentic", "bonafide",
    "youtube", "actors",
  ]

  private var images: LabelledImages { LabelledImages() }

  /// Frames with labels.
  public init(isBalanced: Bool = false) { self.isBalanced = isBalanced }

  /// As ``LabelledImages``, with two classes.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    try frames(images.survey(place, opening, &artefacts), at: place)
  }

  /// The part as a ``FrameCollection``.
  ///
  /// - Throws: what ``LabelledImages`` throws, and ``DatasetError/unusable(path:reason:)`` for data without a class of real
  ///   images, or that are no files.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    try frames(images.open(place, split, opening, artefacts), at: place)
  }

  /// As ``LabelledImages``.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    images.serves(part, surveyedFor: first, opening)
  }

  /// As ``LabelledImages``.
  public func valueName(of field: Field) -> String { images.valueName(of: field) }

  /// As ``LabelledImages``.
  public func refusal(of field: Field, _ description: DatasetDescription) -> String? {
    images.refusal(of: field, description)
  }

  /// As ``LabelledImages``.
  public func preparation(_ opening: DataOpening) throws(DatasetError) -> JointPreparation {
    try images.preparation(opening)
  }

  private func frames(_ part: DataPart, at place: URL) throws(DatasetError) -> DataPart {
    guard let dataset = part.dataset, let files = Self.files(of: dataset) else {
      throw .unusable(
        path: place.path,
        reason: "frames of real and fake videos are image files in folders, real/VIDEO/0001.png"
      )
    }
    let classes = dataset.description.classNames
    let isReal = classes.map { Self.realNames.contains($0.lowercased()) }
    guard isReal.contains(true) else {
      throw .unusable(
        path: place.path,
        reason:
          "none of its classes (\(classes.prefix(6).joined(separator: ", "))) is one of real images; name that "
          + "folder real")
    }
    var root = try archiveFolder(at: place)
    if !ImageFolders.isFolder(root) { root = root.deletingLastPathComponent() }
    let places = zip(files.files, files.labels).map { file, label in
      FramePlace(file, label: label, class: classes[label], isReal: isReal[label], below: root)
    }
    return .examples(
      FrameSet(dataset, FramePlace.frames(places), classes: classes, isBalanced: isBalanced))
  }

  private static func files(of dataset: any Dataset) -> (files: [URL], labels: [Int])? {
    switch dataset {
    case let images as ImageDataset: (Array(images.files), images.labels)
    case let joint as JointDataset:
      if case .derived(let base, _) = joint.contents { files(of: base) } else { nil }
    default: nil
    }
  }
}

/// Images of real and fake videos, which measures take video by video.
public protocol FrameCollection: Dataset {
  /// The video that a frame belongs to, by the path of its folder.
  func video(of index: Int) -> String
  /// How a frame was faked, by the name of its class; nil: it is real.
  func manipulation(of index: Int) -> String?
}

/// A frame of a video, by where its file lies.
struct Frame: Sendable {
  let file: URL
  /// The path below the data's folder.
  let name: String
  /// The path of the folder that it lies in; that of the file where it lies in no folder of a video.
  let video: String
  /// The number of its class in the data.
  let kind: Int
  /// Nil: it is real.
  let manipulation: String?
  /// What it shares with other videos that are not to be told apart from it.
  let keys: [String]

  /// 0 for real, 1 for fake.
  var label: Int { manipulation == nil ? 0 : 1 }
}

/// Where a frame lies.
private struct FramePlace {
  let file: URL
  let name: String
  let label: Int
  let className: String
  let isReal: Bool
  /// The folders between that of the class and the file.
  let inner: [String]
  let video: String

  init(_ file: URL, label: Int, class className: String, isReal: Bool, below root: URL) {
    (self.file, self.label, self.className, self.isReal) = (file, label, className, isReal)
    let prefix = root.path + "/"
    let parts =
      file.path.hasPrefix(prefix)
      ? file.path.dropFirst(prefix.count).split(separator: "/").map(String.init)
      : file.pathComponents.suffix(3)
    name = parts.joined(separator: "/")
    let folders = parts.dropLast()
    // A table names files that lie anywhere.
    inner = folders.firstIndex(of: className).map { Array(folders[($0 + 1)...]) } ?? Array(folders)
    video = inner.isEmpty ? name : folders.joined(separator: "/")
  }

  /// Frames with what their videos share.
  static func frames(_ places: [FramePlace]) -> [Frame] {
    let real = places.filter(\.isReal)
    let identities = Set(real.filter { $0.inner.count == 2 }.map { $0.inner[0] })
    // Videos of two identities may have one name.
    let names = Set(real.filter { $0.inner.count != 2 }.compactMap(\.inner.last))
    return places.map { place in
      var keys = ["video " + place.video]
      var manipulation = place.className
      if let name = place.inner.last {
        let parts = [name] + name.split { $0 == "_" || $0 == "-" }.map(String.init)
        keys += parts.filter(names.contains).map { "name " + $0 }
      }
      if place.inner.count == 2, identities.contains(place.inner[0]) {
        keys.append("identity " + place.inner[0])
      } else if place.inner.count > 1 {
        // fake/Deepfakes/000_003, manipulated_sequences/Deepfakes/c23/images/000_003
        manipulation = place.inner[0]
      }
      return Frame(
        file: place.file, name: place.name, video: place.video, kind: place.label,
        manipulation: place.isReal ? nil : manipulation, keys: keys)
    }
  }
}

/// Frames of real and fake videos, with labels 0 and 1.
struct FrameSet: FrameCollection {
  let description: DatasetDescription
  let isRandom: Bool
  private let base: any Dataset
  /// The number of each frame in the data below.
  private let indices: [Int]
  let frames: [Frame]
  private let isBalanced: Bool

  init(_ base: any Dataset, _ frames: [Frame], classes: [String], isBalanced: Bool) {
    var description = base.description
    description.classNames = ["real", "fake"]
    description.labelHistogram = Self.histogram(frames)
    let videos = Set(frames.map(\.video)).count
    description.notes.append("\(frames.count) frames of \(videos) videos.")
    let loose = frames.count { $0.video == $0.name }
    if loose > 0 {
      description.notes.append(
        "\(loose) images lie in no folder of a video and count as a video each; frames of one video may then be in two parts."
      )
    }
    self.init(
      base, Array(frames.indices), frames, description, isRandom: base.isRandom, isBalanced: isBalanced)
  }

  private init(
    _ base: any Dataset, _ indices: [Int], _ frames: [Frame], _ description: DatasetDescription,
    isRandom: Bool, isBalanced: Bool
  ) {
    (self.base, self.indices, self.frames, self.description) = (base, indices, frames, description)
    (self.isRandom, self.isBalanced) = (isRandom, isBalanced)
  }

  private static func histogram(_ frames: [Frame]) -> [Int] {
    let fake = frames.count { $0.manipulation != nil }
    return [frames.count - fake, fake]
  }

  /// Some of the frames, as a part that a hold-out makes.
  func keeping(_ chosen: [Int], _ description: DatasetDescription) -> FrameSet {
    var description = description
    if description.split == .train {
      description.notes.append("Frames of a video, and videos of one identity, are in one part.")
    }
    return FrameSet(
      base, chosen.map { indices[$0] }, chosen.map { frames[$0] }, description,
      isRandom: description.split == .train && isRandom, isBalanced: isBalanced)
  }

  var count: Int { frames.count }
  var isInMemory: Bool { base.isInMemory }
  /// 0 for real, 1 for fake.
  var labels: [Int] { frames.map(\.label) }
  func title(of index: Int) -> String? { frames[index].name }
  func video(of index: Int) -> String { frames[index].video }
  func manipulation(of index: Int) -> String? { frames[index].manipulation }

  func example(at index: Int) throws(DatasetError) -> Example {
    try labelled(base.example(at: place(index)), index)
  }

  func example(at index: Int, using generator: inout SeededGenerator) throws(DatasetError) -> Example {
    let place = try place(index)
    return isRandom
      ? try labelled(base.example(at: place, using: &generator), index)
      : try labelled(base.example(at: place), index)
  }

  func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try base.collate(examples)
  }

  private func place(_ index: Int) throws(DatasetError) -> Int {
    guard indices.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(indices.count)")
    }
    return indices[index]
  }

  private func labelled(_ example: Example, _ index: Int) -> Example {
    var example = example
    example.fields["label"] = HostTensor([frames[index].label], shape: [])
    return example
  }

  /// Balanced passes take real and fake frames in turn, each kind in random order and from the beginning where it has run
  /// out; they are as long as others.
  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    guard isBalanced else { return nil }
    let kinds = [0, 1].map { label in frames.indices.filter { frames[$0].label == label } }
    guard kinds.allSatisfy({ !$0.isEmpty }) else { return nil }
    let size = frames.count / batchSize * batchSize
    var left = [[Int]](repeating: [], count: 2)
    var chosen: [Int] = []
    while chosen.count < size {
      let kind = chosen.count % 2
      if left[kind].isEmpty { left[kind] = generator.permutation(kinds[kind].count).map { kinds[kind][$0] } }
      chosen.append(left[kind].removeLast())
    }
    return stride(from: 0, to: size, by: batchSize).map { Array(chosen[$0..<($0 + batchSize)]) }
  }

  /// The first frame of each video, real and fake ones in turn.
  func examplesToShow(_ limit: Int) -> [Int]? {
    var seen: Set<String> = []
    let first = frames.indices.filter { seen.insert(frames[$0].video).inserted }
    var kinds = [1, 0].map { label in Array(first.filter { frames[$0].label == label }.reversed()) }
    var shown: [Int] = []
    while shown.count < limit, kinds.contains(where: { !$0.isEmpty }) {
      for kind in kinds.indices {
        if let next = kinds[kind].popLast(), shown.count < limit { shown.append(next) }
      }
    }
    return shown
  }
}
