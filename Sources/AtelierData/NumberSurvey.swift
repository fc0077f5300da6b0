public import AtelierMedia
public import Foundation

/// The numbers that the images of a set store, from which one scale for all of them is decided.
///
/// Files of 8 and 16 bits have black and white by their format; whole numbers with a sign and floating point have
/// not, and an image alone does not tell: one value of 1.02 would make it 255 times darker than its neighbours.
public struct NumberSurvey: Sendable {
  /// A file and what it holds.
  struct Entry: Sendable {
    let name: String
    /// Nil: 8 bits.
    let facts: SampleFacts?
  }

  /// What is to be said about the numbers.
  struct Remark: Sendable, Hashable {
    let kind: DataReport.Kind
    let sentence: String
  }

  let entries: [Entry]

  init(_ entries: [Entry]) { self.entries = entries }

  /// Looks at images of a set, evenly chosen where there are many: at all files that may hold any numbers, and at
  /// some of the others. Label maps are left out.
  ///
  /// - Parameters:
  ///   - path: the folder, or a table beside its images.
  ///   - scale: what numbers outside of are counted; nil: none are.
  public init(imagesAt path: URL, outside scale: SampleScale? = nil, codec: ImageCodec = ImageCodec()) {
    let root = ImageFolders.isFolder(path) ? path : path.deletingLastPathComponent()
    let isTable = ["csv", "jsonl"].contains(path.pathExtension.lowercased())
    guard root == path || isTable else {
      self.init([])
      return
    }
    let chosen = ImageFolders.opening(root) { Self.chosen(at: path, root) }
    var codec = codec
    codec.scale = nil
    let plain = codec
    self.init(
      inParallel(chosen.count) { index -> Entry? in
        do throws(ImageError) {
          return Entry(
            name: chosen[index],
            facts: try plain.samples(of: root.appendingPathComponent(chosen[index]), outside: scale))
        } catch { return nil }
      }.compactMap { $0 })
  }

  /// The paths of folders of label maps and instances, ending in a slash, below a folder of pairs.
  static func mapFolders(at path: URL) -> [String] {
    guard let folders = PairFolders.find(at: path) else { return [] }
    let root = path.standardizedFileURL.path + "/"
    return folders.parts.values.flatMap { roles in
      roles.compactMap { role, folder -> String? in
        guard folder.holdsLabels || role == .instance else { return nil }
        let place = folder.url.standardizedFileURL.path + "/"
        return place.hasPrefix(root) ? String(place.dropFirst(root.count)) : nil
      }
    }
  }

  private static func mayHoldAny(_ name: String) -> Bool {
    ImageFormat(fileExtension: (name as NSString).pathExtension) == .tiff
  }

  /// The files that are looked at.
  private static func chosen(at path: URL, _ root: URL) -> [String] {
    let maps = mapFolders(at: path)
    let names = ImageFolders.pictures(below: root)
    // Without maps or TIFF nothing needs to be asked of a million names.
    if maps.isEmpty, names.holdTIFF == false { return evenly(names, 200) }
    let places = names.indices.filter { index in !maps.contains { names[index].hasPrefix($0) } }
    let free = places.filter { mayHoldAny(names[$0]) }
    let others = places.filter { !mayHoldAny(names[$0]) }
    return (evenly(free, 2000) + evenly(others, 200)).map { names[$0] }
  }

  private static func evenly<Places: RandomAccessCollection>(
    _ places: Places, _ limit: Int
  ) -> [Places.Element] where Places.Index == Int {
    let count = places.count
    return count <= limit ? Array(places) : (0..<limit).map { places[$0 * count / limit] }
  }
}

// MARK: - Deciding

extension NumberSurvey {
  /// Files whose format says neither black nor white.
  private var free: [(name: String, facts: SampleFacts)] { of([.integers, .floats]) }

  private func of(_ kinds: Set<SampleFacts.Kind>) -> [(name: String, facts: SampleFacts)] {
    entries.compactMap { entry in
      entry.facts.flatMap { kinds.contains($0.kind) ? (entry.name, $0) : nil }
    }
  }

  /// The scale on which all images are read: what the user says, else the one that the numbers of all files
  /// suggest; nil where every file's format says it.
  public func decided(given: SampleScale? = nil) -> SampleScale? {
    if let given {
      return given.covering(
        bytes: !entries.isEmpty && entries.allSatisfy { ($0.facts?.kind ?? .bytes) == .bytes })
    }
    let facts = free.map(\.facts)
    return facts.isEmpty ? nil : Self.scale(of: facts)
  }

