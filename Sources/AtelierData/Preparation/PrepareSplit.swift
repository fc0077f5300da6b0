public import Foundation

/// Divides a folder at random into `train`, `val` and `test`.
///
/// A flat folder becomes `train/…`; folders of classes become `train/CLASS/…`, each class divided separately;
/// pairs become `train/A` and `train/B`, with both images of a pair in one part; unpaired sets likewise, each
/// divided separately. Exact copies of an image, in whatever class, are in one part, unless they are
/// of one colour or a class holds nothing else.
///
/// - Parameters:
///   - validation: the fraction of validation images, at least 0 and below 1.
///   - test: the fraction of test images.
///   - seed: the seed of the division, which otherwise depends on the names alone.
///   - linking: link the files instead of copying them.
/// - Throws: ``DatasetError`` for data that is already divided, or where the result exists.
public func prepareSplit(
  of source: URL, to target: URL, validation: Double = 0.1, test: Double = 0.1, seed: UInt64 = 0,
  linking: Bool = false, progress: PreparationProgress? = nil
) throws(DatasetError) -> PreparationReport {
  guard validation >= 0, test >= 0, validation + test > 0, validation + test < 1 else {
    throw .invalid(reason: "fractions of \(validation) and \(test) leave nothing to train on or to hold out")
  }
  try refuseNesting(of: target, in: source)
  try ImageFolders.requireListable(source)
  let pairs = PairFolders.find(at: source)
  try pairs?.requireLists()
  if ImageFolders.isDivided(source) || (pairs?.parts.count ?? 0) > 1 || !(pairs?.lists.isEmpty ?? true) {
    throw .invalid(
      reason: "\(source.path) is divided already, in folders or by lists of names; train on it as it is")
  }
  if LabelTable.find(in: source) != nil {
    throw .invalid(
      reason:
        "\(source.path) has a table, which divides its images by a column \"split\" of train, val and test"
    )
  }
  let plan = try SplitPlan(source)
  let folder = try StagedFolder(
    target,
    recipe: "split \(validation) \(test) \(seed)\n\(source.standardizedFileURL.path)\n")
  var written = 0
  let total = plan.groups.reduce(0) { $0 + $1.count }
  for (group, parts) in zip(plan.groups, plan.divided(validation: validation, test: test, seed: seed)) {
    for (example, part) in zip(group, parts) {
      for file in example {
        try folder.add(file.url, as: "\(part)/\(file.name)", linking: linking)
      }
      written += 1
      progress?(written, total)
    }
  }
  // The class names of label maps belong to every part.
  for name in ["classes.json", "classes.txt"] {
    let file = source.appendingPathComponent(name)
    if FileManager.default.fileExists(atPath: file.path) {
      try folder.add(file, as: name, linking: linking)
    }
  }
  try folder.finish()
  return PreparationReport(written: written, leftOut: plan.leftOut)
}

/// The groups to divide (a class, a set) and their examples, each a tuple of files that stay together.
private struct SplitPlan {
  typealias File = (name: String, url: URL)

  var groups: [[[File]]] = []
  var leftOut: [String] = []
  /// What an example's copies are known by: the places of these files in it; label maps tell nothing.
  private var telling: [Int] = [0]

  init(_ source: URL) throws(DatasetError) {
    if let folders = PairFolders.find(at: source), !folders.mayBeClasses,
      let roles = folders.folders(of: .train)
    {
      addPairs(folders, roles)
      return
    }
    let names = ImageFolders.pictures(below: source)
    guard !names.isEmpty else { throw ImageFolders.noImages(in: source) }
    if let clause = UnreadFormats.clause(below: source) { leftOut.append("\(source.path) holds \(clause).") }
    // Images beside the folders of classes would become a class without a name.
    let arrangement = ImageFolders.arrangement(of: source)
    let strays = arrangement?.isFlat == false ? Set(arrangement.map { Array($0.direct) } ?? []) : []
    leftOut += strays.sorted().map { "\($0) lies beside the folders of the classes." }
    // The first folder is the class.
    let classes = Dictionary(grouping: names.filter { !strays.contains($0) }) {
      $0.contains("/") ? String($0.prefix { $0 != "/" }) : ""
    }
    groups = classes.sorted { $0.key < $1.key }.map { _, names in
      names.map { [($0, source.appendingPathComponent($0))] }
    }
  }

  /// The folder of each example's part.
  func divided(validation: Double, test: Double, seed: UInt64) -> [[String]] {
    let copies = ContentCopies.among(
      groups.joined().map { example in
        telling.filter { example.indices.contains($0) }.map { example[$0].url }
      }, skipsPlain: true)
    // The part of what is in one already, by the first of its copies.
    var parts: [Int: String] = [:]
    var start = 0
    return groups.map { group in
      var first = group.indices.map { copies.first[start + $0] }
      // Copies of one image alone are divided: there is nothing else to measure on.
      if Set(first).count == 1 { first = group.indices.map { start + $0 } }
      start += group.count
      var counts: [Int: Int] = [:]
      for copy in first { counts[copy, default: 0] += 1 }
      var generator = SeededGenerator(seed: seed, purpose: "split")
      var tests = Int((Double(group.count) * test).rounded())
      var validations = Int((Double(group.count) * validation).rounded())
      for index in generator.permutation(group.count) where parts[first[index]] == nil {
        let count = counts[first[index], default: 1]
        if count <= tests {
          tests -= count
          parts[first[index]] = "test"
        } else if count <= validations {
          validations -= count
          parts[first[index]] = "val"
        } else {
          parts[first[index]] = "train"
        }
      }
      return first.map { parts[$0, default: "train"] }
    }
  }

  private mutating func addPairs(_ folders: PairFolders, _ roles: [ImageRole: PairFolders.Folder]) {
    let matching = PairMatching(folders, .train, withInstances: roles[.instance] != nil)
    func entry(_ role: ImageRole, _ stem: String) -> File? {
      guard let url = matching.files[role]?[stem], let folder = roles[role]?.url else { return nil }
      let ending = url.pathExtension
      return ("\(folder.lastPathComponent)/\(stem).\(ending)", url)
    }
    let sides: [ImageRole] = [.source, .target, .instance]
    if matching.stems.isEmpty {
      groups = [.source, .target].map { role in
        (matching.files[role] ?? [:]).keys.sorted().compactMap { stem in entry(role, stem).map { [$0] } }
      }
    } else {
      groups = [matching.stems.map { stem in sides.compactMap { entry($0, stem) } }]
      telling = roles[.source]?.holdsLabels == true ? [1] : [0, 1]
      if let sentence = matching.unmatchedSentence { leftOut.append(sentence) }
    }
    leftOut += matching.notes + folders.leftOutSentences
  }
}
