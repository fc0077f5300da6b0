import ArgumentParser
import Atelier
import Foundation

/// `atelier data prepare`: makes new folders of data from what there is, and changes nothing that is there.
struct Prepare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes data sets of images and of texts from what there is.",
    discussion: """
      The result is a new folder, which appears whole or not at all; nothing is ever written over. An interrupted \
      preparation is taken up again by the same command.

        atelier data prepare edges photographs outlines
        atelier data prepare pair outlines photographs pairs
        atelier data prepare split pairs dataset --test 0.1 --validation 0
        atelier data prepare shards photographs shards --count 5000
        atelier data prepare emoji emoji --size 64
        atelier data prepare letters /usr/share/fonts letters
        atelier data prepare faces interview.mp4 faces
        atelier data prepare rendered-faces drawn-faces --identities 40
        atelier data prepare translations en-de --language de
        atelier data prepare articles articles
        atelier data prepare questions questions
        atelier data prepare poses keypoints poses --frames 1920x1080 --size 128x64
      """,
    subcommands: [
      Edges.self, Grayscale.self, Downscale.self, Pair.self, Split.self, Shards.self, Emoji.self,
      Letters.self, Faces.self,
      RenderedFaces.self, Translations.self, Articles.self, Labelled.self, Questions.self, Poses.self,
    ])

  /// Where images come from and go to.
  struct Folders: ParsableArguments {
    @Argument(help: "A folder of images, and of folders of images.", completion: .directory)
    var input: String
    @Argument(help: "The folder to make.", completion: .directory)
    var output: String

    /// Makes an image of each, under the same name.
    func prepare(_ recipe: String, _ body: @Sendable (Image) throws(ImageError) -> Image) throws {
      try report(
        prepareImages(
          from: DataArchive.folder(at: URL(fileURLWithPath: input)), to: URL(fileURLWithPath: output),
          recipe: recipe,
          progress: showProgress, body), output)
    }
  }

  struct Edges: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draws dark outlines on white (Canny 1986).")
    @OptionGroup var folders: Folders
    @Option(help: "The blur before edges are looked for, in pixels; larger leaves out finer detail.")
    var sigma = 1.2
    @Option(help: "The strength from which an outline begins, in steps of 255 a pixel.")
    var strong: Float = 2.5
    @Option(help: "The strength down to which it goes on.")
    var weak: Float = 1

    func run() throws {
      let (sigma, weak, strong) = (sigma, weak, strong)
      try folders.prepare("edges \(sigma) \(weak) \(strong)") { (image) throws(ImageError) in
        try image.outlines(sigma: sigma, weak: weak, strong: strong)
      }
    }
  }

  struct Grayscale: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Keeps the luminance alone.")
    @OptionGroup var folders: Folders

    func run() throws { try folders.prepare("grayscale") { $0.grey() } }
  }

  struct Downscale: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shrinks by a whole factor (bicubic, antialiased).",
      discussion: "Sides that the factor does not divide are cut on the right and below first.")
    @OptionGroup var folders: Folders
    @Option(help: "How many times shorter the sides become.")
    var factor = 4

    func validate() throws {
      if !(2...64).contains(factor) { throw ValidationError("--factor must be 2 to 64.") }
    }

    func run() throws {
      let factor = factor
      try folders.prepare("downscale \(factor)") { (image) throws(ImageError) in
        guard image.width >= factor, image.height >= factor else {
          throw .invalid(reason: "it is smaller than \(factor) pixels")
        }
        let (width, height) = (image.width / factor, image.height / factor)
        return try image.cropped(x: 0, y: 0, width: width * factor, height: height * factor)
          .resized(width: width, height: height, filter: .bicubic)
      }
    }
  }

  struct Pair: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Joins two folders whose files have the same names but for the ending.")
    @Argument(help: "The folder of sources.", completion: .directory)
    var sources: String
    @Argument(help: "The folder of targets.", completion: .directory)
    var targets: String
    @Argument(help: "The folder to make: A and B in it.", completion: .directory)
    var output: String
    @Flag(help: "One PNG a pair, the source on the left, instead of folders A and B.")
    var sideBySide = false
    @Flag(help: "Link the files (hard links) instead of copying them.")
    var link = false

    func run() throws {
      try report(
        preparePairs(
          sources: URL(fileURLWithPath: sources), targets: URL(fileURLWithPath: targets),
          to: URL(fileURLWithPath: output), sideBySide: sideBySide, linking: link, progress: showProgress),
        output)
    }
  }

  struct Split: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Divides a folder at random into train, val and test.",
      discussion: "Classes are divided evenly, and both images of a pair go to one part.")
    @OptionGroup var folders: Folders
    @Option(help: "The share of test images.")
    var test = 0.1
    @Option(help: "The share of validation images.")
    var validation = 0.1
    @Option(help: "What the division follows from.")
    var seed: UInt64 = 0
    @Flag(help: "Link the files (hard links) instead of copying them.")
    var link = false

    func run() throws {
      try report(
        prepareSplit(
          of: DataArchive.folder(at: URL(fileURLWithPath: folders.input)),
          to: URL(fileURLWithPath: folders.output),
          validation: validation, test: test, seed: seed, linking: link, progress: showProgress),
        folders.output)
    }
  }

  struct Shards: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Writes tar archives that other programs read as WebDataset, and that train faster from slow disks.",
      discussion: """
        Images with their captions, or with their classes, and sounds; files are copied byte by byte, shuffled once by \
        the seed. The same data give the same bytes. `--data` of train takes the folder, or a pattern of archives as \
        shards/train/train-{000000..000009}.tar.
        """)
    @OptionGroup var folders: Folders
    @Option(help: "The most examples of a shard.")
    var count = 10_000
    @Option(help: "The most MiB of a shard, as long as one example is not larger.")
    var size = 512
    @Option(help: "What the order of the examples follows from.")
    var seed: UInt64 = 0

    func validate() throws {
      if count < 1 { throw ValidationError("--count must be at least 1.") }
      if !(1...1_048_576).contains(size) { throw ValidationError("--size must be 1 to 1048576.") }
    }

    func run() throws {
      try report(
        prepareShards(
          of: DataArchive.folder(at: URL(fileURLWithPath: folders.input)),
          to: URL(fileURLWithPath: folders.output), limits: ShardLimits(count: count, bytes: size << 20),
          seed: seed, progress: showProgress), folders.output)
    }
  }

  struct Emoji: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draws some 3,600 colour images with names and groups.",
      discussion: """
        From the Debian packages fonts-noto-color-emoji and unicode-data (both free). The table metadata.jsonl gives \
        every image its group as label, its subgroup, its name as caption, and the part it belongs to; variants of \
        one motif stay in one part.
        """)
    @Argument(help: "The folder to make.", completion: .directory)
    var output: String
    @Option(help: "The side of square images; default: 136 x 128, as the font has them.")
    var size: Int?
    @Flag(help: "Keep the images transparent where nothing is drawn; else they lie on white.")
    var transparent = false
    @Option(help: "What the division into parts follows from.")
    var seed: UInt64 = 0
    @Option(help: "A colour bitmap font.", completion: .file(extensions: ["ttf"]))
    var font = EmojiSet.debianFont
    @Option(help: "Unicode's emoji-test.txt.", completion: .file(extensions: ["txt"]))
    var list = EmojiSet.debianList

    func run() throws {
      for file in [font, list] where !FileManager.default.fileExists(atPath: file) {
        throw Refusal.input(
          "\(file) is not there; install the Debian packages fonts-noto-color-emoji and unicode-data (apt-get "
            + "install fonts-noto-color-emoji unicode-data), or name the files with --font and --list")
      }
      try report(
        EmojiSet.prepare(
          to: URL(fileURLWithPath: output), font: URL(fileURLWithPath: font),
          list: URL(fileURLWithPath: list), size: size, isTransparent: transparent, seed: seed,
          progress: showProgress), output)
    }
  }

  struct Letters: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draws the Latin letters of many fonts, a class a font.",
      discussion: """
        A grey image a letter, of one style a family. The table metadata.jsonl gives every image its font as \
        label, its letter (for --label-column letter), and the part it belongs to. Fonts that lack a letter or look \
        like one before them are named and left out. A font that draws other signs in the places of letters is not \
        recognised as such.
        """)
    @OptionGroup var folders: Folders
    @Option(help: "The side of the square images.")
    var size = 32
    @Option(help: "Leave out fonts that differ from another by no more than so many of 255 steps on average.")
    var difference = 14.0
    @Option(help: "What the division into parts follows from.")
    var seed: UInt64 = 0

    func run() throws {
      try report(
        LetterSet.prepare(
          from: DataArchive.folder(at: URL(fileURLWithPath: folders.input)),
          to: URL(fileURLWithPath: folders.output), size: size,
          difference: difference, seed: seed, progress: showProgress), folders.output)
    }
  }
}

/// A line that counts, on a terminal only.
func showProgress(_ done: Int, _ total: Int) {
  guard isatty(STDERR_FILENO) == 1, done % 100 == 0 || done == total else { return }
  standardError("\r\u{1B}[K\(done) of \(total)\(done == total ? "\n" : "")")
}

/// Says what was found and made, and what was left out.
func report(_ report: PreparationReport, _ output: String) {
  for sentence in report.found { standardError("found: \(sentence)\n") }
  for sentence in report.leftOut.prefix(20) { standardError("left out: \(sentence)\n") }
  if report.leftOut.count > 20 { standardError("left out: \(report.leftOut.count - 20) more\n") }
  print("\(report.written) in \(output)")
}
