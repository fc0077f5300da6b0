internal import AtelierMedia
public import Foundation
internal import Synchronization
internal import Torch

/// Checks data before training: decodes every image, and reports what is known to spoil a run.
///
/// Damaged data is reported as findings; an error is thrown only where there is nothing to report on.
///
/// - Parameters:
///   - place: a folder, an archive, a table, arrays, or a text file.
///   - options: the label column and the decoding limits.
///   - system: returns the name of a system for a kind of data, for the suggested command; nil suggests none.
///   - progress: called on any thread with the numbers of images done and in total.
public func checkData(
  at place: URL, options: DatasetOptions = DatasetOptions(),
  suggesting system: (DataKind) -> String? = { _ in nil },
  progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
) throws(DatasetError) -> DataReport {
  let path = try archiveFolder(at: place)
  return try ImageFolders.opening(path) { () throws(DatasetError) -> DataReport in
    try checkData(in: path, named: place, options, suggesting: system, progress)
  }
}

private func checkData(
  in path: URL, named place: URL, _ options: DatasetOptions, suggesting system: (DataKind) -> String?,
  _ progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
) throws(DatasetError) -> DataReport {
  try ImageFolders.requireListable(path)
  let given = options.codec.scale
  var options = options
  options.codec.scale = NumberSurvey(imagesAt: path, codec: options.codec).decided(given: given)
  if let folders = PairFolders.find(at: path), !folders.mayBeClasses {
    try folders.requireLists()
    var check = DataCheck(path: path, options: options, layout: .pairedFolders, givenScale: given)
    check.report.path = place.relativePath
    check.readPairs(folders, progress)
    return check.finished(suggesting: system)
  }
  if let columns = DocumentColumns.find(at: path, label: options.labelColumn) {
    var check = DataCheck(
      path: path, options: options, layout: columns.label == nil ? .documents : .labelledText)
    check.report.path = place.relativePath
    check.readDocuments(columns)
    return check.finished(suggesting: system, settings: columns.settings)
  }
  if SentencePairFiles.isPresent(at: path) {
    var check = DataCheck(path: path, options: options, layout: .sentencePairs)
    check.report.path = place.relativePath
    check.readSentencePairs()
    return check.finished(suggesting: system)
  }
  if holdsCaptions(path) {
    var check = DataCheck(path: path, options: options, layout: .captions, givenScale: given)
    check.report.path = place.relativePath
    check.readCaptions(progress)
    return check.finished(suggesting: system)
  }
  var check = DataCheck(path: path, options: options, layout: try detectLayout(at: path), givenScale: given)
  check.report.path = place.relativePath
  if check.report.layout == .text { check.readText() } else { check.readImages(progress) }
  return check.finished(suggesting: system)
}

struct DataCheck {
  let path: URL
  let options: DatasetOptions
  /// The scale of numbers that the user gave; the options have the one that was decided.
  let givenScale: SampleScale?
  var report: DataReport
  /// Whether the sources are label maps, as indices or colour-coded.
  var holdsLabelMaps = false

  init(path: URL, options: DatasetOptions, layout: DataLayout, givenScale: SampleScale? = nil) {
    self.path = path
    self.givenScale = givenScale
    self.options = options
    report = DataReport(
      path: path.relativePath, layout: layout, parts: [], findings: [], corrupt: [], exactDuplicates: [],
      nearDuplicates: [], otherFiles: [], suggestedCommand: nil)
  }

  mutating func find(_ severity: DataReport.Severity, _ kind: DataReport.Kind, _ message: String) {
    report.findings.append(DataReport.Finding(severity: severity, kind: kind, message: message))
  }

