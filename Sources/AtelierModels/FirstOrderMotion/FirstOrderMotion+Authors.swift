public import AtelierCore
public import AtelierData
public import Perception
public import Torch
import TorchNN

extension FirstOrderMotion.Configuration {
  /// The layers of VGG19 that are compared, and their factors.
  var perceptualLayers: [(name: String, weight: Double)] {
    lossWeights.perceptual.enumerated().filter { $0.element != 0 }.map {
      ("relu\($0.offset + 1)_1", $0.element)
    }
  }
}

extension FirstOrderMotion {
  /// The networks with the names of the reference cases.
  static func describe(
    _ configuration: Configuration, _ detector: KeypointDetector, _ generator: MotionGenerator,
    _ discriminator: MotionDiscriminators, _ vgg: VGG?
  ) -> [Network] {
    let scales = configuration.discriminatorScales
    var networks = [
      Network("detector", detector, authorsNames: KeypointDetector.authorsNames) { _, inputs in
        let found = detector(try inputs.required("image"))
        var outputs = ["keypoints": found.points]
        outputs["jacobian"] = found.jacobians
        return outputs
      },
      Network(
        "generator", generator,
        authorsNames: MotionGenerator.authorsNames(blocks: configuration.generator.blocks)
      ) { _, inputs in
        let source = try inputs.required("source")
        let drawn = generator(
          source, source: detector(source), driving: detector(try inputs.required("driving")))
        var outputs = [
          "image": drawn.image, "mask": drawn.mask,
          // Only the first of a batch is recorded.
          "deformed": generator.deformed(source, by: drawn.deformation).slice(0, 0, 1),
        ]
        outputs["occlusion"] = drawn.occlusion
        return outputs
      },
      Network(
        "discriminator", discriminator, authorsNames: MotionDiscriminators.authorsNames(scales: scales),
        isForTraining: true
      ) { _, inputs in
        let images = ImagePyramid(scales)(try inputs.required("image"))
        let points = detector(try inputs["driving"] ?? inputs.required("image")).points
        var outputs: [String: Tensor] = [:]
        for (scale, judged) in zip(scales, discriminator(images, at: points)) {
          outputs["scores." + ImagePyramid.name(scale)] = judged.scores
          outputs["lastFeatures." + ImagePyramid.name(scale)] = judged.features.last
        }
        return outputs
      },
    ]
    if let vgg {
      let names = configuration.perceptualLayers.map(\.name)
      networks.append(
        Network(vgg.architecture, vgg, frozenFrom: vgg.architecture) { _, inputs in
          vgg.activations(of: try inputs.required("image"), at: names)
        })
    }
    return networks
  }

  /// Images on several scales, and keypoints transferred from one to another.
  public static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "features" else { return nil }
    try check.refuseSettings(knowing: ["parameters"])
    guard case .table(let parameters)? = check.settings["parameters"],
      case .string(let feature)? = parameters["feature"]
    else { throw ConfigurationError("the check '\(check.name)' names no feature") }
    let tensors = try inputs.tensors()
    switch feature {
    case "imagePyramid":
      let scales = try scales(parameters["scales"], check) ?? configuration.pyramid
      let images = ImagePyramid(scales)(try tensors.required("image"))
      return Dictionary(
        uniqueKeysWithValues: zip(scales, images).map {
          ("scale" + ImagePyramid.name($0), CaseValue.tensor($1))
        })
    case "relativeMotion":
      func flag(_ name: String) -> Bool { parameters[name] == .boolean(true) }
      func keypoints(_ name: String) throws -> MotionKeypoints {
        MotionKeypoints(points: try tensors.required(name), jacobians: tensors[name + "Jacobian"])
      }
      let transfer = MotionTransfer(
        source: try keypoints("source"), initial: try keypoints("initial"), relative: flag("relative"),
        relativeJacobian: flag("relativeJacobian"), adaptScale: flag("adaptScale"))
      let moved = transfer(try keypoints("driving"))
      var outputs = ["keypoints": CaseValue.tensor(moved.points)]
      outputs["jacobian"] = moved.jacobians.map { .tensor($0) }
      return outputs
    default: throw ConfigurationError("first-order-motion has no feature '\(feature)'")
    }
  }

  private static func scales(
    _ value: ConfigurationValue?, _ check: ReferenceCheck
  ) throws(ConfigurationError) -> [Double]? {
    guard let value else { return nil }
    guard case .list(let list) = value else {
      throw ConfigurationError("the scales of the check '\(check.name)' are no list")
    }
    var scales: [Double] = []
    for entry in list {
      switch entry {
      case .integer(let scale): scales.append(Double(scale))
      case .number(let scale): scales.append(scale)
      default:
        throw ConfigurationError("the check '\(check.name)' has the scale \(entry), which is no number")
      }
    }
    guard scales.allSatisfy({ $0 > 0 && $0 <= 1 }) else {
      throw ConfigurationError("the scales of the check '\(check.name)' lie in 0 … 1, not at \(scales)")
    }
    return scales
  }
}

extension FirstOrderMotion: ImportingSystem {
  /// What the authors' program saves.
  public static var foreignFiles: String {
    "vox-cpk.pth.tar, vox-adv-cpk.pth.tar and other checkpoints of AliaksandrSiarohin/first-order-model (image size, scale "
      + "and temperature are not in them: 256, 0.25 and 0.1 are taken)"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("MIT (AliaksandrSiarohin/first-order-model)", allowsCommercialUse: true)
  }

