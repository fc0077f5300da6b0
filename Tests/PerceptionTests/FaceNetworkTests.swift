import Foundation
import Perception
import TestSupport
import Testing
import Torch
import TorchNN

/// Numbers that every language computes alike, in place of weights and of photographs.
private enum Made {
  /// RGB in 0 … 255, `[3, height, width]`.
  static func image(_ height: Int, _ width: Int) -> Tensor {
    let y = Tensor.arange(height).asType(.float64).reshaped([1, height, 1])
    let x = Tensor.arange(width).asType(.float64).reshaped([1, 1, width])
    let c = Tensor.arange(3).asType(.float64).reshaped([3, 1, 1])
    let wave = (x * 0.31 + y * 0.17 + c * 1.9 + x * y * 0.004).sin()
    return (wave * 127.5 + 127.5).asType(.uint8).asType(.float32)
  }

  /// Fills a network with waves, scaled as its kind of weight needs.
  static func fill(_ network: PerceptionNetwork, gain: Double = 1.4142135) throws {
    var tensors: [(name: String, tensor: HostTensor)] = []
    var place = 0
    for (name, tensor) in network.state() {
      if name.hasSuffix(".num_batches_tracked") {
        tensors.append((name, tensor.host()))
        continue
      }
      let shape = tensor.shape
      let wave =
        (Tensor.arange(tensor.count).asType(.float64) * (0.7 + 0.013 * Double(place)) + Double(place)).sin()
      let fanIn = Double(shape.dropFirst().reduce(1, *))
      let value =
        if name.hasSuffix("running_var") {
          wave * 0.3 + 1
        } else if shape.count >= 2 {
          wave * gain * 1.4142135 / fanIn.squareRoot()
        } else if name.contains("prelu") {
          wave * 0.1 + 0.25
        } else if name.hasSuffix("norm.weight") || name == "bn1.weight" || name == "fc1.weight" {
          wave * 0.2 + 1
        } else {
          wave * 0.05
        }
      tensors.append((name, value.reshaped(shape).asType(.float32).host()))
      place += 1
    }
    try network.fill(with: tensors)
  }

  static func expect(
    _ face: DetectedFace, _ box: [Float], _ score: Float, _ points: [Float], within tolerance: Float = 2e-3,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let found = face.box + face.landmarks.flatMap { [$0.x, $0.y] }
    let worst = zip(found, box + points).map { abs($0 - $1) }.max() ?? .infinity
    #expect(worst < tolerance && abs(face.score - score) < 1e-4, "\(face)", sourceLocation: sourceLocation)
  }
}

/// Expected: facenet-pytorch 2.6.0 on the same weights and image (torch 2.13).
@Suite struct MTCNNTests {
  @Test func namesAndSizesAreTheAuthors() {
    let state = MTCNN().state()
    #expect(state.count == 50)
    #expect(state.map(\.tensor.count).reduce(0, +) == 495_850)
    #expect(
      state.prefix(4).map(\.name)
        == ["pnet.conv1.weight", "pnet.conv1.bias", "pnet.prelu1.weight", "pnet.conv2.weight"])
    #expect(state.last?.name == "onet.dense6_3.bias")
  }

  @Test func theCascadeFindsWhatTheAuthorsProgramFinds() throws {
    let network = MTCNN()
    try Made.fill(network, gain: 3.2)
    var settings = MTCNN.Settings()
    settings.thresholds = [0.5546, 0.350_559_28, 0.486_203_18]
    let faces = network.faces(in: Made.image(60, 75), settings)
    try #require(faces.count == 4)
    Made.expect(
      faces[0], [28.875179290771484, -46.7449836730957, 118.70466613769531, 57.260711669921875], 0.50806344,
      [
        31.134174, -42.368774, 36.137455, -38.51868, 39.97599, -37.80557, 36.086884, -43.75198, 28.943464,
        -49.130512,
      ])
    Made.expect(
      faces[1], [-0.3872171640396118, -2.2477359771728516, 30.52685546875, 33.42963409423828], 0.4946395,
      [
        0.31266245, -2.1384819, 1.648950, -0.62935030, 2.6642971, -0.08219671, 1.1748147, -1.7240994,
        -1.2869092, -3.1568911,
      ])
    Made.expect(
      faces[2], [9.441020965576172, 10.587928771972656, 39.97175598144531, 45.9421272277832], 0.49679524,
      [
        9.515814, 10.745724, 10.994697, 12.219440, 12.124434, 12.680047, 10.668953, 10.889157, 8.182039,
        9.303890,
      ])
    Made.expect(
      faces[3], [15.150465965270996, 31.830944061279297, 40.3690185546875, 60.91361618041992], 0.48982418,
      [
        14.848508, 31.531143, 16.034519, 32.808285, 16.949764, 33.252613, 15.741686, 31.829235, 13.699474,
        30.569250,
      ])
  }

  @Test func anImageSmallerThanAFaceHasNone() throws {
    let network = MTCNN()
    try Made.fill(network)
    #expect(network.faces(in: Made.image(11, 90)).isEmpty)
    #expect(network.faces(in: Made.image(1, 1)).isEmpty)
  }
}