  /// - Parameter settings: what the suggested command says of the data's columns.
  func finished(suggesting system: (DataKind) -> String?, settings: String = "") -> DataReport {
    var report = report
    let order = DataReport.Severity.allCases
    report.findings = order.flatMap { severity in report.findings.filter { $0.severity == severity } }
    guard report.isUsable else { return report }
    // Texts and captions are divided where they are read.
    let isUndivided =
      ![.text, .captions, .documents, .labelledText].contains(report.layout)
      && !report.parts.contains { $0.split != .train }
    if isUndivided {
      report.findings.append(
        DataReport.Finding(
          severity: .note, kind: .nothingHeldOut,
          message:
            "There is no test or validation part to measure on: `atelier train --hold-out 0.1` keeps a tenth, "
            + "`atelier data prepare split` divides the data."))
    }
    let quoted = shellWord(report.path)
    let halves = report.layout == .sideBySide && options.isSideBySide ? " --side-by-side" : ""
    let holdOut = isUndivided ? " --hold-out 0.1" : ""
    let range = givenScale.map { " --range \($0)" } ?? ""
    report.suggestedCommand = system(FaceFolder.kind(of: path) ?? kind(of: report)).map {
      let preset = $0.contains(" --preset ") ? "" : " --preset small"
      return "atelier train \($0) --data \(quoted)\(halves)\(range)\(preset)\(settings) --epochs 20\(holdOut)"
    }
    return report
  }

  private func kind(of report: DataReport) -> DataKind {
    switch report.layout {
    case .text: return .text
    case .captions: return .captionedImages
    case .sentencePairs: return .sentencePairs
    case .documents: return .documents
    case .labelledText: return .labelledText
    case .pairedFolders where holdsLabelMaps: return .labelMaps
    case .pairedFolders, .sideBySide: return .imagePairs
    case .unpairedFolders: return .unpairedImages
    case .flatImages where (report.parts.first?.sizes.count ?? 0) > 1: return .photographs
    default:
      let used = report.parts.first?.classes.count { $0.count > 0 } ?? 0
      return used > 1 ? .labelledImages : .images
    }
  }

  // MARK: Text

  mutating func readText() {
    let corpus: TextCorpus
    do throws(DatasetError) { corpus = try openText(at: path) } catch {
      find(.error, .unreadable, error.description)
      return
    }
    for split in DatasetSplit.allCases {
      let bytes = corpus.part(split)
      var part = DataReport.Part(
        split: split, count: bytes.count, classes: [], sizes: [], modes: [], text: [],
        fingerprint: contentFingerprint(of: bytes))
      if let words = try? Vocabulary.split(bytes, .words) {
        let lines = words.count { $0 == Vocabulary.endOfLine }
        part.text = [
          DataReport.Tally(name: "lines", count: lines),
          DataReport.Tally(name: "words", count: words.count - lines),
          DataReport.Tally(name: "distinct words", count: Set(words).count - (lines > 0 ? 1 : 0)),
          DataReport.Tally(
            name: "characters", count: String(decoding: bytes, as: UTF8.self).unicodeScalars.count),
        ]
      }
      report.parts.append(part)
    }
    do throws(DatasetError) { try checkEncoding(ofTextAt: path) } catch {
      find(.error, .notUTF8, error.description)
    }
    if corpus.train.count < 100_000 {
      find(
        .warning, .fewExamples,
        "The training text has \(corpus.train.count) bytes; a model needs some 100,000 to learn spelling.")
    }
  }

  // MARK: Images

  mutating func readImages(_ progress: (@Sendable (Int, Int) -> Void)?) {
    var sets: [(split: DatasetSplit, data: any Dataset)] = []
    for split in DatasetSplit.allCases {
      do throws(DatasetError) {
        sets.append((split, try openDataset(at: path, split: split, options: options)))
      } catch {
        if case .missingSplit = error { continue }
        find(.error, .unreadable, error.description)
      }
    }
    guard !sets.isEmpty else {
      if report.isUsable { find(.error, .unreadable, "\(path.path) has no part that could be opened.") }
      return
    }
    if sets[0].split != .train { find(.error, .fewExamples, "There is no training part.") }
    judgeUse(sets[0].data)
    let pictures = survey(sets, progress)
    for set in sets { addPart(set.split, set.data, pictures.filter { $0.split == set.split }) }
    collectCorrupt(pictures)
    judgeFiles(pictures.count)
    judgeHalves(pictures)
    judgeAnimations(pictures)
    judgeNumbers(pictures)
    judgeClasses(sets.map(\.data.description))
    judgeDuplicates(DuplicateSearch(pictures))
    judgeShapes()
  }

  /// What training refuses at the start, in its words: data of which nothing can be read.
  mutating func judgeUse(_ training: any Dataset) {
    do throws(DatasetError) { try training.requireUsable() } catch {
      find(.error, .unreadable, error.description)
    }
  }

