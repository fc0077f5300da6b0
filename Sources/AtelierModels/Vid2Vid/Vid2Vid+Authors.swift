public import AtelierCore
public import AtelierData
public import Torch
import TorchNN

extension Vid2Vid {
  /// The networks with the names of the reference cases. Each scale of the generator stands for the whole.
  static func describe(
    _ configuration: Configuration, _ generator: FrameGenerator, _ discriminator: MultiscaleDiscriminator,
    _ faces: MultiscaleDiscriminator?, _ temporal: [MultiscaleDiscriminator]
  ) -> [Network] {
    let hasFeatures = configuration.weights.featureMatching > 0
    func judge(_ name: String, _ network: MultiscaleDiscriminator) -> Network {
      let names = MultiscaleDiscriminator.authorsNames(
        scales: network.scales.count, layers: configuration.layers, hasFeatures: hasFeatures)
      return Network(name, network, authorsNames: names, isForTraining: true) { _, inputs in
        network.outputs(of: try inputs.required("image"), hasFeatures: hasFeatures)
      }
    }
    let scales = generator.scales.enumerated().map { scale, network in
      Network("generator\(scale)", network, authorsNames: CompositeGenerator.authorsNames) { _, inputs in
        try outputs(generator, inputs)
      }
    }
    return scales + [judge("discriminator", discriminator)]
      + (faces.map { [judge("faceDiscriminator", $0)] } ?? [])
      + temporal.enumerated().map { judge(temporalName($0.offset), $0.element) }
  }

  /// The frames that follow the first ones of recorded frames.
  private static func outputs(
    _ generator: FrameGenerator, _ inputs: [String: Tensor]
  ) throws -> [String: Tensor] {
    let frames = try inputs.required("frames")
    var past = generator.pyramid(frames.narrow(1, from: 0, length: generator.framesPerInput - 1))
    let clip = generator.clip(try inputs.required("semantics"), past: &past)
    var outputs = ["frames": clip.frames, "raw": clip.raw]
    (outputs["flow"], outputs["weight"]) = (clip.flow, clip.weight)
    return outputs
  }
}

extension Vid2Vid: ReferenceAnswering {
  /// All scales of the generator together, frame after frame.
  public func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue]
  ) throws -> [String: CaseValue]? {
    guard check.kind == "forward", check.network == "generator", check.part == nil else { return nil }
    try check.refuseSettings()
    return try withoutGradients { try Self.outputs(generator, inputs.tensors()).mapValues { .tensor($0) } }
  }

  /// One step: a sequence, of which the case calls each update a step.
  public static func recordedSteps(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> [RecordedStep]? {
    // Semantic frames as the networks see them, or the maps that they are made of.
    let maps = configuration.instanceEdges ? [configuration.source, Videos.instance] : [configuration.source]
    let semantics = inputs["semantics"] == nil ? maps : ["semantics"]
    let known = Set(semantics + ["frames", "flowReference", "confidence"])
    if let unknown = Set(inputs.keys).subtracting(known).min() {
      throw ConfigurationError("a step of vid2vid takes no '\(unknown)'")
    }
    for name in known.sorted() { _ = try inputs.required(name) }
    let examples = try inputs.required("frames").shape[0]
    // The authors' generator extends the list of frames before that it is given. Their `DataParallel` hands it a copy; the
    // cases were computed without one, so that from the second update on "the last frame before" is the last frame of the
    // update itself.
    let batch = Batch(inputs.merging([sharedFrames: .ones([1])]) { first, _ in first })
    return [
      RecordedStep(
        batches: [batch],
        // Nothing was mirrored.
        draws: configuration.flips ? ["flip": [.ones([examples, 1, 1, 1, 1])]] : [:])
    ]
  }
}

extension Vid2Vid: ImportingSystem {
  /// The generators of the authors' program.
  public static var foreignFiles: String {
    "latest_net_G0.pth, and with finer scales also G1 and G2, of NVIDIA/vid2vid (what the foreground is, is not in them: "
      + "class 26 of Cityscapes is taken)"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("CC BY-NC-SA 4.0 (NVIDIA/vid2vid), not for commercial use", allowsCommercialUse: false)
  }

  /// Tells the scales by their widths, and their configuration by names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    let files = files.map { ForeignTensors($0) }
    func width(_ file: ForeignTensors) -> Int {
      file.shape("model_down_seg.1.weight", axes: 4)?[0] ?? 0
    }
    func isFiner(_ file: ForeignTensors) -> Bool {
      file.hasName(beginningWith: "model_up_img.0.conv_block.")
    }
    let widest = files.filter { !isFiner($0) }.map(width).max() ?? 0
    var model = try ForeignModel(files, of: Self.self) { file in
      guard width(file) > 0 else { return nil }
      guard isFiner(file) else { return "generator0" }
      let scale = (1..<8).first { widest >> $0 == width(file) }
      return scale.map { "generator\($0)" }
    }
    _ = try model.required("generator0", of: Self.self)
    let finer = (1..<8).prefix { model.networks["generator\($0)"] != nil }
    try model.tell(from: "generator0", coarsestKeys)
    for scale in finer {
      try model.tell(from: "generator\(scale)") { file in
        ["localBlocks": .integer(file.count("model_up_img.", ".conv_block."))]
      }
    }
    if let file = model.networks["generator0"] {
      try model.tell(["spatialScales": .integer(finer.count + 1)], from: file)
    }
    return model
  }

  private static func coarsestKeys(_ file: ForeignTensors) throws -> [String: ConfigurationValue] {
    let first = try file.required("model_down_seg.1.weight", axes: 4)
    let frames = try file.side("model_down_img.1.weight", 1) / 3 + 1
    let seen = first[1] / max(1, frames)
    // The authors' streets have a channel of edges after 35 classes.
    let hasEdges = seen == 36
    let channels = seen - (hasEdges ? 1 : 0)
    let ups = file.numbers("model_up_img.", ".weight").filter {
      file.shape("model_up_img.\($0).weight", axes: 4) != nil
    }
    let blocks =
      file.numbers("model_down_seg.", ".conv_block.").count
      + file.numbers("model_res_img.", ".conv_block.").count
    let hasForeground = file.hasName(beginningWith: "indv_down.")
    return [
      "width": .integer(first[0]), "framesPerInput": .integer(frames), "semanticChannels": .integer(channels),
      "instanceEdges": .boolean(hasEdges),
      "downsamplings": .integer(ups.count), "blocks": .integer(blocks),
      "flow": .boolean(file.has("model_final_flow.1.weight")),
      "norm": .string(
        file.has("model_down_seg.2.weight")
          ? "batch" : file.has("model_down_seg.2.running_mean") ? "instance" : "none"),
      "foregroundChannels": .list(hasForeground ? [.integer(min(26, channels - 1))] : []),
      // The authors' other two kinds of videos are of 3, 6 and 15 channels.
      "semantics": .string([3, 6, 15].contains(channels) ? "continuous" : "one-hot"),
    ]
  }
}
