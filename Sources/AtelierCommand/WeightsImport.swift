import ArgumentParser
import Atelier
import Foundation

extension Weights {
  /// `atelier weights import`.
  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Takes files of other programs: a perception network, or a trained system.",
      discussion: """
        A perception network goes into the folder of weights:

          atelier weights import vgg19-dcbb9e9d.pth
          atelier weights import vgg19-d01eb7cb.pth --as vgg19-caffe

        A trained system becomes a model file, which `atelier generate` takes; how it has to be configured is read \
        from names and shapes, and --set says what they do not tell:

          atelier weights import mosaic.pth --system fast-style-transfer --output mosaic.safetensors
          atelier generate mosaic.safetensors photograph.jpg

        \(foreignSystems)
        """)

    /// Which systems know which files.
    private static var foreignSystems: String {
      AtelierTool.systems.systems.compactMap { type in
        (type as? any ImportingSystem.Type).map { "\(type.identity.name): \($0.foreignFiles)." }
      }.joined(separator: " ")
    }

    @Argument(help: "The files, or a folder of raw arrays with its manifest.json.", completion: .file())
    var files: [String]

    @Option(name: .customLong("as"), help: "Which weights they are; default: what names and shapes tell.")
    var name: String?

    @Option(help: "The system whose authors' file it is.")
    var system: String?

    @Option(
      name: .customLong("set"), parsing: .singleValue,
      help: "A configuration key, as key=value; may be repeated.")
    var changes: [String] = []

    @Option(help: "The licence of the weights, which the model keeps; default: that of the system's authors.")
    var licence: String?

    @Option(
      name: .shortAndLong, help: "The model file to write; default: the file's name with .safetensors.",
      completion: .file())
    var output: String?

    func validate() throws {
      if files.isEmpty { throw ValidationError("Name a file.") }
      if system != nil && name != nil { throw ValidationError("Choose --system or --as.") }
      if system == nil && (output != nil || !changes.isEmpty || licence != nil) {
        throw ValidationError("--output, --set and --licence belong to --system.")
      }
      if system == nil && files.count > 1 { throw ValidationError("Perception networks come one by one.") }
    }

    func run() throws {
      let urls = files.map { URL(fileURLWithPath: $0) }
      for (url, path) in zip(urls, files) where !FileManager.default.fileExists(atPath: url.path) {
        throw Refusal.input("\(path) does not exist; check the path")
      }
      guard let system else {
        let store = WeightStore.standard
        let kind = try name ?? WeightStore.recognised(urls[0])
        // Its network belongs to the measures, so that the store alone could not check it.
        if kind == InceptionFID.storedName { _ = try InceptionFID.load(from: urls[0]) }
        let stored = try store.importFile(urls[0], as: kind)
        print("\(stored): stored in \(store.url(of: stored)?.path ?? "")")
        return
      }
      let type = try AtelierTool.systems.system(named: system)
      let target = output ?? urls[0].deletingPathExtension().lastPathComponent + ".safetensors"
      let destination = URL(fileURLWithPath: target)
      // The user's own file is never written over.
      if urls.contains(where: { $0.standardizedFileURL == destination.standardizedFileURL }) {
        throw Refusal.usage("--output is the file that is read; choose another name")
      }
      let outcome = try ForeignModels.write(
        urls, as: type, changes: try parsedKeys(changes), licence: licence, to: destination)
      let described = try ModelFile.describe(destination)
      for sentence in described.licences { print(sentence) }
      let drawing = SuggestedDrawing(
        try type.plan(described.configuration), classes: described.classNames, sides: described.data.sideNames
      )
      print(
        "\(target): a model of \(system); generate with: "
          + (["atelier", "generate", target] + drawing.words).map(shellWord).joined(separator: " "))
      if !outcome.untouched.isEmpty {
        print("not in the file, and left at initial weights: \(outcome.untouched.joined(separator: ", "))")
      }
    }
  }
}