  /// The keys of a checkpoint, and our networks.
  private static let keys = [
    "kp_detector": "detector", "generator": "generator", "discriminator": "discriminator",
  ]

  /// Tells all networks by the keys of a checkpoint, or a network alone by its names.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    func isWhole(_ file: ForeignWeights) -> Bool {
      file.tensors.contains { $0.name.hasPrefix("kp_detector.") || $0.name.hasPrefix("generator.") }
    }
    var model = try ForeignModel(files.filter { !isWhole($0) }.map { ForeignTensors($0) }, of: Self.self) {
      file in
      if file.has("kp.weight") { return "detector" }
      if file.hasName(beginningWith: "dense_motion_network.") { return "generator" }
      return file.hasName(beginningWith: "discs.") ? "discriminator" : nil
    }
    for (key, network) in keys.sorted(by: { $0.key < $1.key }) {
      let tensors = ForeignTensors(files.filter(isWhole), below: key)
      if !tensors.isEmpty { try model.fill(network, with: tensors) }
    }
    // What lies beside the networks are the optimisers' moments.
    for key in ["optimizer_generator", "optimizer_discriminator", "optimizer_kp_detector"] {
      let tensors = ForeignTensors(files.filter(isWhole), below: key)
      if !tensors.isEmpty { model.leftOut.append(tensors) }
    }
    for network in ["detector", "generator"] { _ = try model.required(network, of: Self.self) }
    try model.tell(from: "detector", detectorKeys)
    try model.tell(from: "generator", generatorKeys)
    try model.tell(from: "discriminator", discriminatorKeys)
    return model
  }

  private static func detectorKeys(_ file: ForeignTensors) throws -> [String: ConfigurationValue] {
    var keys: [String: ConfigurationValue] = [
      "keypoints": .integer(try file.side("kp.weight", 0)), "jacobian": .boolean(file.has("jacobian.weight")),
      "detector": try hourglass(file, "predictor."),
    ]
    if file.has("jacobian.weight") {
      let (maps, points) = (try file.side("jacobian.weight", 0), try file.side("kp.weight", 0))
      keys["singleJacobian"] = .boolean(maps == 4 && points > 1)
    }
    if !file.has("down.weight") { keys["scaleFactor"] = .integer(1) }
    return keys
  }

  private static func generatorKeys(_ file: ForeignTensors) throws -> [String: ConfigurationValue] {
    let (down, first) = (file.count("down_blocks.", ".conv.weight"), try file.side("first.conv.weight", 0))
    let widths = try (0..<down).map { try file.side("down_blocks.\($0).conv.weight", 0) }
    return [
      "keypoints": .integer(try file.side("dense_motion_network.mask.weight", 0) - 1),
      "occlusion": .boolean(file.has("dense_motion_network.occlusion.weight")),
      "denseMotion": try hourglass(file, "dense_motion_network.hourglass."),
      "generator": .table([
        "width": .integer(first), "maximumWidth": .integer(([first] + widths).max() ?? first),
        "downsamplings": .integer(down), "blocks": .integer(file.count("bottleneck.r", ".conv1.weight")),
      ]),
    ]
  }

  private static func discriminatorKeys(_ file: ForeignTensors) throws -> [String: ConfigurationValue] {
    let names = Set(
      file.entries.compactMap { entry in
        entry.name.split(separator: ".").dropFirst().first.map(String.init)
      })
    let scales = try names.map { name in
      guard let scale = Double(name.replacing("-", with: ".")) else {
        throw ConfigurationError("\(file.source) has a discriminator '\(name)', which is no scale")
      }
      return (name, scale)
    }.sorted { $0.1 > $1.1 }
    guard let first = scales.first?.0 else { return [:] }
    let isNormed = file.has("discs.\(first).down_blocks.0.conv.weight_orig")
    let kernel = isNormed ? "weight_orig" : "weight"
    let blocks = file.count("discs.\(first).down_blocks.", ".conv.\(kernel)")
    let shapes = try (0..<blocks).map {
      try file.required("discs.\(first).down_blocks.\($0).conv.\(kernel)", axes: 4)
    }
    guard let width = shapes.first?[0], let inputs = shapes.first?[1] else {
      throw ConfigurationError("\(file.source) has a discriminator without blocks")
    }
    return [
      "discriminatorScales": .list(scales.map { .number($0.1) }),
      "discriminator": .table([
        "width": .integer(max(1, width / 2)), "maximumWidth": .integer(shapes.map { $0[0] }.max() ?? width),
        "blocks": .integer(blocks), "spectralNorm": .boolean(isNormed), "keypoints": .boolean(inputs > 3),
      ]),
    ]
  }

  /// The shape of an hourglass, whose last doubling gives its width.
  private static func hourglass(
    _ file: ForeignTensors, _ prefix: String
  ) throws -> ConfigurationValue {
    let blocks = file.count(prefix + "encoder.down_blocks.", ".conv.weight")
    let widths = try (0..<blocks).map { try file.side("\(prefix)encoder.down_blocks.\($0).conv.weight", 0) }
    let width = try file.side("\(prefix)decoder.up_blocks.\(max(0, blocks - 1)).conv.weight", 0)
    return .table([
      "width": .integer(width), "maximumWidth": .integer((widths + [width]).max() ?? width),
      "blocks": .integer(blocks),
    ])
  }
}