  /// 0:1, -1:1, 0:255 or 0:65535 where nearly all numbers lie within and use it, else from the smallest number, or
  /// 0 where none is negative, to the largest.
  private static func scale(of facts: [SampleFacts]) -> SampleScale {
    let bulk = Self.bulk(facts)
    let areWhole = facts.allSatisfy { $0.kind == .integers }
    // A little more than white, such as a resampling leaves, is no other scale.
    func holds(_ black: Double, _ white: Double, atLeast share: Double) -> Bool {
      let slack = 0.05 * (white - black)
      return bulk.lowerBound >= black - (black < 0 ? slack : 1e-6 * (white - black))
        && bulk.upperBound <= white + slack && bulk.upperBound >= share * white
    }
    if !areWhole, holds(0, 1, atLeast: 0) { return SampleScale(black: 0, white: 1) }
    if !areWhole, bulk.lowerBound < 0, holds(-1, 1, atLeast: -1) { return SampleScale(black: -1, white: 1) }
    if holds(0, 255, atLeast: 0.5) { return SampleScale(black: 0, white: 255) }
    if holds(0, 65535, atLeast: 0.5) { return SampleScale(black: 0, white: 65535) }
    let low = facts.map(\.extent.lowerBound).min() ?? 0
    let high = facts.map(\.extent.upperBound).max() ?? 1
    let black = min(0, low)
    return SampleScale(black: black, white: high > black ? high : black + 1)
  }

  /// Where all but the outermost thousandth of the numbers lie.
  private static func bulk(_ facts: [SampleFacts]) -> ClosedRange<Double> {
    let numbers = facts.flatMap(\.some).sorted()
    guard !numbers.isEmpty else { return 0...0 }
    let cut = numbers.count / 1000
    return Double(numbers[cut])...Double(numbers[numbers.count - 1 - cut])
  }

  // MARK: Saying

  /// What is worth a warning or a word about numbers that are read on a scale.
  ///
  /// - Parameters:
  ///   - scale: the one that was decided.
  ///   - isGiven: whether the user chose it.
  func remarks(_ scale: SampleScale?, isGiven: Bool) -> [Remark] {
    [mixed(scale, isGiven: isGiven), clipped(scale), unused(scale), read(scale, isGiven: isGiven)].compactMap
    { $0 }
  }

  private func read(_ scale: SampleScale?, isGiven: Bool) -> Remark? {
    guard let scale, !isGiven else { return nil }
    return Remark(
      kind: .remark,
      sentence: "All images are read on one scale, \(Self.words(scale)), which their numbers suggest; "
        + "--range LOW:HIGH chooses another.")
  }

  private func mixed(_ scale: SampleScale?, isGiven: Bool) -> Remark? {
    let free = free
    let counted = entries.count
    let bytes = entries.count { ($0.facts?.kind ?? .bytes) == .bytes }
    let words = of([.words])
    if let scale, free.count + words.count > 0, bytes > 0, !scale.coversBytes {
      let other = (free + words)[0]
      return Remark(
        kind: .mixedScales,
        sentence:
          "Images store numbers on different scales: \(bytes) of \(counted) have 8 bits and are read as "
          + "0:255, the others, such as \(other.name), as \(scale); bring them to one scale if that is not meant."
      )
    }
    if let scale, !isGiven, let word = words.first, let other = free.first {
      return Remark(
        kind: .mixedScales,
        sentence: "Images store numbers on different scales: \(other.name) \(Self.held(other.facts)), and "
          + "\(word.name) \(Self.held(word.facts)); all are read as \(scale). Say --range LOW:HIGH, or bring them "
          + "to one scale.")
    }
    // Some of 0 … 1 among others of 0 … 255 or more.
    let tops = free.map { ($0, Self.bulk([$0.facts]).upperBound) }.filter { $0.1 > 0 }
    guard let least = tops.min(by: { $0.1 < $1.1 }), let most = tops.max(by: { $0.1 < $1.1 }),
      least.1 <= 1.05,
      most.1 > 20
    else { return nil }
    return Remark(
      kind: .mixedScales,
      sentence: "Images store numbers on different scales: \(least.0.name) \(Self.held(least.0.facts)), and "
        + "\(most.0.name) \(Self.held(most.0.facts)); "
        + (scale.map { "all are read as \($0). " } ?? "") + "Bring them to one scale.")
  }

