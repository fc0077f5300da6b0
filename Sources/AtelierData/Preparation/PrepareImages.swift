public import AtelierMedia
public import Foundation
internal import Synchronization

/// Called on any thread with the numbers of images done and in total.
public typealias PreparationProgress = @Sendable (_ done: Int, _ total: Int) -> Void

/// Maps every image below a folder to a PNG of the same name in a new folder.
///
/// Images that cannot be decoded are named in the report. A table beside the images is carried over as
/// `metadata.jsonl`. Repeating an interrupted call continues it.
///
/// - Parameters:
///   - recipe: a text that identifies the operation: `edges 1.2 1.0 2.5`.
///   - body: the new image.
/// - Throws: ``DatasetError/exists(path:)`` where the result exists; ``DatasetError`` where nothing can be
///   read or written.
public func prepareImages(
  from source: URL, to target: URL, recipe: String, progress: PreparationProgress? = nil,
  _ body: @Sendable (Image) throws(ImageError) -> Image
) throws(DatasetError) -> PreparationReport {
  let names = try imagesToPrepare(in: source, for: target)
  let folder = try StagedFolder(target, recipe: "\(recipe)\n\(source.standardizedFileURL.path)\n")
  var byStem: [String: String] = [:]
  var leftOut = UnreadFormats.clause(below: source).map { ["\(source.path) holds \($0)."] } ?? []
  for name in names {
    let stem = (name as NSString).deletingPathExtension
    if let first = byStem[stem] {
      leftOut.append("\(name) would overwrite the result of \(first).")
    } else {
      byStem[stem] = name
    }
  }
  // Written with the numbers of 8 or 16 bits, all on one scale.
  let codec = ImageCodec(scale: NumberSurvey(imagesAt: source).decided())
  let work = byStem.sorted { $0.key < $1.key }
  let done = Mutex(0)
  let outcomes = inParallel(work.count) { index -> DatasetError? in
    let (stem, name) = work[index]
    defer {
      let now = done.withLock { count -> Int in
        count += 1
        return count
      }
      progress?(now, work.count)
    }
    if folder.has(stem + ".png") || folder.has(stem + ".tif") { return nil }
    do throws(ImageError) {
      let picture = try body(try codec.decode(source.appendingPathComponent(name)))
      let (format, ending): (ImageFormat, String) = picture.isMultiband ? (.tiff, ".tif") : (.png, ".png")
      let bytes = try ImageCodec().encode(picture, as: format)
      do throws(DatasetError) { try folder.write(bytes, to: stem + ending) } catch { return error }
      return nil
    } catch {
      return .unreadable(name, error)
    }
  }
  for case let error in outcomes {
    guard let error else { continue }
    guard case .corruptImage = error else { throw error }
    leftOut.append(error.description)
  }
  let written = work.count - outcomes.count { $0 != nil }
  guard written > 0 else {
    folder.discard()
    throw .invalid(
      reason: "no image of \(source.path) could be used; the first: \(leftOut.first ?? "none")")
  }
  if let file = LabelTable.find(in: source) {
    let made = zip(work, outcomes).filter { $1 == nil }.map { work, _ in
      (work.value, work.key + (folder.has(work.key + ".tif") ? ".tif" : ".png"))
    }
    try folder.write(
      try LabelTable(file).jsonLines(ofFiles: Dictionary(made) { first, _ in first }), to: "metadata.jsonl")
  }
  try folder.finish()
  return PreparationReport(written: written, leftOut: leftOut)
}

/// The images below a folder; throws where the result would lie inside it.
private func imagesToPrepare(in source: URL, for target: URL) throws(DatasetError) -> [String] {
  try refuseNesting(of: target, in: source)
  let names = ImageFolders.pictures(below: source)
  guard !names.isEmpty else { throw ImageFolders.noImages(in: source) }
  return Array(names)
}

/// Throws for a source that is not a folder, and for a result inside it.
func refuseNesting(of target: URL, in source: URL) throws(DatasetError) {
  guard ImageFolders.isFolder(source) else { throw .notFound(path: source.path) }
  let outer = source.resolvingSymlinksInPath().standardizedFileURL.path + "/"
  let inner = target.resolvingSymlinksInPath().standardizedFileURL.path + "/"
  if inner.hasPrefix(outer) {
    throw .invalid(reason: "\(target.path) lies inside \(source.path); name a folder beside it")
  }
}

