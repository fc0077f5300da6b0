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
  derivation: ImageDerivation? = nil, options: DatasetOptions = DatasetOptions()
) throws(DatasetError) -> JointDataset {
  guard FileManager.default.fileExists(atPath: path.path) else { throw .notFound(path: path.path) }
  return try ImageFolders.opening(path) { () throws(DatasetError) -> JointDataset in
    try openPairs(in: path, split, preparation, derivation, options)
  }
}

private func openPairs(
  in path: URL, _ split: DatasetSplit, _ preparation: JointPreparation, _ derivation: ImageDerivation?,
  _ options: DatasetOptions
) throws(DatasetError) -> JointDataset {
  try ImageFolders.requireListable(path)
  let folders = PairFolders.find(at: path)
  try folders?.requireLists()
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
    description, .derived(base, chosen), preparation, swaps: options.swapsDirection, codec: options.codec,
    depth: options.depth)
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
    base.description, .derived(base, nil), preparation, swaps: false, codec: options.codec,
    depth: options.depth)
}

/// The images that conditions are derived from: the targets of pairs, otherwise all images.
private func pictures(
  at path: URL, _ folders: PairFolders?, _ split: DatasetSplit, _ options: DatasetOptions
) throws(DatasetError) -> any Dataset {
  guard let folders else { return try openDataset(at: path, split: split, options: options) }
  let files = folders.files(.target, of: split).sorted { $0.key < $1.key }
  guard !files.isEmpty else { throw missing(split, folders) }
  let description = DatasetDescription(
    layout: .flatImages, name: path.lastPathComponent, split: split, count: files.count,
    classNames: ["0"],
    fingerprint: try contentFingerprint(of: files.map { ($0.key, $0.value) }, isLenient: true))
  return ImageDataset(
    description: description, files: ImageFiles(files.map(\.value)),
    labels: [Int](repeating: 0, count: files.count),
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
  let matching = PairMatching(folders, split, withInstances: wantsInstances)
  try matching.validate(isStrict: options.isStrict)
  var description = DatasetDescription(
    layout: .pairedFolders, name: folders.root.lastPathComponent, split: split, count: matching.stems.count,
    fingerprint: "")
  if let sentence = matching.unmatchedSentence { description.notes.append(sentence) }
  description.notes += matching.notes
  if split == .train { description.notes += folders.leftOutSentences }
  var labels = Set(found.filter { $0.value.holdsLabels }.keys)
  // The source holds label maps where the field, the model or else the folder's name says so.
  let side: ImageRole = options.swapsDirection ? .target : .source
  switch options.sourcesAreLabelMaps {
  case true?: labels.insert(side)
  case false?: labels.remove(side)
  case nil: break
  }
  let wantsLabels = preparation.fields.contains { field in
    if case .labelMap = field.content { field.name != "instance" } else { false }
  }
  if wantsLabels { labels.insert(side) }
  var table: ClassTable?
  if labels.contains(side) {
    let known = try LabelMapEncoding.table(in: folders.root)
    table = known
    if !known.colours.isEmpty { description.classColours = known.colours }
    // With named classes it suffices to read some maps, to find unlabelled pixels and indices without a name.
    func looked(_ matching: PairMatching) -> [URL] {
      let maps = matching.stems.compactMap { matching.files[side]?[$0] }
      return known.names.isEmpty ? maps : known.colours.isEmpty ? Array(maps.prefix(256)) : []
    }
    // What a value means is decided once, by the training part.
    let training =
      split == .train || folders.folders(of: .train) == nil
      ? nil
      : LabelSurvey(
        looked(PairMatching(folders, .train, withInstances: wantsInstances)), codec: options.codec)
    let maps = looked(matching)
    let survey = LabelSurvey(maps, after: training, codec: options.codec)
    description.classNames = survey.classes(named: known.names)
    description.notes += survey.notes
    let channels = preparation.fields.compactMap { field -> Int? in
      if case .picture(let channels) = field.content, field.name == preparation.source, channels > 4 {
        channels
      } else {
        nil
      }
    }.first
    if wantsLabels || channels != nil, known.colours.isEmpty, let reason = survey.contradiction {
      throw .unusable(path: folders.root.path, reason: reason)
    }
    if let channels, description.classNames.count > channels {
      throw .unusable(
        path: folders.root.path,
        reason: "its maps of labels have \(description.classNames.count) classes"
          + (survey.isUnlabelled ? ", of which 255 is the last" : "")
          + ", and the field '\(preparation.source)' has \(channels) channels; set inputChannels to "
          + "\(description.classNames.count)")
    }
    if wantsLabels || channels != nil, survey.isMask, survey.highest > 0 {
      let stray = LabelMapEncoding.first(maps, beyond: 1, codec: options.codec)
      throw .corruptFile(
        path: (stray?.file ?? folders.root).path,
        reason:
          "it contains the label \(stray?.label ?? survey.highest), and the maps of labels of the training part "
          + "are masks of 0 and 255 only; write 0 and 255 into it, or class indices into all maps")
    }
    if wantsLabels { try checkLabels(maps, survey, known.names, folders, options) }
  }
  var hashed: [(name: String, url: URL)] = []
  var examples: [[ImageRole: URL]] = []
  for stem in matching.stems {
    var example: [ImageRole: URL] = [:]
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
    swaps: options.swapsDirection, codec: options.codec,
    depth: options.depth)
}

/// Throws for maps that are wholly unlabelled, and for an index without a name, which would otherwise stop
/// training midway.
private func checkLabels(
  _ maps: [URL], _ survey: LabelSurvey, _ names: [String], _ folders: PairFolders, _ options: DatasetOptions
) throws(DatasetError) {
  if survey.values == [255], !survey.isMask {
    throw .corruptFile(
      path: folders.root.path,
      reason:
        "its label maps hold only 255, which means unlabelled; write the class indices "
        + "into them")
  }
  guard !names.isEmpty, survey.highest >= names.count,
    let (file, label) = LabelMapEncoding.first(maps, beyond: names.count, codec: options.codec)
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
  let files: [ImageRole: [String: URL]]
  /// The sorted stems present in every role.
  let stems: [String]
  /// The sorted stems that are missing from a role.
  let unmatched: [(role: ImageRole, lacking: [String])]
  /// What else is left out or was decided, a sentence each.
  let notes: [String]

  init(_ folders: PairFolders, _ split: DatasetSplit, withInstances: Bool) {
    self.folders = folders
    self.split = split
    let roles: [ImageRole] = withInstances ? [.source, .target, .instance] : [.source, .target]
    var files: [ImageRole: [String: URL]] = [:]
    var notes: [String] = []
    for role in roles {
      let side = folders.side(role, of: split)
      files[role] = side.files
      notes += [LeftOut.twins(side.twins), Self.companions(side, role), Self.unlisted(side, role)]
        .compactMap { $0 }
    }
    if let sentence = Self.missing(folders.missing(from: split), split) { notes.append(sentence) }
    func common(_ files: [ImageRole: [String: URL]]) -> (all: Set<String>, shared: [String]) {
      let all = files.values.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
      return (all, all.filter { stem in files.values.allSatisfy { $0[stem] != nil } }.sorted())
    }
    var (all, shared) = common(files)
    if shared.isEmpty {
      let ends = files.mapValues { Self.sharedEnd(of: Array($0.keys)) }
      let shortened = files.reduce(into: [ImageRole: [String: URL]]()) { result, side in
        let length = ends[side.key]?.count ?? 0
        result[side.key] = Dictionary(
          side.value.map { (String($0.key.dropLast(length)), $0.value) }
        ) { first, _ in first }
      }
      let found = common(shortened)
      if found.shared.count * 2 >= (shortened.values.map(\.count).max() ?? 0), !found.shared.isEmpty {
        files = shortened
        (all, shared) = found
        let used = Set(ends.values).filter { !$0.isEmpty }.sorted().joined(separator: " and ")
        notes.append("Names belong together without their ends \(used).")
      }
    }
    self.files = files
    stems = shared
    unmatched = roles.compactMap { role in
      let lacking = all.filter { files[role]?[$0] == nil }.sorted()
      return lacking.isEmpty ? nil : (role, lacking)
    }
    self.notes = notes
  }

  /// The end that all names share, from an underscore, hyphen or dot on, with a letter in it; empty where
  /// there is none.
  private static func sharedEnd(of stems: [String]) -> String {
    guard stems.count > 1, var end = stems.first.map({ $0[...] }) else { return "" }
    for stem in stems {
      let kept = zip(end.reversed(), stem.reversed()).prefix { $0 == $1 }.count
      end = end.suffix(kept)
    }
    guard let start = end.firstIndex(where: { "_-.".contains($0) }), end[start...].contains(where: \.isLetter)
    else { return "" }
    return String(end[start...])
  }

  private static func companions(_ side: PairFolders.Side, _ role: ImageRole) -> String? {
    // Those of the sources hold the maps of instances.
    guard role != .instance, let first = side.companions.first else { return nil }
    return "\(side.companions.count) other drawings of the maps of labels are left out, such as \(first)."
  }

  private static func unlisted(_ side: PairFolders.Side, _ role: ImageRole) -> String? {
    guard let first = side.unlisted.first else { return nil }
    return
      "\(side.unlisted.count) \(role.rawValue) \(side.unlisted.count == 1 ? "image is" : "images are") "
      + "in no list and left out, such as \(first)."
  }

  private static func missing(_ names: [String], _ split: DatasetSplit) -> String? {
    guard let first = names.first else { return nil }
    return "The list of the \(split.rawValue) part names \(names.count) "
      + "\(names.count == 1 ? "image that is" : "images that are") not there, such as \(first)."
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

  /// Refuses folders that are no pairs.
  func validate(isStrict: Bool) throws(DatasetError) {
    let counts = files.mapValues(\.count)
    for (role, count) in counts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where count == 0 {
      guard let folder = folders.folders(of: split)?[role]?.url else { continue }
      if let clause = UnreadFormats.clause(below: folder) {
        throw .unusable(path: folder.path, reason: "it holds \(clause)")
      }
    }
    if counts.values.reduce(0, +) == 0 {
      throw .unknownLayout(
        path: folders.root.path, lookedFor: ["images in the folders of the \(split.rawValue) part"])
    }
    let most = counts.values.max() ?? 0
    guard stems.count * 2 >= most || folders.isVOC, !stems.isEmpty else {
      let names = (folders.folders(of: split) ?? [:]).filter { files[$0.key] != nil }
        .map { $0.value.url.lastPathComponent }.sorted().joined(separator: " and ")
      throw .unusable(
        path: folders.root.path,
        reason: "only \(stems.count) of \(most) images have a partner of the same name in \(names); pairs "
          + "need equal names apart from the extension; unpaired sets need a system such as cyclegan")
    }
    if isStrict, let sentence = unmatchedSentence {
      throw .unusable(path: folders.root.path, reason: String(sentence.dropLast(20)))
    }
  }
}

extension PairFolders {
  /// What lies beside the folders and is left out, a sentence each.
  var leftOutSentences: [String] {
    let found = leftOut
    return [
      LeftOut.pictures(found.pictures),
      LeftOut.folders(found.folders, in: root, beside: "the sources and targets"),
      UnreadFormats.clause(below: root).map { "Left out: \($0)." },
    ].compactMap { $0 }
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
  guard let base = base as? ImageDataset, base.description.layout == .flatImages else {
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
  description.notes.removeAll { $0 == noLabels }
  return try JointDataset(
    description, .halves(base.files), preparation, swaps: options.swapsDirection, codec: options.codec,
    depth: options.depth)
}

private func noPairs(_ path: URL) -> DatasetError {
  .unknownLayout(
    path: path.path,
    lookedFor: [
      "pairs: folders A and B, source and target, or labels and images, with files of the same names",
      "files of two images side by side, twice as wide as high (of any aspect ratio where the reading says so)",
      "or, for single images, a way to derive the condition from each: "
        + ImageDerivation.forms.joined(separator: " | "),
    ])
}
