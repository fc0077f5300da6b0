import AtelierCore
import Foundation
import Torch

/// Makes an ONNX file of an exported TorchScript module, in the Python that has PyTorch, and runs it by onnxruntime.
struct ONNXConversion {
  /// An axis of an input or of the output whose length is the caller's, by its name.
  typealias Axes = [String: [String: String]]

  /// The operators' version: that of PyTorch's own default for years, which every runtime knows.
  static let operators = 17

  let python: Python
  /// The version of onnxruntime.
  let runtime: String

  /// - Throws: ``ExportError`` that says how to install what is missing.
  init(_ python: Python) throws {
    self.python = python
    let probe = try python.run(
      ["-c", "import numpy, onnx, onnxruntime; print(onnxruntime.__version__)"], in: nil)
    guard probe.status == 0, let version = probe.output.split(whereSeparator: \.isNewline).last else {
      throw ExportError(
        "\(python.executable.path) has PyTorch, and lacks onnx or onnxruntime; install both with "
          + "'\(python.executable.path) -m pip install onnx onnxruntime'")
    }
    runtime = String(version)
  }

  /// Converts a module and compares what onnxruntime makes of it.
  ///
  /// - Parameters:
  ///   - script: the TorchScript file.
  ///   - file: the ONNX file to write.
  ///   - names: of the inputs, in order.
  ///   - axes: the axes of a length of the caller's, by input (or `output`) and number.
  ///   - text: what the file says about itself, under ``ModelExport/textName``.
  ///   - cases: what to run; the first one is recorded, and is not compared.
  /// - Returns: the largest difference.
  /// - Throws: ``ExportError`` for an operation that ONNX does not have, and for a difference beyond
  ///   ``ScriptCheck/tolerance``.
  func callAsFunction(
    _ script: URL, to file: URL, names: [String], axes: Axes, text: String, _ cases: [ScriptCase]
  ) throws -> Double {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("export-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let data = folder.appendingPathComponent("cases.safetensors")
    try ScriptCheck.write(cases, to: data)
    let settings = folder.appendingPathComponent("settings.json")
    try JSONEncoder().encode(
      Settings(
        names: names, axes: axes, text: text, textName: ModelExport.textName, operators: Self.operators)
    ).write(to: settings)
    let run = try python.run(
      ["-c", ScriptCheck.reader + Self.program, script.path, data.path, settings.path, file.path], in: folder)
    guard run.status == 0, let line = run.output.split(whereSeparator: \.isNewline).last,
      let results = try? JSONDecoder().decode([ScriptCheck.Result].self, from: Data(line.utf8)),
      results.count == cases.count - 1
    else {
      let reason = run.errors.split(whereSeparator: \.isNewline).last.map(String.init) ?? "it said nothing"
      throw ExportError(
        "what this system computes could not be made into ONNX: \(reason); a TorchScript module (.pt) may hold it, "
          + "and nothing was written")
    }
    return try ScriptCheck.worst(results, Array(cases.dropFirst()), "onnxruntime")
  }

  private struct Settings: Encodable {
    let names: [String]
    let axes: Axes
    let text: String
    let textName: String
    let operators: Int
  }

  private static let program = """
    import warnings
    warnings.filterwarnings("ignore")
    import onnx, onnxruntime
    settings = json.load(open(sys.argv[3]))
    names = settings["names"]
    module = torch.jit.load(sys.argv[1])
    axes = {name: {int(axis): label for axis, label in found.items()} for name, found in settings["axes"].items()}
    with torch.no_grad():
        torch.onnx.export(
            module, tuple(inputs(0)), sys.argv[4], dynamo=False, opset_version=settings["operators"],
            input_names=names, output_names=["output"], dynamic_axes=axes)
    model = onnx.load(sys.argv[4])
    model.producer_name = "Atelier"
    entry = model.metadata_props.add()
    entry.key, entry.value = settings["textName"], settings["text"]
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[4])
    session = onnxruntime.InferenceSession(sys.argv[4], providers=["CPUExecutionProvider"])
    taken = {one.name for one in session.get_inputs()}
    def run(given):
        named = {name: value.numpy() for name, value in zip(names, given) if name in taken}
        return torch.from_numpy(session.run(None, named)[0])
    compare(run, 1)
    """
}
