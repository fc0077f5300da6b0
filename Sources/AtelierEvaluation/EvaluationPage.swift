public import AtelierGeneration
import AtelierMedia
import AtelierTraining
public import Foundation
import Torch

/// A page that shows the numbers and images of an evaluation: `index.html`, and PNG files beside it; all
/// examples of a direction together are `examples-1.png`, `examples-2.png`.
///
/// It needs nothing else: no script, no font, no network.
public struct EvaluationPage {
  /// The heading.
  public var title: String
  /// What is told under the heading: the runs, their steps.
  public var facts: [String]
  /// The directions.
  public var results: [TranslationResult]

  /// A page about results.
  public init(title: String, facts: [String], results: [TranslationResult]) {
    self.title = title
    self.facts = facts
    self.results = results
  }

  /// Writes the page into a folder, which is made where it is missing.
  ///
  /// - Returns: the page's file.
  @discardableResult
  public func write(to folder: URL) throws -> URL {
    try RunDirectory.makeFolder(folder, withParents: true)
    var body: [String] = ["<h1>\(escaped(title))</h1>"]
    body += facts.map { "<p>\(escaped($0))</p>" }
    for (number, result) in results.enumerated() {
      body.append("<h2>\(escaped(result.table.title))</h2>")
      body.append(table(result.table))
      body += result.table.notes.map { "<p class=\"note\">\(escaped($0))</p>" }
      if !result.examples.isEmpty {
        body.append("<h3>The first \(result.examples.count) pictures, not selected</h3>")
      }
      for (row, example) in result.examples.enumerated() {
        body.append(try figure(example, "\(number + 1)-\(row + 1)", in: folder))
      }
      if let sheet = try sheet(result.examples) {
        let file = "examples-\(number + 1).png"
        let png = try ImageCodec().encode(sheet, as: .png)
        try AtomicFile.write(Data(png), to: folder.appendingPathComponent(file))
        body.append("<p><a href=\"\(file)\">All of them in one picture</a></p>")
      }
    }
    let page = folder.appendingPathComponent("index.html")
    try AtomicFile.write(Data(document(body.joined(separator: "\n")).utf8), to: page)
    return page
  }

  private func table(_ table: EvaluationTable) -> String {
    let head = (["measure"] + table.columns).map { "<th>\(escaped($0))</th>" }.joined()
    let rows = table.rows.map { row in
      let best = table.bestRun(of: row)
      let cells = row.values.enumerated().map { place, value in
        let text = value.map(short) ?? "–"
        let interval = row.intervals[place].map { " title=\"95 %: \(short($0[0])) … \(short($0[1]))\"" } ?? ""
        let kind = place >= table.runs ? " class=\"baseline\"" : place == best ? " class=\"best\"" : ""
        return "<td\(kind)\(interval)>\(text)</td>"
      }
      let name =
        "<td class=\"name\" title=\"\(escaped(row.protocolText))\">"
        + "\(escaped(EvaluationTable.title(of: row)))</td>"
      return "<tr>\(name)\(cells.joined())</tr>"
    }
    let protocols = table.rows.map {
      "<li>\(escaped($0.measure)): \(escaped($0.protocolText))</li>"
    }
    return """
      <table><thead><tr>\(head)</tr></thead><tbody>
      \(rows.joined(separator: "\n"))
      </tbody></table>
      <details><summary>How each was measured</summary><ul>
      \(protocols.joined(separator: "\n"))
      </ul></details>
      """
  }

  /// One row of images, all shown as large as the largest.
  private func figure(_ example: TranslationExample, _ name: String, in folder: URL) throws -> String {
    let widest = example.pictures.map(\.picture.width).max() ?? 1
    let shown = max(widest, min(256, widest * (128 / max(1, widest) + 1)))
    let cells = try example.pictures.enumerated().map { place, entry -> String in
      let file = "\(name)-\(place + 1).png"
      let png = try ImageCodec().encode(entry.picture, as: .png)
      try AtomicFile.write(Data(png), to: folder.appendingPathComponent(file))
      let title = escaped(entry.title)
      return "<figure><a href=\"\(file)\"><img src=\"\(file)\" alt=\"\(title)\" width=\"\(shown)\"></a>"
        + "<figcaption>\(title)</figcaption></figure>"
    }
    return "<div class=\"row\">\(cells.joined())</div>"
  }

  /// All examples in one image, a row each, to be shown elsewhere; nil where rows differ in their columns.
  private func sheet(_ examples: [TranslationExample]) throws -> Image? {
    guard let titles = examples.first?.pictures.map(\.title),
      examples.allSatisfy({ $0.pictures.map(\.title) == titles })
    else { return nil }
    let cells = try examples.flatMap { example in
      let widest = example.pictures.reduce(1) { max($0, $1.picture.width) }
      return try example.pictures.map { try $0.picture.enlarged(by: max(1, widest / $0.picture.width)) }
    }
    return try ImageGrid(columns: titles.count, scale: 1, columnTitles: titles).render(cells)
  }

  private func document(_ body: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(title))</title>
    <style>
    :root { color-scheme: light dark; }
    body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 90em; padding: 0 1em; }
    table { border-collapse: collapse; margin: 1em 0; }
    th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #8884; }
    th:first-child, td.name { text-align: left; }
    td.best { font-weight: 600; }
    td.baseline { opacity: .7; }
    .note { opacity: .8; margin: .2em 0; }
    .row { display: flex; gap: 8px; overflow-x: auto; margin: 1em 0; }
    figure { margin: 0; flex: none; }
    figcaption { font-size: 13px; text-align: center; }
    img { image-rendering: pixelated; display: block; }
    </style>
    </head>
    <body>
    \(body)
    </body>
    </html>

    """
  }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