  private func clipped(_ scale: SampleScale?) -> Remark? {
    guard let scale else { return nil }
    let bounds = scale.black...scale.white
    let beyond = entries.compactMap { entry in entry.facts.map { (entry.name, $0) } }
      .filter { !bounds.contains($0.1.extent.lowerBound) || !bounds.contains($0.1.extent.upperBound) }
    guard let first = beyond.first else { return nil }
    let low = beyond.map(\.1.extent.lowerBound).reduce(scale.black, min)
    let high = beyond.map(\.1.extent.upperBound).reduce(scale.white, max)
    let clipped = beyond.reduce(0) { $0 + $1.1.clipped }
    let all = entries.reduce(0) { $0 + ($1.facts?.count ?? 0) }
    let share = clipped > 0 ? " (\(clipped) of \(all))" : ""
    return Remark(
      kind: .clippedValues,
      sentence:
        "Numbers\(share) lie outside \(scale) and are clipped, in \(beyond.count == 1 ? "an image" : "\(beyond.count) images"), "
        + "such as \(first.0), which \(Self.held(first.1)); --range \(SampleScale(black: low, white: high)) keeps all."
    )
  }

  /// Less of a scale than this is a sliver.
  private static let sliver = 0.26

  private func unused(_ scale: SampleScale?) -> Remark? {
    let facts = scale == nil ? of([.words]).map(\.facts) : entries.compactMap(\.facts)
    guard !facts.isEmpty, facts.contains(where: { $0.extent.upperBound > $0.extent.lowerBound }) else {
      return nil
    }
    let whole = scale ?? SampleScale(black: 0, white: 65535)
    let bulk = Self.bulk(facts)
    let low = facts.map(\.extent.lowerBound).min() ?? 0
    let high = facts.map(\.extent.upperBound).max() ?? 1
    let share = (bulk.upperBound - bulk.lowerBound) / (whole.white - whole.black)
    guard share < Self.sliver, high > low else { return nil }
    let percent = share < 0.01 ? "less than 1" : String(Int((100 * share).rounded()))
    return Remark(
      kind: .unusedRange,
      sentence: "Of the numbers \(Self.words(whole)) the images use only \(percent) %: theirs are "
        + "\(SampleScale.text(low)) … \(SampleScale.text(high)). "
        + "--range \(Self.suggestion(low, high, whole)) reads them with their full contrast.")
  }

  /// A scale for numbers: whole bits from 0 where that is not much more than they need.
  private static func suggestion(_ low: Double, _ high: Double, _ whole: SampleScale) -> SampleScale {
    if low >= 0, high == high.rounded(), high > 1, low <= high / 4 {
      var bits = 1.0
      while bits < high { bits = 2 * bits + 1 }
      if bits < whole.white { return SampleScale(black: 0, white: bits) }
    }
    return SampleScale(black: low, white: high)
  }

  private static func words(_ scale: SampleScale) -> String {
    "\(SampleScale.text(scale.black)) … \(SampleScale.text(scale.white))"
  }

  private static func held(_ facts: SampleFacts) -> String {
    let kind =
      switch facts.kind {
      case .bytes: "8 bits"
      case .words: "16 bits"
      case .integers: "whole numbers with a sign"
      case .floats: "floating point"
      }
    return
      "holds \(SampleScale.text(facts.extent.lowerBound)) … \(SampleScale.text(facts.extent.upperBound)) (\(kind))"
  }
}

extension ReadingOptions {
  /// The same options with the scale on which all images at a path are read.
  ///
  /// - Parameter say: told what is worth knowing about it: scales that differ, numbers that are clipped, a scale of
  ///   which little is used.
  public func decidingScale(for path: URL, say: (String) -> Void = { _ in }) -> ReadingOptions {
    var options = self
    let survey = NumberSurvey(imagesAt: path, outside: scale)
    options.scale = survey.decided(given: scale)
    options.depth = options.scale.map { $0.depth > 8 ? 16 : 8 } ?? 8
    for remark in survey.remarks(options.scale, isGiven: scale != nil) { say(remark.sentence) }
    return options
  }
}
