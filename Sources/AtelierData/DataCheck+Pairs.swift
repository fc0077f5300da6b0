internal import AtelierMedia
internal import Foundation

extension DataCheck {
  /// Checks folders of sources and targets: pairs where file names match, otherwise two unpaired sets.
  mutating func readPairs(_ folders: PairFolders, _ progress: (@Sendable (Int, Int) -> Void)?) {
    var matchings: [PairMatching] = []
    for split in DatasetSplit.allCases {
      guard let found = folders.folders(of: split) else { continue }
      matchings.append(PairMatching(folders, split, withInstances: found[.instance] != nil))
    }
    guard let training = matchings.first, training.split == .train else {
      find(.error, .fewExamples, "There is no training part.")
      return
    }
    // Maps of labels are no set by themselves: without partners they are pairs that went wrong.
    let holdsLabels = folders.folders(of: .train)?[.source]?.holdsLabels == true
    let isPaired = holdsLabels || matchings.contains { !$0.stems.isEmpty }
    report.layout = isPaired ? .pairedFolders : .unpairedFolders
    let sets = matchings.map { ($0.split, pictures(of: $0)) }
    let surveyed = survey(sets.map { (split: $0.0, data: $0.1 as any Dataset) }, progress)
    for (matching, set) in zip(matchings, sets) {
      addPart(set.0, set.1, surveyed.filter { $0.split == set.0 })
      if isPaired { report.parts[report.parts.count - 1].count = matching.stems.count }
    }
    collectCorrupt(surveyed)
    judgeFiles(surveyed.count)
    judgeAnimations(surveyed)
    judgeNumbers(surveyed)
    if isPaired {
      judgeMatching(matchings)
      judgeProportions(matchings, sets.map(\.1), surveyed)
    }
    if holdsLabels { judgeLabels(training) }
    for matching in matchings { judgeOpening(matching.split, isPaired: isPaired) }
    let count = isPaired ? training.stems.count : training.files.values.map(\.count).min() ?? 0
    if count < 100 {
      find(
        .warning, .fewExamples,
        "There are \(count) training \(isPaired ? "pairs" : "images in the smaller set"); most systems need "
          + "hundreds to thousands.")
    }
    judgeDuplicates(DuplicateSearch(surveyed, ignoringLikenessOf: isPaired ? 0 : nil))
  }

  /// All files of a part, with the roles as classes.
  private func pictures(of matching: PairMatching) -> ImageDataset {
    let roles = ImageRole.allCases.filter { matching.files[$0] != nil }
    let names = roles.map { matching.folders.folders(of: matching.split)?[$0]?.url.lastPathComponent ?? "" }
    var files: [(name: String, url: URL)] = []
    var labels: [Int] = []
    for (label, role) in roles.enumerated() {
      for (stem, url) in (matching.files[role] ?? [:]).sorted(by: { $0.key < $1.key }) {
        files.append(("\(role.rawValue)/\(stem)", url))
        labels.append(label)
      }
    }
    let description = DatasetDescription(
      layout: report.layout, name: path.lastPathComponent, split: matching.split, count: files.count,
      classNames: names, fingerprint: (try? contentFingerprint(of: files, isLenient: true)) ?? "unreadable")
    return ImageDataset(
      description: description, files: ImageFiles(files.map(\.url)), labels: labels, preparation: nil,
      codec: options.codec)
  }

  private mutating func judgeMatching(_ matchings: [PairMatching]) {
    for matching in matchings {
      // Where too few have a partner, opening says so.
      if let sentence = matching.unmatchedSentence, (try? matching.validate(isStrict: false)) != nil {
        find(.warning, .unmatched, "In the \(matching.split.rawValue) part \(sentence)")
      }
    }
  }

  /// Opens a part as training does: what that refuses, the check refuses in the same words.
  private mutating func judgeOpening(_ split: DatasetSplit, isPaired: Bool) {
    let source = ImageField(
      "source", holdsLabelMaps ? .labelMap(classes: nil) : .picture(channels: 3), height: 32, width: 32)
    let target = ImageField("target", .picture(channels: 3), height: 32, width: 32)
    let preparation = JointPreparation([source, target], source: "source", target: "target")
    do throws(DatasetError) {
      let data: any Dataset =
        isPaired
        ? try openPairs(at: path, split: split, preparation, options: options)
        : try openUnpaired(at: path, split: split, preparation, options: options)
      var description = data.description
      guard split == .train else {
        description.notes.removeAll { !$0.contains("those of the training part") }
        judgeNotes(description)
        return
      }
      // Named already, for each part.
      description.notes.removeAll {
        $0.contains("have no ") || $0.contains("has no ") || $0.hasPrefix("A has ")
      }
      judgeNotes(description)
      try data.requireUsable()
    } catch {
      guard !report.findings.contains(where: { $0.message == error.description }) else { return }
      find(.error, isPaired ? .unmatched : .unreadable, error.description)
    }
  }

