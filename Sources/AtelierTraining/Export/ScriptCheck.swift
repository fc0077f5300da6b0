import Foundation
import Torch

/// What an exported module gave, and what it should have given.
struct ScriptCase {
  let title: String
  let inputs: [Tensor]
  let expected: Tensor
}

/// Runs an exported module elsewhere and compares.
struct ScriptCheck {
  /// The largest difference that is allowed: an eighth of a step of an 8-bit image in -1 … 1. Other kernels
  /// round otherwise, and norms over few values make more of it.
  static let tolerance = 1e-3

  /// The largest difference over all cases, in a Python process that knows nothing of this package.
  ///
  /// - Throws: ``ExportError`` for a difference beyond ``tolerance``, or when Python fails.
  static func python(_ python: Python, _ file: URL, _ cases: [ScriptCase]) throws -> Double {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("export-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let data = folder.appendingPathComponent("cases.safetensors")
    try write(cases, to: data)
    let run = try python.run(
      ["-c", reader + program, file.path, data.path, String(Engine.threadCount)], in: folder)
    guard run.status == 0, let line = run.output.split(whereSeparator: \.isNewline).last,
      let results = try? JSONDecoder().decode([Result].self, from: Data(line.utf8)),
      results.count == cases.count
    else {
      let reason = run.errors.split(whereSeparator: \.isNewline).last.map(String.init) ?? "it said nothing"
      throw ExportError(
        "PyTorch could not run the exported module: \(reason); nothing was written", isInternal: true)
    }
    return try worst(results, cases, "PyTorch")
  }

  /// Writes cases as the programs in Python read them.
  static func write(_ cases: [ScriptCase], to file: URL) throws {
    var tensors: [(name: String, tensor: HostTensor)] = []
    for (index, one) in cases.enumerated() {
      for (number, input) in one.inputs.enumerated() {
        tensors.append(("\(index).input.\(number)", input.contiguous().host()))
      }
      tensors.append(("\(index).expected", one.expected.contiguous().host()))
    }
    try Safetensors.write(tensors, metadata: [:], to: file)
  }

  /// The largest difference over all cases, by the engine in this process.
  static func libtorch(_ file: URL, _ cases: [ScriptCase]) throws -> Double {
    let results = try cases.map { one in
      let output = try ScriptModule.run(file, one.inputs)
      guard output.shape == one.expected.shape else { return Result(shape: output.shape, difference: nil) }
      return Result(shape: output.shape, difference: (output - one.expected).abs().max().item())
    }
    return try worst(results, cases, "libtorch")
  }

  struct Result: Codable {
    let shape: [Int]
    /// Nil for another shape or a not-a-number.
    let difference: Double?
  }

  /// The largest difference, or why there is none that is allowed.
  static func worst(_ results: [Result], _ cases: [ScriptCase], _ who: String) throws -> Double {
    var worst = 0.0
    for (result, one) in zip(results, cases) {
      guard result.shape == one.expected.shape else {
        throw ExportError(
          "the exported module gives \(result.shape) for \(one.title) in \(who), not "
            + "\(one.expected.shape): the system keeps a size; nothing was written", isInternal: true)
      }
      guard let difference = result.difference, difference <= tolerance else {
        let found = result.difference.map { "differs by \($0)" } ?? "is not a number"
        throw ExportError(
          "what the exported module gives for \(one.title) in \(who) \(found), and \(tolerance) is "
            + "allowed; nothing was written", isInternal: true)
      }
      worst = max(worst, difference)
    }
    return worst
  }

  /// Reads cases by hand, because PyTorch comes without a package for safetensors, and compares; the file is the second
  /// argument.
  static let reader = """
    import json, struct, sys
    import torch
    kinds = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    with open(sys.argv[2], "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    def tensor(name):
        entry = header[name]
        start, end = entry["data_offsets"]
        kind = kinds[entry["dtype"]]
        return torch.frombuffer(data[start:end], dtype=kind).reshape(entry["shape"])
    def inputs(case):
        count = sum(name.startswith(f"{case}.input.") for name in header)
        return [tensor(f"{case}.input.{number}") for number in range(count)]
    def compare(run, case):
        results = []
        while f"{case}.expected" in header:
            output = run(inputs(case))
            expected = tensor(f"{case}.expected")
            difference = None
            if output.shape == expected.shape:
                difference = (output - expected).abs().max().item()
                difference = difference if difference == difference else None
            results.append({"shape": list(output.shape), "difference": difference})
            case += 1
        print(json.dumps(results))

    """

  private static let program = """
    torch.set_num_threads(int(sys.argv[3]))
    module = torch.jit.load(sys.argv[1])
    with torch.no_grad():
        compare(lambda given: module(*given), 0)
    """
}
