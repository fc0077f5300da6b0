internal import AtelierMedia
public import Foundation

/// Opens examples of two images that belong together, and of instance maps where a field asks for them.
///
/// Recognised, in this order: a condition that is derived (where the options or `derivation` say how, and
/// there is no pair of folders or the options insist); folders of sources and targets (`A` and `B`, `source`
/// and `target`, `labels` and `images`, …, see Documentation/data.md) whose files have the same names but for
/// the endings; files of two images side by side.
///
/// - Parameters:
///   - split: the part; only training images are changed at random.
///   - derivation: how the condition is made where the data have images only.
/// - Throws: ``DatasetError`` that names the folder and the way out.
public func openPairs(
  at path: URL, split: DatasetSplit = .train, _ preparation: JointPreparation,
  derivation: PictureDerivation? = nil, options: DatasetOptions = DatasetOptions()
) throws(DatasetError) -> JointDataset {
  guard FileManager.default.fileExists(atPath: path.path) else { throw .notFound(path: path.path) }
  let folders = PairFolders.find(at: path)
  if let folders, options.derivation == nil {
    return try pairs(of: folders, split, preparation, options)
  }
  guard let chosen = options.derivation ?? (options.isSideBySide ? nil : derivation) else {
    return try halves(at: path, split, preparation, options)
  }
  let base = try pictures(at: path, folders, split, options)
  var description = base.description
  description.notes.append("The condition is derived from each picture: \(chosen).")
  return try JointDataset(
    description, .derived(base, chosen), preparation, swaps: options.swapsDirection, codec: options.codec)
}

/// Opens images by themselves that are cut, mirrored or turned at random.
///
/// - Parameter preparation: one field; its name is the value's, `label` and the columns of a table are beside
///   it.
public func openAugmented(
  at path: URL, split: DatasetSplit = .train, _ preparation: JointPreparation,
  options: DatasetOptions = DatasetOptions()
) throws(DatasetError) -> JointDataset {
  let base = try openDataset(at: path, split: split, options: options)
  return try JointDataset(
    base.description, .derived(base, nil), preparation, swaps: false, codec: options.codec)
}

/// The images that conditions are derived from: the targets of pairs, else whatever there is.
private func pictures(
  at path: URL, _ folders: PairFolders?, _ split: DatasetSplit, _ options: DatasetOptions
) throws(DatasetError) -> any Dataset {
  guard let folders else { return try openDataset(at: path, split: split, options: options) }
  let files = folders.files(.target, of: split).sorted { $0.key < $1.key }
  guard !files.isEmpty else { throw missing(split, folders) }
  let description = DatasetDescription(
    layout: .flatPictures, name: path.lastPathComponent, split: split, count: files.count,
    classNames: ["0"],
    fingerprint: try contentFingerprint(of: files.map { ($0.key, $0.value) }, isLenient: true))
  return PictureDataset(
    description: description, files: files.map(\.value), labels: [Int](repeating: 0, count: files.count),
    preparation: nil, codec: options.codec)
}

private func missing(_ split: DatasetSplit, _ folders: PairFolders) -> DatasetError {
  let found = folders.parts.keys.map(\.rawValue).sorted().joined(separator: ", ")
  return .missingSplit(
    path: folders.root.path, split: split, reason: "its folders hold \(found) only")
}

// MARK: - Pairs of files

private func pairs(
  of folders: PairFolders, _ split: DatasetSplit, _ preparation: JointPreparation, _ options: DatasetOptions
) throws(DatasetError) -> JointDataset {
  guard let found = folders.folders(of: split) else { throw missing(split, folders) }
  let wantsInstances = preparation.fields.contains { $0.name == "instance" }
  var matching = PairMatching(folders, split, withInstances: wantsInstances)
  try matching.validate(isStrict: options.isStrict)
  var description = DatasetDescription(
    layout: .pairedFolders, name: folders.root.lastPathComponent, split: split, count: matching.stems.count,
    fingerprint: "")
  if let sentence = matching.unmatchedSentence { description.notes.append(sentence) }
  var labels = Set(found.filter { $0.value.holdsLabels }.keys)
  // What serves the source holds maps of labels where the folder's name or the field says so.
  let side: PictureRole = options.swapsDirection ? .target : .source
  let wantsLabels = preparation.fields.contains { field in
    if case .labelMap = field.content { field.name != "instance" } else { false }
  }
  if wantsLabels { labels.insert(side) }
  var table: ClassTable?
  if labels.contains(side) {
    let known = try LabelPictures.table(in: folders.root)
    table = known
    if !known.colours.isEmpty { description.classColours = known.colours }
    let maps = matching.stems.compactMap { matching.files[side]?[$0] }
    // Named classes are not counted in every map; some tell whether there are pixels without a class, or with
    // one that has no name.
    let looked = known.names.isEmpty ? maps : known.colours.isEmpty ? Array(maps.prefix(256)) : []
    let counted = LabelPictures.countedClasses(looked, codec: options.codec)
    description.classNames = known.names.isEmpty ? counted : known.names
    if !known.names.isEmpty, counted.last == LabelPictures.unlabelled {
      description.classNames.append(LabelPictures.unlabelled)
    }
    if wantsLabels {
      try checkLabels(looked, counted, known.names, folders, options)
    }
  }
  var hashed: [(name: String, url: URL)] = []
  var examples: [[PictureRole: URL]] = []
  for stem in matching.stems {
    var example: [PictureRole: URL] = [:]
    for (role, files) in matching.files {
      guard let file = files[stem] else { continue }
      example[role] = file
      hashed.append(("\(role.rawValue)/\(stem)", file))
    }
    examples.append(example)
  }
  description.fingerprint = try contentFingerprint(of: hashed, isLenient: true)
  return try JointDataset(
    description, .files(examples, labels: labels), preparation, colours: table?.colours ?? [],
    swaps: options.swapsDirection, codec: options.codec)
}