  /// Pairs whose images do not show the same frame.
  private mutating func judgeProportions(
    _ matchings: [PairMatching], _ sets: [ImageDataset], _ surveyed: [SurveyedImage]
  ) {
    var facts: [URL: SurveyedImage.Facts] = [:]
    var place = 0
    for set in sets {
      for file in set.files {
        if case .success(let found) = surveyed[place].outcome { facts[file] = found }
        place += 1
      }
    }
    var different: [String] = []
    for matching in matchings {
      for stem in matching.stems {
        guard let source = matching.files[.source]?[stem].flatMap({ facts[$0] }),
          let target = matching.files[.target]?[stem].flatMap({ facts[$0] })
        else { continue }
        let expected = Double(source.width) * Double(target.height) / Double(target.width)
        if abs(Double(source.height) - expected) > max(1.5, 0.03 * expected) {
          different.append("\(stem) (\(source.size) and \(target.size))")
        }
      }
    }
    guard let first = different.first else { return }
    find(
      .warning, .mismatchedPairs,
      (different.count == 1
        ? "A pair has images of different aspect ratios, \(first); training leaves it out."
        : "\(different.count) pairs have images of different aspect ratios, such as \(first); training leaves them "
          + "out.")
    )
  }

  private mutating func judgeLabels(_ training: PairMatching) {
    let files = (training.files[.source] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
    let survey = LabelSurvey(files, codec: options.codec)
    let table = try? LabelMapEncoding.table(in: training.folders.root)
    let names = table?.names ?? []
    if let table, !table.colours.isEmpty { return judgeColours(files, table) }
    holdsLabelMaps = survey.count > 0
    guard survey.highest >= 0 else {
      // Nothing but 255 is refused when the maps are opened.
      if let file = files.first, survey.count == 0, (try? options.codec.decode(file)) != nil {
        find(
          .warning, .remark,
          "The label maps, such as \(file.lastPathComponent), are drawn in colours, and no table says which "
            + "colour stands for which class; systems that take maps of labels need one (classes.csv with "
            + "name,r,g,b a line), and systems that take images see the colours.")
      }
      return
    }
    let classes = survey.classes(named: names)
    find(
      .note, .remark,
      "The sources are maps of labels with the "
        + (survey.isMask ? "values 0 and 255" : "classes 0 … \(survey.highest)")
        + (survey.isUnlabelled ? ", and 255 where there is none" : "")
        + (names.isEmpty ? "" : "; the table of classes names \(names.count)")
        + "; systems that take images get "
        + (classes.count > 4
          ? "them as one-hot channels (inputChannels: \(classes.count))." : "them in colours."))
    let used = survey.values.count { $0 != 255 }
    if !survey.isMask, survey.highest >= 8, 4 * used < survey.highest + 1 {
      find(
        .warning, .remark,
        "The maps of labels hold only \(used) different values up to \(survey.highest), and all "
          + "\(survey.highest + 1) count as classes; number the classes from 0 on if these are shades.")
    }
  }

  /// Checks that every colour of colour-coded maps is in the class table.
  private mutating func judgeColours(_ files: [URL], _ table: ClassTable) {
    let codec = options.codec
    let colours = table.colours
    let failures = inParallel(files.count) { index -> String? in
      do throws(ImageError) {
        _ = try codec.decodeLabels(files[index], colours: colours)
        return nil
      } catch {
        // Damaged files are already reported with the images.
        guard case .unsupported = error else { return nil }
        return "\(files[index].lastPathComponent): \(error.shortReason)"
      }
    }.compactMap { $0 }
    holdsLabelMaps = true
    find(.note, .remark, "The sources are label maps in the colours of \(table.names.count) classes.")
    guard let first = failures.first else { return }
    find(
      .error, .remark,
      "\(failures.count) \(failures.count == 1 ? "map has" : "maps have") a colour that stands for no class, such "
        + "as \(first).")
  }

  /// Notes images twice as wide as high, which may be pairs side by side.
  mutating func judgeHalves(_ pictures: [SurveyedImage]) {
    guard report.layout == .flatImages else { return }
    let sizes = pictures.compactMap { picture -> (Int, Int)? in
      if case .success(let facts) = picture.outcome { (facts.width, facts.height) } else { nil }
    }
    guard !sizes.isEmpty, options.isSideBySide || sizes.allSatisfy({ $0.0 == 2 * $0.1 }) else { return }
    report.layout = .sideBySide
    guard !options.isSideBySide else { return }
    find(
      .note, .sideBySide,
      "All images are twice as wide as high; systems that train on pairs read them as two images side by side."
    )
  }

  /// Notes animations, of which only the first frame is used.
  mutating func judgeAnimations(_ pictures: [SurveyedImage]) {
    let moving = pictures.filter { picture in
      if case .success(let facts) = picture.outcome { facts.frames > 1 } else { false }
    }
    guard let first = moving.first else { return }
    find(
      .note, .animations,
      moving.count == 1
        ? "\(first.name) is an animation; only its first frame is used."
        : "\(moving.count) images are animations, such as \(first.name); only their first frames are used.")
  }
}