  mutating func collectCorrupt(_ pictures: [SurveyedImage]) {
    for picture in pictures {
      if case .failure(let error) = picture.outcome, case .corruptImage(_, let reason) = error {
        report.corrupt.append(DataReport.Corrupt(path: picture.name, reason: reason))
      }
    }
    for case .failure(.exhausted(let path, let reason)) in pictures.map(\.outcome) {
      find(.error, .unreadable, DatasetError.exhausted(path: path, reason: reason).description)
      break
    }
  }

  /// Decodes all images in parallel.
  func survey(
    _ sets: [(split: DatasetSplit, data: any Dataset)], _ progress: (@Sendable (Int, Int) -> Void)?
  ) -> [SurveyedImage] {
    let total = sets.reduce(0) { $0 + $1.data.count }
    let done = Mutex(0)
    let root = path.resolvingSymlinksInPath().path
    let codec = options.codec
    return sets.flatMap { split, data -> [SurveyedImage] in
      let chunk = 64
      return inParallel((data.count + chunk - 1) / chunk) { piece -> [SurveyedImage] in
        let range = (piece * chunk)..<min(data.count, (piece + 1) * chunk)
        let pictures = range.map { index in Self.look(at: index, of: data, split, root, codec) }
        let now = done.withLock { count -> Int in
          count += pictures.count
          return count
        }
        progress?(now, total)
        return pictures
      }.flatMap { $0 }
    }
  }

  private static func look(
    at index: Int, of data: any Dataset, _ split: DatasetSplit, _ root: String, _ codec: ImageCodec
  ) -> SurveyedImage {
    var name = "\(split.rawValue)[\(index)]"
    var label = 0
    var frames = 1
    var numbers: SampleFacts?
    do throws(DatasetError) {
      let image: Image
      let captioned = (data as? SurveyedPictures)?.pictures[index]
      let folder = data as? ImageDataset
      if let shards = data as? ShardImages {
        let full = shards.places[index].name
        name = full.hasPrefix(root + "/") ? String(full.dropFirst(root.count + 1)) : full
        label = shards.labels[index]
        image = try shards.image(at: index)
      } else if let file = folder?.files[index] ?? captioned?.file {
        // Decoded here, because an example does not keep the file's bit depth.
        let full = file.resolvingSymlinksInPath().path
        name = full.hasPrefix(root + "/") ? String(full.dropFirst(root.count + 1)) : file.path
        if let member = captioned?.member { name += "/" + member.name }
        label = folder?.labels[index] ?? 0
        if let captioned, captioned.member != nil {
          image = try captioned.image(by: codec)
        } else {
          do throws(ImageError) {
            image = try codec.decode(file)
            if image.depth > 8 || codec.scale?.coversBytes == true {
              numbers = try codec.samples(of: file, outside: codec.scale)
            }
            if ["gif", "webp"].contains(file.pathExtension.lowercased()) {
              frames = try codec.information(of: file).frames
            }
          } catch {
            throw DatasetError.unreadable(name, error)
          }
        }
      } else {
        let example = try data.example(at: index)
        guard let tensor = example["image"] else { throw .invalid(reason: "\(name) has no image") }
        label = example["label"]?.integers().first ?? 0
        do throws(ImageError) { image = try Image(tensor) } catch {
          throw DatasetError.unreadable(name, error)
        }
      }
      return SurveyedImage(
        name: name, split: split, label: label,
        outcome: .success(SurveyedImage.Facts(image, frames: frames, numbers: numbers)))
    } catch {
      return SurveyedImage(name: name, split: split, label: label, outcome: .failure(error))
    }
  }

  mutating func addPart(_ split: DatasetSplit, _ data: any Dataset, _ pictures: [SurveyedImage]) {
    let facts = pictures.compactMap { picture -> SurveyedImage.Facts? in
      if case .success(let facts) = picture.outcome { facts } else { nil }
    }
    func tallies(_ names: [String]) -> [DataReport.Tally] {
      Dictionary(grouping: names, by: { $0 }).map { DataReport.Tally(name: $0.key, count: $0.value.count) }
        .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    }
    let description = data.description
    let classes = zip(description.classNames, description.labelHistogram).map {
      DataReport.Tally(name: $0, count: $1)
    }
    report.parts.append(
      DataReport.Part(
        split: split, count: data.count, classes: description.layout == .flatImages ? [] : classes,
        sizes: tallies(facts.map(\.size)), modes: tallies(facts.map(\.mode)), text: [],
        fingerprint: description.fingerprint))
  }

