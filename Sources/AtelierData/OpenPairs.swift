internal import AtelierMedia
public import Foundation

/// Opens pairs of aligned images, with instance maps where a field needs them.
///
/// Recognised, in this order: a derived condition (where the options ask for one, or `derivation` is given
/// and there is no pair of folders); folders of sources and targets (`A` and `B`, `source` and `target`,
/// `labels` and `images`, …, see Documentation/data.md) whose files have the same names apart from the
/// extension; files with two images side by side.
///
/// - Parameters:
///   - split: the part; only training images are augmented.
///   - derivation: how the condition is derived where the data has single images only.
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

/// Opens single images with augmentation.
///
/// - Parameter preparation: has one field, which names the image's value; `label` and the columns of a table
///   are values too.
public func openAugmented(
  at path: URL, split: DatasetSplit = .train, _ preparation: JointPreparation,
  options: DatasetOptions = DatasetOptions()
) throws(DatasetError) -> JointDataset {
  let base = try openDataset(at: path, split: split, options: options)
  return try JointDataset(
    base.description, .derived(base, nil), preparation, swaps: false, codec: options.codec)
}

/// The images that conditions are derived from: the targets of pairs, otherwise all images.
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
  // The source holds label maps where the folder's name or the field says so.
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
    // With named classes it suffices to read some maps, to find unlabelled pixels and indices without a name.
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

/// Throws for maps that are wholly unlabelled, and for an index without a name, which would otherwise stop
/// training midway.
private func checkLabels(
  _ maps: [URL], _ counted: [String], _ names: [String], _ folders: PairFolders, _ options: DatasetOptions
) throws(DatasetError) {
  if counted == [LabelPictures.unlabelled] {
    throw .corruptFile(
      path: folders.root.path,
      reason:
        "its label maps hold only 255, which means unlabelled; write the class indices "
        + "into them")
  }
  guard !names.isEmpty, counted.count(where: { $0 != LabelPictures.unlabelled }) > names.count,
    let (file, label) = LabelPictures.first(maps, beyond: names.count, codec: options.codec)
  else { return }
  throw .corruptFile(
    path: file.path,
    reason:
      "it contains the label \(label), and the class table names 0 … \(names.count - 1); add the class to "
      + "the table, or correct the map")
}

/// Matches the files of two folders by name, without the extension.
struct PairMatching {
  let folders: PairFolders
  let split: DatasetSplit
  /// The files by role and stem.
  let files: [PictureRole: [String: URL]]
  /// The sorted stems present in every role.
  let stems: [String]
  /// The sorted stems that are missing from a role.
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

  /// A sentence that names the images without a partner; nil where there are none.
  var unmatchedSentence: String? {
    guard !unmatched.isEmpty else { return nil }
    let texts = unmatched.map { role, lacking in
      "\(lacking.count) \(lacking.count == 1 ? "picture has" : "pictures have") no \(role.rawValue), such as "
        + "\(lacking[0])"
    }
    return texts.joined(separator: "; ") + "; they are left out."
  }

  /// Throws where the folders are not pairs.
  mutating func validate(isStrict: Bool) throws(DatasetError) {
    let counts = files.mapValues(\.count)
    if counts.values.reduce(0, +) == 0 {
      throw .unknownLayout(
        path: folders.root.path, lookedFor: ["images in the folders of the \(split.rawValue) part"])
    }
    let most = counts.values.max() ?? 0
    guard stems.count * 2 >= most, !stems.isEmpty else {
      let names = (folders.folders(of: split) ?? [:]).filter { files[$0.key] != nil }
        .map { $0.value.url.lastPathComponent }.sorted().joined(separator: " and ")
      throw .badTable(
        path: folders.root.path,
        reason: "only \(stems.count) of \(most) images have a partner of the same name in \(names); pairs "
          + "need equal names apart from the extension; unpaired sets need a system such as cyclegan")
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
      "files of two images side by side, twice as wide as high, any aspect ratio with --side-by-side",
      "or, for single images, how the condition is derived from each: --derive "
        + PictureDerivation.forms.joined(separator: " | "),
    ])
}
