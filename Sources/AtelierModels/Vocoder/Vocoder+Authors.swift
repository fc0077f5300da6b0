public import AtelierCore
public import AtelierData
import Torch

extension Vocoder: ImportingSystem {
  /// What the authors' program saves, and their released generators.
  public static var foreignFiles: String {
    "g_*, do_* and generator_v1, generator_v2, generator_v3 of jik876/hifi-gan (sample rate, transform, the mel filters' "
      + "edges and dilations are not in them, see their config.json: 22,050 Hz, 1024, 0 to 8000 Hz and the paper's "
      + "dilations are taken)"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("MIT (jik876/hifi-gan)", allowsCommercialUse: true)
  }

  /// Tells widths and kernels by names and shapes; kernels of the transposed convolutions are taken for twice their rate.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    let whole = files.filter { file in !judging.keys.contains { hasNames(file, below: $0) } }
    var model = try ForeignModel(whole.map { try withWeightNorm(ForeignTensors($0)) }, of: Self.self) {
      file in
      if file.has("conv_pre.weight_v") { return "generator" }
      guard file.has("discriminators.0.convs.0.bias") else { return nil }
      return file.has("discriminators.0.convs.0.weight_orig") ? "scales" : "periods"
    }
    for (key, network) in judging.sorted(by: { $0.key < $1.key }) {
      let tensors = ForeignTensors(files, below: key)
      if !tensors.isEmpty { try model.fill(network, with: tensors) }
    }
    try model.tell(from: "generator", generatorKeys)
    try model.tell(from: "periods") { file in
      let widths = try (0..<4).map { try file.side("discriminators.0.convs.\($0).weight_v", 0) }
      return ["periodChannels": .list(widths.map { .integer($0) })]
    }
    try model.tell(from: "scales") { file in
      let widths = try [1, 2, 3, 4].map { try file.side("discriminators.0.convs.\($0).weight_orig", 0) }
      return ["scaleChannels": .list(widths.map { .integer($0) })]
    }
    return model
  }

  /// The authors' keys of the two kinds of discriminators in a `do_*` file.
  private static let judging = ["mpd": "periods", "msd": "scales"]

  private static func hasNames(_ file: ForeignWeights, below key: String) -> Bool {
    file.tensors.contains { $0.name.hasPrefix(key + ".") }
  }

  private static func generatorKeys(_ file: ForeignTensors) throws -> [String: ConfigurationValue] {
    let first = try file.required("conv_pre.weight_v", axes: 3)
    let stages = file.count("ups.", ".weight_v")
    let kernels = try (0..<stages).map { try file.required("ups.\($0).weight_v", axes: 3)[2] }
    let rates = kernels.map { max(1, $0 / 2) }
    let hasPlain = file.has("resblocks.0.convs2.0.weight_v")
    let name = hasPlain ? "convs1" : "convs"
    let fields = stages > 0 ? file.count("resblocks.", ".") / stages : 0
    let residual = try (0..<fields).map {
      try file.required("resblocks.\($0).\(name).0.weight_v", axes: 3)[2]
    }
    var keys: [String: ConfigurationValue] = [
      "mels": .integer(first[1]), "initialChannels": .integer(first[0]),
      "residualBlock": .integer(hasPlain ? 1 : 2),
      "upsampleKernels": .list(kernels.map { .integer($0) }),
      "upsampleRates": .list(rates.map { .integer($0) }),
      "residualKernels": .list(residual.map { .integer($0) }),
      "hop": .integer(rates.reduce(1) { min($0 * $1, 1 << 20) }),
    ]
    let counts = (0..<fields).map { file.count("resblocks.\($0).\(name).", ".weight_v") }
    let known = hasPlain ? [[1, 3, 5], [1, 3, 5], [1, 3, 5]] : [[1, 2], [2, 6], [3, 12]]
    guard counts == known.map(\.count) else {
      throw ConfigurationError(
        "\(file.source) has residual blocks of \(counts) convolutions, whose dilations no file tells; give residualDilations"
      )
    }
    keys["residualDilations"] = .list(known.map { .list($0.map { .integer($0) }) })
    return keys
  }

  /// The generator as it is in training, where its file has weights without their norms apart.
  private static func withWeightNorm(_ file: ForeignTensors) throws -> ForeignTensors {
    if file.has("conv_pre.parametrizations.weight.original1") {
      return file.replacing([
        "parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v",
      ])
    }
    guard file.has("conv_pre.weight") else { return file }
    var names: [(theirs: String, ours: String)] = []
    for entry in file.entries {
      names.append((entry.name, entry.name.hasSuffix(".weight") ? entry.name + "_v" : entry.name))
      if entry.name.hasSuffix(".weight") { names.append((entry.name, entry.name + "_g")) }
    }
    return try file.taking(names) { _, ours, tensor in
      guard ours.hasSuffix("_g") else { return tensor }
      let weight = Tensor(tensor)
      return weight.square().sum(dims: Array(1..<max(2, weight.rank)), keepDim: true).sqrt().host()
    }
  }
}
