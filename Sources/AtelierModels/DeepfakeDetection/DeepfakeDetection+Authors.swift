public import AtelierCore
public import AtelierData
import AtelierMedia
import Torch

extension DeepfakeDetection: ReferenceAnswering {
  /// The square around a face.
  public static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "features" else { return nil }
    try check.refuseSettings(knowing: ["parameters"])
    guard case .table(var parameters)? = check.settings["parameters"],
      parameters.removeValue(forKey: "feature") == .string("faceBox"),
      case .list(let cases)? = parameters.removeValue(forKey: "cases"), parameters.isEmpty, !cases.isEmpty
    else { throw ConfigurationError("the features of '\(check.name)' are not understood") }
    let squares = try cases.flatMap { row -> [Int] in
      guard case .list(let values) = row, values.count == 8 else {
        throw ConfigurationError("a case of '\(check.name)' has eight values")
      }
      let edges = values.prefix(6).compactMap { if case .integer(let number) = $0 { number } else { nil } }
      let scale: Double? =
        switch values[6] {
        case .number(let number): number
        case .integer(let number): Double(number)
        default: nil
        }
      guard edges.count == 6, let scale else {
        throw ConfigurationError("a case of '\(check.name)' is six whole numbers, a scale and a least size")
      }
      var leastSize: Int?
      if case .integer(let size) = values[7] { leastSize = size }
      let square = PixelBox(left: edges[0], top: edges[1], right: edges[2], bottom: edges[3])
        .square(width: edges[4], height: edges[5], scale: scale, leastSize: leastSize)
      return [square.x, square.y, square.size]
    }
    return ["box": .tensor(Tensor(squares, shape: [cases.count, 3]))]
  }
}

extension DeepfakeDetection: ImportingSystem {
  /// The authors' and torchvision's files.
  public static var foreignFiles: String {
    "state dictionaries of FaceForensics++'s TransferModel (xception, resnet18), the ImageNet files xception-*.pth of "
      + "pretrained-models.pytorch and resnet18-*.pth of torchvision, from whose 1000 classes a training begins "
      + "(a file with dropout does not say how much: 0.5 is taken)"
  }

  /// The network with its last layer under the name that FaceForensics++ gives it, pointwise weights with all their
  /// axes, and counts of batches where an old file has none.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = ForeignModel()
    for file in files {
      let given = ForeignTensors(file)
      let bare = given.renaming { $0.hasPrefix("model.") ? String($0.dropFirst(6)) : $0 }
      let isXception = bare.has("block1.rep.0.conv1.weight")
      guard isXception || bare.has("layer1.0.conv1.weight") && !bare.has("layer1.0.conv3.weight") else {
        throw ConfigurationError(
          "\(given.source) is none of the networks that \(identity.name) knows: \(foreignFiles)")
      }
      let lasts = ["last_linear", "fc", "last_linear.1", "fc.1"]
      guard let last = lasts.first(where: { bare.has($0 + ".weight") }) else {
        throw ConfigurationError("\(given.source) has no last layer named \(lasts.joined(separator: " or "))")
      }
      var keys = try isXception ? xceptionKeys(bare) : residualKeys(bare)
      keys["classes"] = .integer(try bare.required(last + ".weight", axes: 2)[0])
      if last.hasSuffix(".1") { keys["dropout"] = .number(0.5) }
      try model.tell(keys, from: given)
      try model.fill("classifier", with: authorsTensors(bare, last: last, isXception: isXception))
    }
    return model
  }

  private static func xceptionKeys(_ file: ForeignTensors) throws -> [String: ConfigurationValue] {
    func outputs(_ name: String) throws -> Int { try file.side(name + ".weight", 0) }
    let names = [
      "conv1", "conv2", "block1.skip", "block2.skip", "block3.skip", "block12.skip", "conv3.pointwise",
      "conv4.pointwise",
    ]
    return [
      "model": .string(Configuration.Model.xception.rawValue), "imageSize": .integer(299),
      "channels": .list(try names.map { .integer(try outputs($0)) }),
    ]
  }

  private static func residualKeys(_ file: ForeignTensors) throws -> [String: ConfigurationValue] {
    let widths = try (1...4).map { try file.side("layer\($0).0.conv1.weight", 0) }
    guard (1...4).allSatisfy({ file.count("layer\($0).", ".conv1.weight") == 2 }) else {
      throw ConfigurationError("\(file.source) is a residual network of other depth; give one of 18 layers")
    }
    return [
      "model": .string(Configuration.Model.resNet18.rawValue), "imageSize": .integer(224),
      "channels": .list(widths.map { .integer($0) }),
    ]
  }

  private static func authorsTensors(
    _ file: ForeignTensors, last: String, isXception: Bool
  ) throws -> ForeignTensors {
    let own = (isXception ? "model.last_linear" : "model.fc") + (last.hasSuffix(".1") ? ".1" : "")
    var names: [(theirs: String, ours: String)] = []
    for entry in file.entries {
      let name = entry.name
      let isLast = name.hasPrefix(last + ".")
      names.append((name, isLast ? own + name.dropFirst(last.count) : "model." + name))
      guard name.hasSuffix(".running_var") else { continue }
      let counts = name.dropLast("running_var".count) + "num_batches_tracked"
      if !file.has(String(counts)) { names.append((name, "model." + counts)) }
    }
    return try file.taking(names) { theirs, ours, tensor in
      if ours.hasSuffix("num_batches_tracked"), !theirs.hasSuffix("num_batches_tracked") {
        return HostTensor([0], shape: [])
      }
      return theirs.hasSuffix("pointwise.weight") && tensor.shape.count == 2
        ? HostTensor(shape: tensor.shape + [1, 1], dtype: tensor.dtype, bytes: tensor.bytes) : tensor
    }
  }
}
