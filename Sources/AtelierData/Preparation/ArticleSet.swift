public import Foundation

/// Titles with articles, made of Debian's package descriptions: the line that says what a package is, and the text
/// behind it.
///
/// Packages of one source are in one part.
public enum ArticleSet {
  /// The number of words below which a text is no article.
  public static let fewestWords = 20

  /// Writes `train.jsonl`, `valid.jsonl` and `test.jsonl` of objects with `title`, `text` and, where the list of
  /// packages is there, `section`.
  ///
  /// Of texts that begin with the same paragraph, such as those of a library and of its files for development, the
  /// first alone is kept.
  ///
  /// - Parameters:
  ///   - lists: the folder of apt's lists.
  ///   - seed: the seed of the division into parts.
  /// - Throws: ``DatasetError/exists(path:)`` where the folder exists, ``DatasetError/notFound(path:)`` where there is
  ///   no list `Translation-en`, and other cases for a list that cannot be read.
  public static func prepare(
    to target: URL, lists: URL, seed: UInt64 = 0, progress: PreparationProgress? = nil
  ) throws(DatasetError) -> PreparationReport {
    var report = PreparationReport(written: 0, leftOut: [])
    let articles = try read(lists, seed: seed, &report, progress)
    if !articles.contains(where: { $0.section != nil }) {
      report.leftOut.append("sections, since the list Packages is not there (\(lists.path)).")
    }
    let rows = articles.map { article in
      (
        article.part,
        ["title": article.title, "text": article.text].merging(article.section.map { ["section": $0] } ?? [:])
        {
          $1
        }
      )
    }
    report.written = try write(rows, to: target, recipe: "articles \(seed)\n\(lists.path)\n")
    return report
  }

  /// Writes the same texts, each behind its title, as `text` with the section as `label`: a class for each section of
  /// enough packages.
  ///
  /// - Parameter least: the number of texts below which a section is left out.
  /// - Throws: as ``prepare(to:lists:seed:progress:)`` does, and where the list of packages is not there.
  public static func prepareLabelled(
    to target: URL, lists: URL, least: Int = 100, seed: UInt64 = 0, progress: PreparationProgress? = nil
  ) throws(DatasetError) -> PreparationReport {
    var report = PreparationReport(written: 0, leftOut: [])
    let articles = try read(lists, seed: seed, &report, progress)
    let counts = Dictionary(grouping: articles.compactMap(\.section)) { $0 }.mapValues(\.count)
    guard !counts.isEmpty else { throw .notFound(path: lists.appendingPathComponent("…Packages").path) }
    let kept = Set(counts.filter { $0.value >= least }.keys)
    guard kept.count > 1 else {
      throw .invalid(
        reason: "of the \(counts.count) sections of \(lists.path), \(kept.count) have at least \(least) texts"
      )
    }
    let rare = counts.filter { $0.value < least }
    if !rare.isEmpty {
      report.leftOut.append(
        "\(rare.values.reduce(0, +)) texts of sections with fewer than \(least): "
          + "\(rare.keys.sorted().joined(separator: ", ")).")
    }
    let unknown = articles.count { $0.section == nil }
    if unknown > 0 { report.leftOut.append("\(unknown) texts of packages without a section.") }
    let rows = articles.compactMap { article in
      article.section.flatMap { section in
        kept.contains(section)
          ? (article.part, ["text": "\(article.title). \(article.text)", "label": section]) : nil
      }
    }
    report.found.append("\(rows.count) texts of \(kept.count) sections.")
    report.written = try write(rows, to: target, recipe: "labelled \(seed) \(least)\n\(lists.path)\n")
    return report
  }

  private struct Article {
    let title: String
    let text: String
    let section: String?
    let part: DatasetSplit
  }

  private static func read(
    _ folder: URL, seed: UInt64, _ report: inout PreparationReport, _ progress: PreparationProgress?
  ) throws(DatasetError) -> [Article] {
    let lists = PackageLists(folder: folder)
    guard lists.hasDescriptions(in: "en") else {
      throw .notFound(path: folder.appendingPathComponent("…Translation-en").path)
    }
    let descriptions = try lists.descriptions(in: "en")
    let packages = try lists.packages()
    var articles: [Article] = []
    var beginnings: Set<String> = []
    var (short, repeated) = (0, 0)
    for (number, description) in descriptions.enumerated() {
      defer { progress?(number + 1, descriptions.count) }
      let text = description.paragraphs.map(\.text).joined(separator: " ")
      guard text.split(separator: " ").count >= fewestWords, let first = description.paragraphs.first else {
        short += 1
        continue
      }
      guard beginnings.insert(first.text).inserted else {
        repeated += 1
        continue
      }
      let package = packages[description.package]
      let family = PackageLists.family(package?.source ?? description.package)
      articles.append(
        Article(
          title: description.synopsis, text: text, section: package?.section,
          part: .drawn(seed: seed, purpose: "articles \(family)")))
    }
    guard !articles.isEmpty else {
      throw .invalid(reason: "the lists in \(folder.path) hold no text of \(fewestWords) words")
    }
    report.found = ["\(articles.count) articles of \(descriptions.count) descriptions."]
    report.leftOut = [
      "\(short) descriptions of fewer than \(fewestWords) words.",
      "\(repeated) descriptions that begin with the paragraph of another.",
    ]
    return articles
  }

  /// Writes the parts that have rows; returns their number.
  static func write(
    _ rows: [(part: DatasetSplit, cells: [String: String])], to target: URL, recipe: String
  ) throws(DatasetError) -> Int {
    let folder = try StagedFolder(target, recipe: recipe)
    var written = 0
    for (split, name) in [(DatasetSplit.train, "train"), (.validation, "valid"), (.test, "test")] {
      let own = rows.filter { $0.part == split }.map(\.cells)
      if own.isEmpty { continue }
      try folder.write(try LabelTable.jsonLines(own), to: "\(name).jsonl")
      written += 1
    }
    try folder.finish()
    return written
  }
}