  mutating func judgeFiles(_ count: Int) {
    if let first = report.corrupt.first {
      find(
        .warning, .corruptImages,
        "\(report.corrupt.count) of \(count) images cannot be decoded, the first being \(first.path) "
          + "(\(first.reason)); training skips them, and removing them is better.")
    }
    guard ImageFolders.isFolder(path) else { return }
    var expected: Set<String> = Set(
      LabelTable.fileNames + ["classes.txt", "classes.json", "batches.meta.txt", "readme", "license"])
    // Text files are lists of file names that divide folders of pairs.
    if report.layout == .pairedFolders {
      expected.formUnion(["train", "val", "valid", "validation", "test"])
    }
    // What `data prepare faces` and `rendered-faces` write beside the images.
    expected.formUnion([FaceTable.fileName, FaceSet.provenanceName, "consent.yaml"])
    let holdsShards = CaptionShards.isPresent(at: path)
    if [.classFolders, .flatImages, .table, .pairedFolders, .unpairedFolders, .captions].contains(
      report.layout)
    {
      report.otherFiles = otherFiles(below: path).filter { name in
        let file = (name as NSString).lastPathComponent.lowercased()
        if report.layout == .captions,
          CaptionTable.fileNames.contains(file) || file.hasSuffix(".txt")
            || holdsShards && file.hasSuffix(".tar")
        {
          return false
        }
        return !expected.contains(file) && !expected.contains((file as NSString).deletingPathExtension)
      }
    }
    // Pictures in formats that are not read are named as such.
    let foreign = report.otherFiles.filter { UnreadFormats.name(of: $0) == nil }
    if let first = foreign.first {
      find(
        .note, .otherFiles,
        foreign.count == 1
          ? "\(first) is not an image and is left out."
          : "\(foreign.count) files are not images and are left out, such as \(first).")
    }
    let debris = ImageFolders.debris(in: path)
    if !debris.isEmpty {
      find(
        .note, .leftOut,
        "\(debris.joined(separator: ", ")) was left by another program and is no part of the data.")
    }
  }

  private func otherFiles(below folder: URL) -> [String] {
    guard let walk = FileManager.default.enumerator(atPath: folder.path) else { return [] }
    var found: [String] = []
    for case let name as String in walk {
      let isHidden = name.split(separator: "/").contains { $0.hasPrefix(".") }
      if isHidden || ImageFolders.isImage(name) { continue }
      if name.split(separator: "/").contains(where: { ImageFolders.isDebris(String($0)) }) { continue }
      if !ImageFolders.isFolder(folder.appendingPathComponent(name)) { found.append(name) }
    }
    return found.sorted()
  }

  /// What the data say of themselves, as training says it at its start.
  mutating func judgeNotes(_ training: DatasetDescription) {
    for note in training.notes where !note.contains("one folder too high") {
      if LeftOut.isLoss(note) {
        find(.warning, .leftOut, note)
      } else {
        find(.note, note == noLabels ? .noLabels : .remark, note)
      }
    }
  }

