public import AtelierCore
public import AtelierData
public import Perception
public import Torch
public import TorchNN

/// Fast style transfer: a network that repaints any photograph in one style, trained with perceptual losses.
///
/// Paper: Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and
/// Super-Resolution". The losses compare activations of a frozen VGG16: those of one layer between input
/// and output (feature reconstruction), and Gram matrices of several between output and the style's image
/// (style reconstruction). Either alone is a weight of 0 for the other.
///
/// Three transform networks, by ``Configuration/generator``:
///
/// - `transformer-net`, that of pytorch/examples `fast_neural_style`: instance norms, enlarging before
///   convolving. No deviation.
/// - `johnson`, the paper's, after jcjohnson/fast-neural-style: batch norms (or instance norms, as its code
///   later), one reflected border, fractionally strided convolutions or repeated pixels, 150 tanh. Deviation:
///   its program also puts a norm and a ReLU between repeated pixels and the convolution behind them.
/// - `lengstrom`, that of lengstrom/fast-style-transfer, whose trained networks can be imported. Deviation:
///   initial weights are clipped at two deviations, not drawn again beyond them.
///
/// Deviations beside that: images are cropped to squares by the data's preparation, where pytorch/examples
/// scales the shorter side and crops; the style's image is kept at 1024 pixels at most. Weights of the
/// losses belong to weights of the VGG: with `featureNormalization` = `caffe` those of the authors' Lua
/// program, with `imagenet` torchvision's; the paper's own numbers mean something only on the former.
public final class FastStyleTransfer: TranslatingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "fast-style-transfer", summary: "A network that repaints photographs in the style of one image",
    paper: "Johnson et al., Perceptual Losses for Real-Time Style Transfer and Super-Resolution, 2016",
    reference:
      "pytorch/examples fast_neural_style; jcjohnson/fast-neural-style; lengstrom/fast-style-transfer")

  /// The choices of a fast-style-transfer.
  public struct Configuration: AdamConfiguration {
    /// Which transform network.
    public enum Generator: String, Codable, Sendable, Hashable, CaseIterable {
      /// pytorch/examples.
      case transformerNet = "transformer-net"
      /// The paper's.
      case johnson
      /// lengstrom's.
      case lengstrom
    }

    /// Factors of the loss's terms; a term of weight 0 is not computed.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of feature reconstruction.
      public var content = 1e5
      /// Of style reconstruction, of each layer.
      public var style = 1e10
      /// Of squared differences of neighbouring pixels of the output, in 0 … 255.
      public var totalVariation = 0.0
    }

    /// Which transform network.
    public var generator = Generator.transformerNet
    /// Channels of the widest map; the others have twice and four times as many.
    public var width = 32
    /// Residual blocks.
    public var blocks = 5
    /// The norm, of `johnson` only.
    public var norm = "batch"
    /// How sides are doubled, of `johnson` only: `u64` or `U2,c3s1-64` in the words of its program.
    public var upsampling = LearnedUpsampling.transposed
    /// The perception network: `vgg16` or `vgg19`.
    public var features = VGG.Architecture.vgg16
    /// Which weights of it, by how they want images prepared: `imagenet` (torchvision's) or `caffe`.
    public var featureNormalization = InputNormalization.imagenet
    /// The layer whose activations are reconstructed.
    public var contentLayer = "relu2_2"
    /// The layers whose Gram matrices are reconstructed.
    public var styleLayers = ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]
    /// How Gram matrices are scaled and compared.
    public var gram = GramNormalization.johnson
    /// Factors of the terms.
    public var weights = Weights()
    /// Height and width of training images.
    public var imageSize = 256
    /// The length of the longer side of the style's image; null: as it is.
    public var styleSize: Int?
    /// Adam's learning rate.
    public var learningRate = 1e-3
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// Images in a batch.
    public var batchSize = 4

    /// The program of pytorch/examples.
    public init() {}

    /// The paper's network, the reference program, one term alone, and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.generator = .johnson
      paper.weights.totalVariation = 1e-3
      paper.styleSize = 256
      var lua = paper
      lua.norm = "instance"
      lua.featureNormalization = .caffe
      lua.contentLayer = "relu3_3"
      lua.weights = Weights()
      lua.weights.content = 1
      lua.weights.style = 5
      lua.weights.totalVariation = 1e-6
      var features = Configuration()
      features.weights.style = 0
      var style = Configuration()
      style.weights.content = 0
      // Chosen by trying: with these keys photographs showed after some hundred steps, which the reference's
      // network with its own did not reach in 400. Which key matters was not separated.
      var small = Configuration()
      small.generator = .johnson
      small.norm = "instance"
      small.upsampling = .resized
      small.width = 16
      small.blocks = 3
      small.weights.style = 1e9
      small.learningRate = 2e-3
      small.imageSize = 96
      small.styleSize = 256
      small.batchSize = 2
      return [
        Preset("paper", "the paper's network and layers, loss weights for torchvision's VGG16", paper),
        Preset("lua", "the authors' program, on Caffe's VGG16", lua),
        Preset("reference", "the program of pytorch/examples", Configuration()),
        Preset("feature-reconstruction", "the reference with the content's term alone", features),
        Preset("style-reconstruction", "the reference with the style's term alone", style),
        Preset("small", "the paper's network, narrow, on 96×96 images; half an hour on two cores", small),
      ]
    }

    /// Photographs, to be painted in the style of the image that the user gives.
    public var plan: SystemPlan {
      let image = FieldKind.image(channels: 3, height: imageSize, width: imageSize, range: .unit)
      var plan = SystemPlan.translation(
        [Field("content", image)], LabelledImages(), changes: JointAugmentation(),
        [TranslationDirection("photograph-to-painting", source: "content", target: "image", sizeMultiple: 4)],
        batchSize: batchSize)
      plan.stages[0].data?.bucketMultiple = 4
      plan.outputs = [
        Field("image", .image(channels: 3, height: imageSize, width: imageSize, range: .signed))
      ]
      if weights.style != 0 {
        plan.components.append(GivenImage("style", "the image whose style is learned"))
      }
      return plan
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive(["width": width, "batchSize": batchSize])
      try Checks.require(blocks >= 0, "blocks is at least 0, not \(blocks)")
      try Checks.require(
        TransformNorm(rawValue: norm) != nil, "norm is batch or instance, not '\(norm)'")
      try Checks.require(
        imageSize >= 32 && imageSize % 4 == 0, "imageSize is a multiple of 4 of at least 32, not \(imageSize)"
      )
      try Checks.require(styleSize ?? 64 >= 32, "styleSize is at least 32, not \(styleSize ?? 0)")
      try Checks.featureNormalization(featureNormalization)
      try Checks.featureLayers([contentLayer], of: features, "contentLayer")
      try Checks.featureLayers(styleLayers, of: features, "styleLayers")
      try Checks.styleWeights(
        content: weights.content, style: weights.style, totalVariation: weights.totalVariation)
      try adam.validate(["learningRate": learningRate])
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The transform network and the frozen VGG.
  public let networks: [Network]
  private let generator: any TransformNetwork
  private let vgg: VGG
  private let optimizer: Optimizer
  private let style: Tensor?
  private var styleMatrices: [String: Tensor]?

  /// Builds the transform network and its optimiser.
  ///
  /// - Parameter artefacts: `style.png`, the style's image, which training needs and generation does not.
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator: any TransformNetwork
    var names = KeyMap()
    switch configuration.generator {
    case .transformerNet:
      generator = TransformerNet(width: configuration.width, blocks: configuration.blocks, using: stream)
      names = TransformerNet.names(blocks: configuration.blocks)
    case .johnson:
      generator = JohnsonNet(
        width: configuration.width, blocks: configuration.blocks,
        norm: TransformNorm(rawValue: configuration.norm) ?? .batch, upsampling: configuration.upsampling,
        using: stream)
    case .lengstrom:
      generator = LengstromNet(width: configuration.width, blocks: configuration.blocks, using: stream)
    }
    generator.layOutChannelsLast()
    let vgg = try VGG(configuration.features, upTo: Self.layers(configuration))
    self.generator = generator
    self.vgg = vgg
    style = try artefacts.picture("style", longestSide: configuration.styleSize)
    optimizer = configuration.adam.optimizer(generator, learningRate: configuration.learningRate)
    networks = [
      Network("generator", generator, authorsNames: names) { _, inputs in
        ["image": generator(try inputs.required("image"))]
      },
      Network(
        configuration.features.rawValue, vgg,
        frozenFrom: frozenWeights(configuration.features, configuration.featureNormalization)
      ) { _, inputs in
        let images = configuration.featureNormalization(try inputs.required("image"), from: .bytes)
        var found = vgg.activations(of: images, at: Self.layers(configuration))
        for (index, layer) in configuration.styleLayers.enumerated() {
          found["gram\(index + 1)"] = found[layer].map(configuration.gram.matrix)
        }
        return found
      },
    ]
  }

  /// The optimiser.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("generator", optimizer)] }

  private static func layers(_ configuration: Configuration) -> [String] {
    configuration.styleLayers + [configuration.contentLayer]
  }

  // MARK: Training

  /// One step: the loss of a batch, and Adam on the transform network.
  public func step(_ step: TrainingStep) throws {
    let weights = configuration.weights
    let batch = try step.batch()
    let content = batch["content"] * 255
    let style =
      try weights.style == 0 ? [:] : matrices(batch.tensors["style"].map { $0 * 255 }, content.device)
    let wanted =
      weights.content == 0 ? [:] : withoutGradients { features(content, [configuration.contentLayer]) }

    let terms = try step.update("generator", optimizer) { loss in
      let output = generator(content)
      var layers = weights.style == 0 ? [] : configuration.styleLayers
      if weights.content != 0 { layers.append(configuration.contentLayer) }
      let found = features(output, layers)
      if weights.content != 0 {
        let layer = configuration.contentLayer
        let distance = meanSquaredError(found.activation(layer), wanted.activation(layer))
        loss.add("content", distance, weight: weights.content)
      }
      if weights.style != 0 {
        var sum = Tensor(scalar: 0, device: content.device)
        for layer in configuration.styleLayers {
          sum = sum + configuration.gram.distance(of: found.activation(layer), from: style.activation(layer))
        }
        loss.add("style", sum, weight: weights.style)
      }
      if weights.totalVariation != 0 {
        loss.add("totalVariation", totalVariation(output), weight: weights.totalVariation)
      }
    }
    step.log("generator", terms.total)
  }

  /// The VGG's activations of images in 0 … 255.
  private func features(_ images: Tensor, _ layers: [String]) -> [String: Tensor] {
    vgg.activations(of: configuration.featureNormalization(images, from: .bytes), at: layers)
  }

  /// The style's Gram matrices, computed once.
  ///
  /// - Parameter recorded: the style's image of a reference case, in 0 … 255.
  private func matrices(_ recorded: Tensor?, _ device: Device) throws -> [String: Tensor] {
    if let styleMatrices { return styleMatrices }
    guard let picture = recorded ?? style.map({ ($0 * 255).to(device) }) else {
      throw ConfigurationError(
        "fast-style-transfer learns the style of an image, and none was given")
    }
    let found = withoutGradients {
      features(picture, configuration.styleLayers).mapValues { configuration.gram.matrix($0) }
    }
    styleMatrices = found
    return found
  }

  // MARK: Generation

  /// Repainted images in -1 … 1 for images `[n, 3, height, width]` in 0 … 1.
  public func translate(_ pictures: Tensor, direction: TranslationDirection, draws: any Draws) throws
    -> Tensor
  {
    generator(pictures * 255).clamped(min: 0, max: 255) / 127.5 - 1
  }
}