/// Expected: the same network in PyTorch 2.13.
@Suite struct SFaceTests {
  @Test func embeddingsAreThoseOfPyTorch() throws {
    let network = SFace()
    let counted = network.state().filter { !$0.name.hasSuffix("num_batches_tracked") }
    #expect(counted.count == 172)
    #expect(counted.map(\.tensor.count).reduce(0, +) == 9_667_072)
    try Made.fill(network)
    let images = Made.image(112, 112).unsqueezed(0)
    let features = withoutGradients { network.features(of: images) }.floats()
    let expected: [Float] = [-0.057351965, 0.059379745, -0.040216759, 0.012311811]
    for (value, number) in zip(features, expected) { #expect(abs(value - number) < 2e-5, "\(value)") }
    #expect(abs(features.reduce(0) { $0 + abs(Double($1)) } - 5.410333654843271) < 1e-3)
    let unit = withoutGradients { network.embeddings(of: images) }.floats()
    #expect(abs(unit.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
  }
}

/// Expected: onnxruntime on the same file, which the package `onnx` wrote.
@Suite struct ONNXWeightTests {
  private static let file = [
    "CAo60gMKPgoBcQoBcwoBehIBYSIQRGVxdWFudGl6ZUxpbmVhcioLCgRheGlzGAGgAQIqEQoKYmxvY2tfc2l6ZRgEoAECChYKAWEKBXNo",
    "YXBlEgFiIgdSZXNoYXBlCkEKAnEyCgJzMgoCejISAWMiEERlcXVhbnRpemVMaW5lYXIqCwoEYXhpcxgAoAECKhEKCmJsb2NrX3NpemUY",
    "AqABAhIBdCopCAMIChADQgFxSh7x8vP09fb3+Pn6+/z9/v8AAQIDBAUGBwgJCgsMDQ4qLwgDCAMQAUIBc0okAAAAPwAAgD4AAABAAACA",
    "PwAAAD4AAEBAAABAPwAAAD8AAIA9KhQIAwgDEANCAXpKCQAB/gMAAP8FByolCAMQB0IFc2hhcGVKGAUAAAAAAAAAAgAAAAAAAAADAAAA",
    "AAAAACoWCAUIAhACQgJxMkoKAQIDBAUG+ggJCiokCAMIAhABQgJzMkoYAAAAPwAAgD8AAABAAACAQAAAAEEAAIBBKhIIAwgCEAJCAnoy",
    "SgYBAACAAwMqGQgDEAEiDAAAwD8AABDAAADgQEIFcGxhaW5iFwoBYhISChAIARIMCgIIBQoCCAIKAggDYhMKAWMSDgoMCAESCAoCCAUK",
    "AggCQgQKABAV",
  ].joined()