/// Refuses maps that show nothing but what has no class, and an index without a name, which would stop the
/// training only once it is met.
private func checkLabels(
  _ maps: [URL], _ counted: [String], _ names: [String], _ folders: PairFolders, _ options: DatasetOptions
) throws(DatasetError) {
  if counted == [LabelPictures.unlabelled] {
    throw .corruptFile(
      path: folders.root.path,
      reason:
        "its maps of labels hold nothing but 255, which stands for no class; write the classes' indices "
        + "into them")
  }
  guard !names.isEmpty, counted.count(where: { $0 != LabelPictures.unlabelled }) > names.count,
    let (file, label) = LabelPictures.first(maps, beyond: names.count, codec: options.codec)
  else { return }
  throw .corruptFile(
    path: file.path,
    reason:
      "it holds the label \(label), and the table of classes names 0 … \(names.count - 1); add the class to "
      + "the table, or mend the map")
}

/// Which files of two folders belong together: those of one name but for the ending.
struct PairMatching {
  let folders: PairFolders
  let split: DatasetSplit
  /// The files by role and stem.
  let files: [PictureRole: [String: URL]]
  /// The stems that every role has, sorted.
  let stems: [String]
  /// Stems that a role lacks, sorted, by that role.
  let unmatched: [(role: PictureRole, lacking: [String])]

  init(_ folders: PairFolders, _ split: DatasetSplit, withInstances: Bool) {
    self.folders = folders
    self.split = split
    let roles: [PictureRole] = withInstances ? [.source, .target, .instance] : [.source, .target]
    var files: [PictureRole: [String: URL]] = [:]
    for role in roles { files[role] = folders.files(role, of: split) }
    self.files = files
    let all = files.values.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
    stems = all.filter { stem in files.values.allSatisfy { $0[stem] != nil } }.sorted()
    unmatched = roles.compactMap { role in
      let lacking = all.filter { files[role]?[$0] == nil }.sorted()
      return lacking.isEmpty ? nil : (role, lacking)
    }
  }

  /// Names the images without a partner; nil where there are none.
  var unmatchedSentence: String? {
    guard !unmatched.isEmpty else { return nil }
    let texts = unmatched.map { role, lacking in
      "\(lacking.count) \(lacking.count == 1 ? "picture has" : "pictures have") no \(role.rawValue), such as "
        + "\(lacking[0])"
    }
    return texts.joined(separator: "; ") + "; they are left out."
  }

  /// Refuses folders that are no pairs.
  mutating func validate(isStrict: Bool) throws(DatasetError) {
    let counts = files.mapValues(\.count)
    if counts.values.reduce(0, +) == 0 {
      throw .unknownLayout(
        path: folders.root.path, lookedFor: ["pictures in the folders of the \(split.rawValue) part"])
    }
    let most = counts.values.max() ?? 0
    guard stems.count * 2 >= most, !stems.isEmpty else {
      let names = (folders.folders(of: split) ?? [:]).filter { files[$0.key] != nil }
        .map { $0.value.url.lastPathComponent }.sorted().joined(separator: " and ")
      throw .badTable(
        path: folders.root.path,
        reason: "only \(stems.count) of \(most) pictures have a partner of the same name in \(names); pairs "
          + "need equal names but for the ending, and unpaired sets need a system such as cyclegan")
    }
    if isStrict, let sentence = unmatchedSentence {
      throw .badTable(path: folders.root.path, reason: String(sentence.dropLast(20)))
    }
  }
}

// MARK: - Side by side

private func halves(
  at path: URL, _ split: DatasetSplit, _ preparation: JointPreparation, _ options: DatasetOptions
) throws(DatasetError) -> JointDataset {
  if preparation.fields.contains(where: { if case .labelMap = $0.content { true } else { false } }) {
    throw .unknownLayout(
      path: path.path,
      lookedFor: ["a folder of label maps beside one of photographs, such as labels/ and images/"])
  }
  let base = try openDataset(at: path, split: split, options: options)
  guard let base = base as? PictureDataset, base.description.layout == .flatPictures else {
    throw noPairs(path)
  }
  if !options.isSideBySide {
    for file in base.files.prefix(8) {
      guard let size = try? options.codec.information(of: file) else { continue }
      guard size.width == 2 * size.height else { throw noPairs(path) }
    }
  }
  var description = base.description
  description.layout = .sideBySide
  description.classNames = []
  description.notes = []
  return try JointDataset(
    description, .halves(base.files), preparation, swaps: options.swapsDirection, codec: options.codec)
}

private func noPairs(_ path: URL) -> DatasetError {
  .unknownLayout(
    path: path.path,
    lookedFor: [
      "pairs: folders A and B, source and target, or labels and images, with files of the same names",
      "files of two pictures side by side, twice as wide as high (--side-by-side takes any proportions)",
      "or, for single pictures, how the condition is made from each: --derive "
        + PictureDerivation.forms.joined(separator: " | "),
    ])
}
