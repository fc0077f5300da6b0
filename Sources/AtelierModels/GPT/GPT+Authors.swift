public import AtelierCore
public import AtelierData
public import Torch
import TorchNN

extension GPT {
  /// The parts of recorded steps, `token` and `target` `[steps, parts, batch, time]`, or without parts.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? {
    func parts(_ name: String) throws -> Tensor {
      let tensor = try inputs.required(name)
      guard tensor.rank == 3 || (tensor.rank == 4 && tensor.shape[1] == configuration.gradientAccumulation)
      else {
        throw ConfigurationError(
          "'\(name)' has the shape \(tensor.shape), not [steps, \(configuration.gradientAccumulation), batch, time]"
        )
      }
      return tensor.reshaped([-1] + tensor.shape.suffix(2)).transposed(1, 2)
    }
    return RecordedParts(try parts("token"), try parts("target"))
  }

  private final class RecordedParts: BatchSource {
    private let token: Tensor
    private let target: Tensor
    private var index = 0

    init(_ token: Tensor, _ target: Tensor) { (self.token, self.target) = (token, target) }

    func next() throws -> Batch {
      guard index < min(token.shape[0], target.shape[0]) else {
        throw ConfigurationError("the recorded batches have run out")
      }
      defer { index += 1 }
      return Batch(
        [
          "token": token.selected(dim: 0, index: index), "target": target.selected(dim: 0, index: index),
        ], isFirst: true)
    }
  }

  /// `generate`: prompts `[texts, time]` with the tokens behind them; `draw` is `[length, texts]`.
  public func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue]
  ) throws -> [String: CaseValue]? {
    guard check.kind == "generate" else { return nil }
    try check.refuseSettings(knowing: ["length", "temperature", "topK", "topP", "repetitionPenalty"])
    // The settings of a check are named as those of drawing.
    let sampling = try TokenSampling().overlaid(with: check.settings)
    var tensors = try inputs.tensors()
    guard let prompt = tensors.removeValue(forKey: "prompt"), prompt.rank == 2 else {
      throw ConfigurationError("the input 'prompt' is missing, or is not [texts, time]")
    }
    let (texts, numbers) = (prompt.shape[0], prompt.integers())
    let prompts = (0..<texts).map { Array(numbers[($0 * prompt.shape[1])..<(($0 + 1) * prompt.shape[1])]) }
    let draws = RecordedDraws(
      tensors.mapValues { rows in (0..<rows.shape[0]).map { rows.selected(dim: 0, index: $0) } })
    let tokens = try self.tokens(after: prompts, sampling, draws: draws)
    return [
      "token": .tensor(Tensor(tokens.flatMap { $0 }, shape: [texts, prompt.shape[1] + sampling.length]))
    ]
  }
}

extension GPT: ImportingSystem {
  /// The files of the authors' programs.
  public static var foreignFiles: String {
    "model.safetensors or pytorch_model.bin of GPT-2 and GPT-1 by Hugging Face's names, and ckpt.pt of nanoGPT (heads "
      + "are taken to be 64 wide: heads; \(ByteLevelBPE.artefactNames.joined(separator: " and ")) are found beside them)"
  }

  /// OpenAI's licence of GPT-2.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("modified MIT (openai/gpt-2)", allowsCommercialUse: true)
  }

  /// The tokeniser's files.
  public static var companionFiles: [String] { ByteLevelBPE.artefactNames }

  /// The network with its weights as linear layers have them, which those of Hugging Face's files are the transposes of;
  /// causal masks, which are no weights, are left out.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = ForeignModel()
    for file in files {
      let tensors = ForeignTensors(file)
      guard let names = WeightNames(tensors) else {
        throw ConfigurationError(
          "\(tensors.source) is none of the networks that \(identity.name) knows: \(foreignFiles)")
      }
      try model.tell(keys(names, tensors), from: tensors)
      let isTransposed = names.isTransposed
      try model.fill(
        "model",
        with: tensors.taking(names.taken) { theirs, _, tensor in
          let isProjection = ["c_attn", "c_proj", "c_fc"].contains { theirs.hasSuffix("\($0).weight") }
          return isTransposed && isProjection && tensor.shape.count == 2
            ? Tensor(tensor).transposed(0, 1).contiguous().host() : tensor
        })
      model.leftOut.append(try tensors.taking(names.leftOut.map { ($0, $0) }) { $2 })
    }
    return model
  }

  private static func keys(
    _ names: WeightNames, _ tensors: ForeignTensors
  ) throws -> [String: ConfigurationValue] {
    let table = try tensors.required(names.token, axes: 2)
    let size = table[1]
    return [
      "vocabularySize": .integer(table[0]), "embeddingSize": .integer(size),
      "contextLength": .integer(try tensors.required(names.position, axes: 2)[0]),
      "layers": .integer(max(1, tensors.count(names.prefix + "h.", "."))),
      "heads": .integer(size % 64 == 0 ? size / 64 : 1),
      "bias": .boolean(tensors.has(names.prefix + "h.0.attn.c_attn.bias")),
      "normFirst": .boolean(tensors.has(names.prefix + "ln_f.weight")),
      "activation": .string((names.isTransposed ? Activation.geluTanh : .gelu).rawValue),
      "tiedEmbedding": .boolean(names.isTied), "tokenUnit": .string(TokenUnit.subword.rawValue),
    ]
  }

  /// How a file names the weights.
  private struct WeightNames {
    /// What all names but the output's begin with.
    var prefix = ""
    var token = ""
    var position = ""
    /// Whether matrices are `[inputs, outputs]`.
    var isTransposed = false
    /// Whether there is no table of its own for the output.
    var isTied = true
    /// Their names and nanoGPT's.
    var taken: [(theirs: String, ours: String)] = []
    /// Causal masks.
    var leftOut: [String] = []

    init?(_ tensors: ForeignTensors) {
      guard
        let mark = tensors.entries.first(where: { $0.name.hasSuffix("h.0.attn.c_attn.weight") }),
        mark.tensor.shape.count == 2
      else { return nil }
      prefix = String(mark.name.dropLast("h.0.attn.c_attn.weight".count))
      isTransposed = mark.tensor.shape[1] > mark.tensor.shape[0]
      let isFirst = tensors.has(prefix + "tokens_embed.weight")
      token = prefix + (isFirst ? "tokens_embed.weight" : "wte.weight")
      position = prefix + (isFirst ? "positions_embed.weight" : "wpe.weight")
      var output = token
      for entry in tensors.entries {
        let name = entry.name
        if name.hasSuffix("lm_head.weight") {
          output = name
          isTied = entry.tensor == tensors.entries.first { $0.name == token }?.tensor
        } else if name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias") {
          leftOut.append(name)
        } else if name == token {
          taken.append((name, "transformer.wte.weight"))
        } else if name == position {
          taken.append((name, "transformer.wpe.weight"))
        } else if name.hasPrefix(prefix) {
          taken.append((name, "transformer." + name.dropFirst(prefix.count)))
        }
      }
      taken.append((output, "lm_head.weight"))
    }
  }
}