  private mutating func judgeClasses(_ descriptions: [DatasetDescription]) {
    let training = descriptions[0]
    judgeNotes(training)
    if training.count < 100 {
      find(
        .warning, .fewExamples,
        "There are \(training.count) training images; most systems need hundreds to thousands.")
    }
    guard training.layout != .flatImages else { return }
    let used = zip(training.classNames, training.labelHistogram).filter { $1 > 0 }
    let empty = zip(training.classNames, training.labelHistogram).filter { $1 == 0 }.map(\.0)
    if !empty.isEmpty {
      find(
        .warning, .emptyClass,
        "\(empty.count == 1 ? "The class" : "The classes") \(empty.map { "\"\($0)\"" }.joined(separator: ", ")) "
          + "\(empty.count == 1 ? "has" : "have") no training images; remove or fill the folder.")
    }
    judgeNesting(used.map(\.0))
    if used.count > 1, let most = used.max(by: { $0.1 < $1.1 }), let least = used.min(by: { $0.1 < $1.1 }),
      most.1 >= 10 * least.1
    {
      find(
        .warning, .imbalance,
        "\"\(most.0)\" has \(most.1) images and \"\(least.0)\" \(least.1); the model will generate rare classes poorly."
      )
    }
  }

  /// A common mistake: the path is one folder too high, so that all classes become one.
  private mutating func judgeNesting(_ classes: [String]) {
    guard report.layout == .classFolders else {
      if classes.count == 1 {
        find(
          .warning, .oneClass, "Every label is \"\(classes[0])\", so there is nothing to condition on.")
      }
      return
    }
    let root = ImageFolders.isDivided(path) ? ImageFolders.folder(of: .train, in: path) ?? path : path
    let nested = classes.filter { name in
      let folder = root.appendingPathComponent(name)
      return ImageFolders.subfolders(of: folder).count { child in
        !ImageFolders.pictures(below: folder.appendingPathComponent(child)).isEmpty
      } > 1
    }
    if classes.count == 1 {
      let hint =
        nested.isEmpty
        ? "there is nothing to condition on"
        : "the path is one folder too high: use \((root.relativePath as NSString).appendingPathComponent(classes[0]))"
      find(nested.isEmpty ? .warning : .error, .oneClass, "Every label is \"\(classes[0])\"; \(hint).")
    } else if let first = nested.first {
      find(
        .warning, .nestedClass,
        "\(nested.count) of \(classes.count) classes have several folders of images inside, such as \"\(first)\"; "
          + "all of them get that one label. If the inner folders are the classes, the path is one folder too high."
      )
    }
  }

  mutating func judgeDuplicates(_ search: DuplicateSearch) {
    report.exactDuplicates = search.exact().map { search.described($0) }
    report.nearDuplicates = search.near().map { search.described($0) }
    let exact = report.exactDuplicates
    if !exact.isEmpty {
      let surplus = exact.reduce(0) { $0 + $1.members.count - 1 }
      find(
        .note, .exactDuplicates,
        "\(surplus == 1 ? "An image is an exact copy of another" : "\(surplus) images are exact copies of others"),"
          + " such as \(exact[0].members[1]).")
    }
    let hasLabels = ![.pairedFolders, .unpairedFolders, .sideBySide].contains(report.layout)
    if hasLabels, let first = exact.first(where: \.labelsDiffer) {
      find(
        .warning, .conflictingLabels,
        "Of the same images, \(exact.count { $0.labelsDiffer }) carry two labels, such as \(first.members.joined(separator: " = "))."
      )
    }
    let leaks = exact.filter(\.crossesParts)
    if let first = leaks.first {
      find(
        .warning, .leakage,
        "\(leaks.count == 1 ? "An image is" : "\(leaks.count) images are") in more than one part, such as "
          + "\(first.members.joined(separator: " = ")); measures on held-out data will be too good.")
    }
    let near = report.nearDuplicates
    if !near.isEmpty {
      find(
        .note, .nearDuplicates,
        "\(near.count == 1 ? "A pair of images looks" : "\(near.count) pairs of images look") the same, such as "
          + "\(near[0].members.joined(separator: " and "))."
      )
    }
    let nearLeaks = near.filter(\.crossesParts)
    if let first = nearLeaks.first {
      find(
        .note, .nearLeakage,
        "\(nearLeaks.count == 1 ? "One of these pairs is" : "\(nearLeaks.count) of these pairs are") in different "
          + "parts, such as \(first.members.joined(separator: " and "))."
      )
    }
  }

  mutating func judgeShapes() {
    guard let training = report.parts.first else { return }
    if training.sizes.count > 1 {
      find(
        .note, .mixedSizes,
        "Images have \(training.sizes.count) different sizes; they are resized to cover the frame and centre-cropped."
      )
    }
    if training.modes.count > 1 {
      find(
        .note, .mixedModes,
        "Images are of different kinds (\(training.modes.map { "\($0.count) \($0.name)" }.joined(separator: "; "))); "
          + "alpha is composited over white, and all are converted to the system's channels.")
    }
  }
}
