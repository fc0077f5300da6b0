public import ArgumentParser
public import Atelier
import Foundation

/// `atelier export`: a trained model for other programs.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a trained model as TorchScript, ONNX or safetensors for other programs.",
    discussion: """
      The ending of --output decides: .pt and .ts are TorchScript, which PyTorch (torch.jit.load) and libtorch run \
      without Atelier; .onnx is made of that module by PyTorch, for onnxruntime and others; .safetensors are the weights \
      under their authors' names. Noise and dropout's masks are inputs of a module; how its norms and its dropout \
      behave stands in the file, as atelier.json.

      A module is run in a Python process of its own, ONNX by onnxruntime there, with one and three examples and at two sizes, and \
      compared with what Atelier gives. A mismatch is an error and leaves no file.

        atelier export runs/pix2pix-001 --output facades.pt
        atelier export runs/pix2pix-001 --set testDropout=false --output facades-quiet.pt
        atelier export runs/cyclegan-001 --direction B-to-A --output dogs.pt
        atelier export runs/dcgan-001 --output dcgan.onnx
        atelier export runs/dcgan-001 --output dcgan.safetensors
      """)

  @Argument(help: ArgumentHelp("A run, a checkpoint or a model file.", valueName: "run"), completion: .file())
  var trained: String

  @Option(help: "The file to write: .pt, .ts, .onnx or .safetensors.", completion: .file())
  var output: String

  @Option(help: "What into what, for systems with several directions.")
  var direction: String?

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: "A configuration key to change, as key=value; the weights must still fit.")
  var changes: [String] = []

  @Option(help: "Who runs the module to check it: python or libtorch.")
  var check: ModelExport.Checker = .python

  @Option(help: "The Python with PyTorch to check with.", completion: .file())
  var python: String?

  @Flag(help: "Export the checkpoint that was best on the validation part, and not the newest.")
  var best = false

  @Flag(help: "Export weights that came under a licence against commercial use; the notice stays with them.")
  var acceptLicence = false
  @OptionGroup(title: "Computing") var machine: MachineOptions

  @Flag(help: "Replace a file that is there.")
  var force = false

  @Flag(help: "Print a JSON document.")
  var json = false

  func run() throws {
    let url = URL(fileURLWithPath: output)
    let isScript = ["pt", "ts", "torchscript"].contains(url.pathExtension.lowercased())
    let isONNX = url.pathExtension.lowercased() == "onnx"
    guard isScript || isONNX || url.pathExtension.lowercased() == "safetensors" else {
      throw Refusal.usage(
        "\(output) ends in neither .pt, .ts, .onnx nor .safetensors, so its format is unknown")
    }
    guard force || !FileManager.default.fileExists(atPath: url.path) else {
      throw Refusal.usage("\(output) is there already; give another name, or --force to replace it")
    }
    let card = cardFile(beside: url)
    guard force || !FileManager.default.fileExists(atPath: card.path) else {
      throw Refusal.usage("\(card.path) is there already; give another name, or --force to replace it")
    }
    guard isScript || isONNX || (direction == nil && python == nil && check == .python) else {
      throw Refusal.usage("--direction, --check and --python are for TorchScript and ONNX; leave them out")
    }
    guard !isONNX || check == .python else {
      throw Refusal.usage("an ONNX file is made and checked by Python; leave --check out")
    }
    guard FileManager.default.fileExists(atPath: url.deletingLastPathComponent().path) else {
      throw Refusal(
        description: "\(output) cannot be written: its folder does not exist; create the folder first",
        code: ExitCodes.cannotWrite)
    }
    let device = try machine.applied()
    guard device == .cpu else {
      throw Refusal.usage(
        "what is exported is recorded and checked on the processor, and runs on every device; leave --device out"
      )
    }
    let (system, description) = try loadSystem(
      from: modelPlace(trained, best: best), registry: AtelierTool.systems, changing: try parsedKeys(changes),
      say: { standardError("\($0)\n") })
    if !acceptLicence, let sentence = description.restrictingLicences.first {
      throw Refusal.usage(
        "\(sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence); if you keep to it, add --accept-licence"
      )
    }
    let report =
      isScript
      ? try ModelExport.torchScript(
        system, description, to: url, direction: direction, check: check, python: python)
      : isONNX
        ? try ModelExport.onnx(system, description, to: url, direction: direction, python: python)
        : try ModelExport.safetensors(system, description, to: url)
    try modelCard(of: trained, best: best).write(to: card)
    if json { return try printJSON(report) }
    var rows = [
      ("networks", report.networks.joined(separator: ", ")), ("norm", report.norm),
      ("dropout", report.dropout),
    ]
    if !description.licences.isEmpty { rows.append(("licence", description.licences.joined(separator: " "))) }
    if !report.inputs.isEmpty { rows.append(("inputs", report.inputs.joined(separator: ", "))) }
    if let difference = report.largestDifference, let checker = report.checkedBy {
      rows.append(("checked", "\(checker) differs by \(difference) at most"))
    }
    print("Wrote \(report.file)\n" + columns(rows) + "\nWrote \(card.path), what its users need to know")
  }
}

/// Names of checkers as the command line takes them.
extension ModelExport.Checker: ExpressibleByArgument {}