/// Joins two folders of images whose files have the same names apart from the extension.
///
/// Where the targets, or otherwise the sources, have a table with a column `split`, the pairs are placed in
/// `train`, `val` and `test` accordingly.
///
/// - Parameters:
///   - sideBySide: whether each pair becomes one PNG with the source on the left; otherwise the files are
///     copied unchanged into folders `A` and `B`.
///   - linking: link the files instead of copying them.
/// - Throws: ``DatasetError`` where no names match or the result exists.
public func preparePairs(
  sources: URL, targets: URL, to target: URL, sideBySide: Bool = false, linking: Bool = false,
  progress: PreparationProgress? = nil
) throws(DatasetError) -> PreparationReport {
  try refuseNesting(of: target, in: sources)
  try refuseNesting(of: target, in: targets)
  var leftOut: [String] = []
  func byStem(_ folder: URL) -> [String: String] {
    var files: [String: String] = [:]
    for name in ImageFolders.pictures(below: folder) {
      let stem = (name as NSString).deletingPathExtension
      if let first = files[stem] {
        leftOut.append("\(name) of \(folder.lastPathComponent) has the name of \(first).")
      } else {
        files[stem] = name
      }
    }
    return files
  }
  let (left, right) = (byStem(sources), byStem(targets))
  var stems = left.keys.filter { right[$0] != nil }.sorted()
  guard !stems.isEmpty else {
    throw .invalid(
      reason: "no file name of \(sources.path) matches one of \(targets.path), apart from the extension")
  }
  leftOut += Set(left.keys).symmetricDifference(right.keys).sorted().map {
    "\($0) is in one of the folders only."
  }
  for folder in [sources, targets] {
    if let clause = UnreadFormats.clause(below: folder) { leftOut.append("\(folder.path) holds \(clause).") }
  }
  var table = try partsOfTable(in: targets)
  if table == nil { table = try partsOfTable(in: sources) }
  let parts = table?.known
  if let unknown = table?.unknown {
    for stem in stems {
      if let word = unknown[stem] {
        leftOut.append("\(stem) is in no part: its \"split\" is \"\(word)\", and not train, val or test.")
      }
    }
    stems.removeAll { unknown[$0] != nil }
  }
  let paired = stems
  let folder = try StagedFolder(
    target,
    recipe:
      "pair \(sideBySide)\n\(sources.standardizedFileURL.path)\n\(targets.standardizedFileURL.path)\n")
  // One scale of numbers for both sides.
  let codec = ImageCodec(
    scale: sideBySide
      ? NumberSurvey([sources, targets].flatMap { NumberSurvey(imagesAt: $0).entries }).decided() : nil)
  let done = Mutex(0)
  let outcomes = inParallel(paired.count) { index -> DatasetError? in
    let stem = paired[index]
    guard let a = left[stem], let b = right[stem] else { return nil }
    let part = parts.map { ImageFolders.names(of: $0[stem] ?? .train)[0] + "/" } ?? ""
    defer {
      let now = done.withLock { count -> Int in
        count += 1
        return count
      }
      progress?(now, paired.count)
    }
    do throws(DatasetError) {
      if sideBySide {
        if folder.has(part + stem + ".png") { return nil }
        let sheet = try joined(
          sources.appendingPathComponent(a), targets.appendingPathComponent(b), stem, codec)
        try folder.write(sheet, to: part + stem + ".png")
      } else {
        try folder.add(sources.appendingPathComponent(a), as: part + "A/" + a, linking: linking)
        try folder.add(targets.appendingPathComponent(b), as: part + "B/" + b, linking: linking)
      }
      return nil
    } catch { return error }
  }
  for case let error in outcomes {
    guard let error else { continue }
    guard case .corruptImage = error else { throw error }
    leftOut.append(error.description)
  }
  let written = paired.count - outcomes.count { $0 != nil }
  guard written > 0 else {
    folder.discard()
    throw .invalid(reason: "no pair could be used; the first: \(leftOut.last ?? "none")")
  }
  try folder.finish()
  return PreparationReport(written: written, leftOut: leftOut)
}

/// The parts that a table gives to images, by their names without the endings; nil without such a table.
private func partsOfTable(
  in folder: URL
) throws(DatasetError) -> (known: [String: DatasetSplit], unknown: [String: String])? {
  guard let file = LabelTable.find(in: folder) else { return nil }
  return try LabelTable(file).parts()
}

/// A PNG of two images side by side, the left one resized to the right one's size.
private func joined(
  _ source: URL, _ target: URL, _ stem: String, _ codec: ImageCodec
) throws(DatasetError) -> [UInt8] {
  do throws(ImageError) {
    let (left, right) = (try codec.decode(source), try codec.decode(target))
    let expected = Double(left.width) * Double(right.height) / Double(right.width)
    guard abs(Double(left.height) - expected) <= max(1.5, 0.03 * expected) else {
      throw .invalid(
        reason:
          "\(left.width) x \(left.height) and \(right.width) x \(right.height) have different aspect ratios")
    }
    let depth = max(left.depth, right.depth)
    let cells = [left, right].map { $0.withDepth(min(16, depth)).rgb() }
    let sized = try cells[0].resized(width: right.width, height: right.height)
    return try ImageCodec().encode(sized.joined(with: cells[1]), as: .png)
  } catch {
    throw .unreadable(stem, error)
  }
}
