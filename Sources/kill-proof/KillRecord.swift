import Foundation

/// One kill and what was found after it; a line of the record's file.
struct Kill: Codable {
  /// The system, or the place of a command that belongs to none.
  let system: String
  /// `train`, `export`, `evaluate`, `prepare`, `import`.
  let command: String
  /// Seconds after the start.
  let seconds: Double
  /// What was on disk.
  let state: State
  /// What was lost; nil: nothing.
  let failure: String?

  /// What a kill met.
  enum State: String, Codable, CaseIterable {
    /// No run had begun: there was no configuration.
    case beforeTheRun
    /// The run's folder was there, without a checkpoint.
    case beforeTheFirstCheckpoint
    /// A checkpoint was being written or removed.
    case duringACheckpoint
    /// There were checkpoints, and nothing half written.
    case betweenCheckpoints
    /// Another command than a training.
    case inAnotherCommand
  }
}

/// What a proof has done so far, kept in a file so that it can be stopped and taken up again.
final class KillRecord {
  /// A finished training, compared with the one that was never killed.
  struct Life: Codable {
    let system: String
    let kills: Int
    let failure: String?
  }

  /// A line of the file.
  private struct Line: Codable {
    /// What the lines below hold for; the first line of the file.
    var key: String?
    var kill: Kill?
    var life: Life?
  }

  private let handle: FileHandle
  private(set) var kills: [Kill] = []
  private(set) var lives: [Life] = []

  /// - Parameter key: the program and what else the record holds for; one of anything else begins anew.
  init(_ file: URL, key: String) throws {
    let old = try FileManager.default.fileExists(atPath: file.path) ? Data(contentsOf: file) : Data()
    // The last line may be torn where the proof itself was stopped.
    let lines = old.split(separator: UInt8(ascii: "\n")).compactMap {
      try? JSONDecoder().decode(Line.self, from: Data($0))
    }
    let isOwn = lines.first?.key == key
    if !isOwn {
      if !old.isEmpty { print("The record in \(file.path) is of another program or length; it begins anew.") }
      try JSONEncoder().encode(Line(key: key)).write(to: file)
    }
    for line in isOwn ? lines : [] {
      if let kill = line.kill { kills.append(kill) }
      if let life = line.life { lives.append(life) }
    }
    handle = try FileHandle(forWritingTo: file)
    try handle.seekToEnd()
    // Behind the first line, and behind a torn one.
    try handle.write(contentsOf: Data("\n".utf8))
  }

  func add(_ kill: Kill) throws {
    kills.append(kill)
    try write(Line(kill: kill))
  }

  func add(_ life: Life) throws {
    lives.append(life)
    try write(Line(life: life))
  }

  private func write(_ line: Line) throws {
    try handle.write(contentsOf: try JSONEncoder().encode(line) + Data("\n".utf8))
  }

  /// Everything that was lost.
  var failures: [String] { kills.compactMap(\.failure) + lives.compactMap(\.failure) }

  /// The figures, a line each.
  var summary: String {
    let trainings = kills.filter { $0.command == "train" }
    let others = Dictionary(grouping: kills.filter { $0.command != "train" }, by: \.command)
    var lines = [
      "\(kills.count) kills: \(trainings.count) of trainings, \(kills.count - trainings.count) others"
    ]
    for state in Kill.State.allCases where state != .inAnotherCommand {
      lines.append("  \(state.rawValue): \(trainings.count { $0.state == state })")
    }
    for (command, kills) in others.sorted(by: { $0.key < $1.key }) {
      lines.append("  \(command): \(kills.count)")
    }
    let systems = Set(trainings.map(\.system))
    lines.append(
      "\(systems.count) systems; \(lives.count) trainings were resumed to their ends and compared, "
        + "\(lives.count { $0.failure == nil }) equal to the byte")
    lines.append("\(failures.count) failures")
    return lines.joined(separator: "\n")
  }
}
