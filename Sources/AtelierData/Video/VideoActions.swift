internal import Foundation

/// What was done in each frame of videos: a table a video, `VIDEO.csv` or `VIDEO.jsonl`, with a row a frame and a column
/// `action` of names or numbers.
///
/// Numbers are taken as they are where all actions are numbers; names are numbered in sorted order, or as `classes.txt` lists
/// them.
struct VideoActions {
  /// The columns, in the order of search.
  static let columns = ["action", "label", "class"]

  /// The actions by number.
  let names: [String]
  private let cells: [String: [String]]
  private let numbers: [String: Int]

  /// Reads the tables of all videos.
  ///
  /// - Throws: ``DatasetError`` that names the video without a table, or the table.
  init(_ videos: VideoFolder) throws(DatasetError) {
    guard let folder = videos.sides[.actions] else {
      throw .unusable(
        path: videos.folder.deletingLastPathComponent().path,
        reason: "it has no folder actions beside the frames, which the system learns from")
    }
    var cells: [String: [String]] = [:]
    for video in videos.videos {
      let file = ["csv", "jsonl"].map { folder.appendingPathComponent("\(video.name).\($0)") }
        .first { FileManager.default.fileExists(atPath: $0.path) }
      guard let file else {
        throw .unusable(
          path: folder.path,
          reason: "there is no table \(video.name).csv of the actions of the video \(video.name)")
      }
      let table = try LabelTable(file)
      guard let column = Self.columns.first(where: table.names.contains) else {
        throw .badTable(
          path: file.path,
          reason: "it has no column named action; it has \(table.names.joined(separator: ", "))")
      }
      cells[video.name] = try table.rows.enumerated().map { row, values throws(DatasetError) in
        guard let action = values[column] else {
          throw .badTable(path: file.path, reason: "the row of the frame \(row) has no action")
        }
        return action
      }
    }
    let found = Set(cells.values.joined())
    let listed = try ClassTable(in: folder).names
    if listed.isEmpty, found.allSatisfy({ Int($0).map { (0..<65_536).contains($0) } ?? false }) {
      names = (0...(found.compactMap { Int($0) }.max() ?? 0)).map(String.init)
      numbers = Dictionary(found.compactMap { name in Int(name).map { (name, $0) } }) { first, _ in first }
    } else {
      names = listed.isEmpty ? found.sorted() : listed
      numbers = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
    }
    let unknown = found.filter { [numbers] in numbers[$0] == nil }.sorted()
    guard unknown.isEmpty else {
      throw .unusable(
        path: folder.path,
        reason:
          "there is no action \(unknown.joined(separator: ", ")); the actions are \(names.joined(separator: ", "))"
      )
    }
    self.cells = cells
  }

  /// The number of the action of each frame.
  func actions(of video: String) throws(DatasetError) -> [Int] {
    (cells[video] ?? []).compactMap { numbers[$0] }
  }

  /// Of all tables.
  var fingerprint: String {
    contentFingerprint(
      of: Array(cells.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "\n").utf8)
    )
  }
}