  private static func bytes() throws -> [UInt8] { [UInt8](try #require(Data(base64Encoded: file))) }

  @Test func blocksOfBothAxesAreReadAsONNXRuntimeReadsThem() throws {
    let tensors = try ONNXWeights.tensors(in: try Self.bytes())
    #expect(tensors["b"]?.shape == [5, 2, 3])
    #expect(
      tensors["b"]?.floats() == [
        -7.5, -7.0, -6.5, -6.0, -3.0, -2.75, -2.5, -2.25, -10.0, -8.0, -8.0, -7.0, -6.0, -5.0, -0.125, 0.0,
        0.125,
        0.25, 9.0, 12.0, 4.5, 5.25, 6.0, 6.75, 2.0, 2.5, 3.0, 3.5, 0.375, 0.4375,
      ])
    #expect(tensors["c"]?.floats() == [0.0, 2.0, 1.0, 4.0, 10.0, -488.0, 500.0, -480.0, 48.0, 112.0])
    #expect(tensors["plain"]?.floats() == [1.5, -2.25, 7])
  }

  /// Every shortened file and every file with one changed byte is read or refused, and nothing else.
  @Test func damagedFilesAreReadOrRefused() throws {
    let whole = try Self.bytes()
    for length in 0..<whole.count { _ = try? ONNXWeights.tensors(in: Array(whole.prefix(length))) }
    for place in whole.indices {
      for change: UInt8 in [1, 0x80, 0xFF] {
        var damaged = whole
        damaged[place] ^= change
        do { _ = try ONNXWeights.tensors(in: damaged) } catch { #expect(!error.reason.isEmpty) }
      }
    }
    #expect(throws: ProtobufFault.self) { try ONNXWeights.tensors(in: []) }
    // A length of 2⁶³ bytes, an array of 2⁶⁰ numbers, a number that goes on for ever.
    for bytes: [UInt8] in [
      [0x3A] + Array(repeating: 0xFF, count: 9) + [1],
      [0x3A, 13, 0x2A, 11, 8] + Array(repeating: 0x80, count: 8) + [0x10, 0x10],
      Array(repeating: 0xFF, count: 40),
    ] { #expect(throws: ProtobufFault.self) { try ONNXWeights.tensors(in: bytes) } }
  }

  @Test func scalesAndZeroPointsOfEachOthersTypeAreRefused() throws {
    var bytes = try Self.bytes()
    let inputs = try #require(bytes.firstRange(of: [0x0A, 1, 0x73, 0x0A, 1, 0x7A])).lowerBound
    bytes.swapAt(inputs + 2, inputs + 5)
    #expect(throws: ProtobufFault.self) { try ONNXWeights.tensors(in: bytes) }
  }
}

/// The file follows the description of FlatBuffers; a reader in numpy reads the same numbers in it.
@Suite struct TFLiteWeightTests {
  private static let file = [
    "GAAAAFRGTDMOABQABAAIAAwAAAAQAAAAEAAAAAMAAAAMAAAAZAAAALwDAAAEAAAAHAAAADAAAABAAAAASAAAAAwADAAEAAAAAAAI",
    "AAwAAAADAAAAAwAAAAwADAAEAAAAAAAIAAwAAAA2AAAANgAAAAYABQAEAAAACAAAAAQAAAAEAAQABAAAAAEAAAAQAAAADAAUAAQA",
    "CAAMABAADAAAABAAAAD8AQAAAAIAAAQCAAAKAAAANAAAAGAAAACMAAAArAAAANgAAAAAAQAALAEAAFgBAAB4AQAApAEAAAoAEAAE",
    "AAgADAAAAAwAAAAMAAAAAAAAAAAAAAAEAAAAAQAAAAIAAAACAAAAAgAAAAoAEAAEAAgADAAAAAwAAAAMAAAAAAAAAAEAAAAEAAAA",
    "AwAAAAEAAAABAAAAAgAAAAoAEAAEAAgADAAAAAwAAAAMAAAAAAAAAAIAAAABAAAAAwAAAAoAEAAEAAgADAAAAAwAAAAMAAAAAAAA",
    "AAAAAAAEAAAAAQAAAAIAAAACAAAAAwAAAAoAEAAEAAgADAAAAAwAAAAMAAAAAAAAAAMAAAADAAAAAQAAAAEAAAADAAAACgAQAAQA",
    "CAAMAAAADAAAAAwAAAAAAAAAAAAAAAQAAAABAAAAAgAAAAIAAAADAAAACgAQAAQACAAMAAAADAAAAAwAAAAAAAAABAAAAAQAAAAB",
    "AAAAAgAAAAIAAAADAAAACgAQAAQACAAMAAAADAAAAAwAAAAAAAAABQAAAAEAAAADAAAACgAQAAQACAAMAAAADAAAAAwAAAAAAAAA",
    "AAAAAAQAAAABAAAAAQAAAAEAAAADAAAACgAQAAQACAAMAAAADAAAAAwAAAAAAAAAAAAAAAQAAAABAAAAAQAAAAEAAAADAAAAAQAA",
    "AAAAAAABAAAACQAAAAQAAAAgAAAAbAAAAJwAAAD0AAAADgAQAAAABAAIAAAADAAAABAAAAAMAAAAGAAAACgAAAADAAAAAAAAAAEA",
    "AAACAAAAAQAAAAMAAAAKABAABAAIAAwAAAAMAAAAAQAAAAEAAAABAAAACgAQAAQACAAMAAAADAAAAAEAAAAIAAAAEAAAAAIAAAAD",
    "AAAABAAAAAEAAAAFAAAADgAUAAQACAAMAAAAEAAAABAAAAACAAAADAAAABgAAAAoAAAAAwAAAAUAAAAGAAAABwAAAAEAAAAIAAAA",
    "DAAUAAQACAAMABAADAAAAAEAAAACAAAAAgAAAAEAAAAOABQABAAIAAwAAAAQAAAAEAAAAAMAAAAMAAAAFAAAABwAAAACAAAACAAA",
    "AAgAAAABAAAACQAAAAQABAAEAAAABgAAABwAAAAkAAAATAAAAGgAAACEAAAAxAAAAAQABAAEAAAABgAIAAQAAAAIAAAABAAAABgA",
    "AAAAAIA/AAAAQAAAQEAAAIBAAACgQAAAwEAGAAgABAAAAAgAAAAEAAAADAAAAAAAAD8AAIC/AAAAQAYACAAEAAAACAAAAAQAAAAM",
    "AAAAzczMPc3MTD6amZk+BgAIAAQAAAAIAAAABAAAADAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQAAAwEAAAOBAAAAAQQAAEEEAACBB",
    "AAAwQQAAQEEGAAgABAAAAAgAAAAEAAAADAAAAAAAAAAAAIA/AAAAQA==",
  ].joined()

  private static func bytes() throws -> [UInt8] { [UInt8](try #require(Data(base64Encoded: file))) }

  @Test func layersAreReadInOrderWithChannelsFirst() throws {
    let layers = try TFLiteWeights.layers(in: try Self.bytes())
    #expect(layers.map(\.kind) == [.convolution, .slope, .depthwise] && layers.map(\.stride) == [1, 1, 2])
    #expect(layers.map(\.weight.shape) == [[3, 2, 1, 1], [3], [3, 1, 2, 2]])
    #expect(layers[0].weight.floats() == [1, 2, 3, 4, 5, 6] && layers[0].bias?.floats() == [0.5, -1, 2])
    #expect(layers[1].weight.floats() == [0.1, 0.2, 0.3] && layers[1].bias == nil)
    #expect(layers[2].weight.floats() == [1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12])
    #expect(layers[2].bias?.floats() == [0, 1, 2])
  }

  /// Every shortened file and every file with one changed byte is read or refused, and nothing else.
  @Test func damagedFilesAreReadOrRefused() throws {
    let whole = try Self.bytes()
    var refused = 0
    for length in 0..<whole.count {
      do { _ = try TFLiteWeights.layers(in: Array(whole.prefix(length))) } catch { refused += 1 }
    }
    #expect(refused > whole.count / 2)
    for place in whole.indices {
      for change: UInt8 in [1, 0x80, 0xFF] {
        var damaged = whole
        damaged[place] ^= change
        do { _ = try TFLiteWeights.layers(in: damaged) } catch { #expect(!error.reason.isEmpty) }
      }
    }
    #expect(throws: FlatBufferFault.self) { try TFLiteWeights.layers(in: []) }
    #expect(throws: FlatBufferFault.self) { try TFLiteWeights.layers(in: Array(repeating: 0xFF, count: 64)) }
  }
}

/// Expected: the same network in PyTorch 2.13.
@Suite struct FaceMeshTests {
  @Test func pointsAreThoseOfPyTorch() throws {
    let network = FaceMesh()
    #expect(network.state().map(\.tensor.count).reduce(0, +) == 604_685)
    try Made.fill(network, gain: 1)
    let image = Made.image(192, 192).unsqueezed(0) / 255
    let (points, face) = withoutGradients { network(image) }
    #expect(points.shape == [1, 468, 3] && face.shape == [1])
    let values = points.floats()
    let expected: [Float] = [
      0.4057619571685791, -0.23207613825798035, -0.2777329981327057, 0.36426621675491333,
    ]
    for (value, number) in zip(values, expected) { #expect(abs(value - number) < 2e-4, "\(value)") }
    #expect(abs(values.reduce(0) { $0 + abs(Double($1)) } - 356.0533735238714) < 2e-2)
    #expect(abs(face.item() - 0.3618699908256531) < 1e-4)
  }

  @Test func theOutlineHasDlibsPointsOnBothSides() {
    let outline = FaceMesh.outline
    #expect(outline.count == 68 && Set(outline).count == 68 && outline.allSatisfy { (0..<468).contains($0) })
    // Every layer of the network has a place in the file, and none two.
    let weights = FaceMesh().state().filter { $0.name.hasSuffix(".weight") }.map { $0.name.dropLast(7) }
    #expect(
      Set(weights) == Set(FaceMesh.orderedNames[...].map { $0[...] })
        && weights.count == FaceMesh.orderedNames.count)
  }
}

/// The real weights, where they are installed; see Documentation/weights.md.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["ATELIER_PROOF"] != nil
      && WeightStore.standard.contains("mtcnn") && WeightStore.standard.contains("sface"),
    "ATELIER_PROOF is not set, or the weights mtcnn and sface are not installed"))
struct InstalledFaceProofTests {
  /// Expected: facenet-pytorch 2.6.0 with its own weights; the image is no face, so that low thresholds are needed.
  @Test func mtcnnProofAnswersAsItsAuthorsProgram() throws {
    let network = MTCNN()
    try WeightStore.standard.fill(network, with: "mtcnn", for: "a test")
    var settings = MTCNN.Settings()
    settings.thresholds = [0.1, 0.01, 0.0001]
    let faces = network.faces(in: Made.image(60, 75), settings)
    try #require(faces.count == 1)
    Made.expect(
      faces[0], [46.39341735839844, 48.98059844970703, 60.31119918823242, 73.13159942626953], 0.00027310880,
      [
        49.825413, 52.798370, 58.866554, 55.491386, 51.092812, 59.982967, 46.807949, 64.388931, 53.921440,
        66.932281,
      ])
  }

  /// Expected: onnxruntime 1.32 on the file with its weights as float32.
  @Test func sfaceProofAnswersAsONNXRuntime() throws {
    let network = SFace()
    try WeightStore.standard.fill(network, with: "sface", for: "a test")
    let features = withoutGradients { network.features(of: Made.image(112, 112).unsqueezed(0)) }.floats()
    let expected: [Float] = [
      -0.37072986, 0.35131118, 0.71607286, 1.06436335, 0.022641532, -0.67589951,
    ]
    for (value, number) in zip(features, expected) { #expect(abs(value - number) < 2e-4, "\(value)") }
    #expect(abs(features.reduce(0) { $0 + abs(Double($1)) } - 60.91874450817704) < 5e-3)
  }

  /// Expected: a reader of the file in numpy that runs its graph.
  @Test(.enabled(if: WeightStore.standard.contains("face-mesh"), "the weights face-mesh are not installed"))
  func faceMeshProofAnswersAsNumpy() throws {
    let network = FaceMesh()
    try WeightStore.standard.fill(network, with: "face-mesh", for: "a test")
    let (points, face) = withoutGradients { network(Made.image(192, 192).unsqueezed(0) / 255) }
    let expected: [Float] = [80.750641, 113.342178, -8.596138, 85.072609, 100.736992, -19.462988]
    let values = points.floats()
    for (value, number) in zip(values, expected) { #expect(abs(value - number) < 1e-3, "\(value)") }
    #expect(abs(values.reduce(0) { $0 + abs(Double($1)) } - 86_399.45304394141) < 0.5)
    #expect(abs(face.item() - 3.889348e-5) < 1e-7)
  }
}
