import ArgumentParser
import Atelier
import Foundation

/// `atelier data`: looks at data before anyone trains on them.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Checks and prepares data.",
    subcommands: [Check.self, Prepare.self, StatisticsCommand.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Counts, corrupt files, sizes, labels, duplicates, leakage, and a suggested command.",
      discussion: "The exit code is 65 where something would spoil a training.")

    @Argument(help: "A folder of images, sounds or videos, a table, or a text file.", completion: .file())
    var path: String

    @Option(help: "The column of a table that holds the label.")
    var labelColumn: String?

    @Flag(help: "Files hold two images side by side, whatever their proportions.")
    var sideBySide = false

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp(
        "Which numbers of the files are black and white, as --range of train.", valueName: "low:high"))
    var range: SampleScale?

    @Option(help: "Of documents: call texts of more tokens over-long.")
    var context = 512

    @Flag(
      help:
        "Check images as faces, with the weights mtcnn and sface: faces missing or several, turned, blurred, people mixed."
    )
    var faces = false

    @Flag(help: "Print a JSON document.")
    var json = false

    func validate() throws {
      if context < 1 { throw ValidationError("--context must be at least 1.") }
    }

    /// A system that suits data of a kind, with the options that it needs.
    private static func suggestion(_ kind: DataKind) -> String? {
      AtelierTool.systems.system(suiting: kind).map { type in
        let learnsPeople = (try? type.plan([:]))?.ability(Likeness.self) != nil
        return type.identity.name + (kind == .labelledText ? " --preset classifier" : "")
          + (learnsPeople ? " --consent consent.yaml" : "")
      }
    }

    func run() throws {
      let shows = isatty(STDERR_FILENO) == 1
      let place = try PipedData.place(path)
      if faces {
        let report = try checkFaces(
          at: DataArchive.folder(at: place),
          networks: try FaceNetworks.installed(for: "data check --faces"), progress: showProgress)
        if json { try printJSON(report) } else { print(report.description) }
        if !report.isUsable { throw ExitCode(65) }
        return
      }
      if let videos = try checkVideos(
        at: URL(fileURLWithPath: path), suggesting: Self.suggestion,
        progress: { done, total in
          if shows { standardError("\r\u{1B}[K\(done) of \(total) videos") }
        })
      {
        if shows { standardError("\r\u{1B}[K") }
        if json { try printJSON(videos) } else { print(videos.description) }
        if !videos.isUsable { throw ExitCode(65) }
        return
      }
      let media = try checkMedia(
        at: place,
        suggesting: Self.suggestion,
        progress: { done, total in
          if shows { standardError("\r\u{1B}[K\(done) of \(total) files") }
        })
      if let media {
        if shows { standardError("\r\u{1B}[K") }
        if json { try printJSON(media) } else { print(media.description) }
        if !media.isUsable { throw ExitCode(65) }
        return
      }
      var options = DatasetOptions(
        labelColumn: labelColumn, isSideBySide: sideBySide, codec: ImageCodec(scale: range))
      options.context = context
      let report = try checkData(
        at: place, options: options,
        suggesting: Self.suggestion,
        progress: { done, total in
          if shows, done % 500 == 0 { standardError("\r\u{1B}[K\(done) of \(total) images") }
        })
      if shows { standardError("\r\u{1B}[K") }
      if json { try printJSON(report) } else { print(report.description) }
      if !report.isUsable { throw ExitCode(65) }
    }
  }
}
