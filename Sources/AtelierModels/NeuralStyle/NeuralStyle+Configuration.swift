public import AtelierCore
import AtelierData
public import Perception
public import TorchNN

extension NeuralStyle {
  /// The choices of a neural-style.
  public struct Configuration: AdamConfiguration {
    /// What changes the image.
    public enum Algorithm: String, Codable, Sendable, Hashable, CaseIterable {
      case lbfgs, adam
    }

    /// What the optimisation starts from.
    public enum Start: String, Codable, Sendable, Hashable, CaseIterable {
      /// The content's image.
      case content
      /// The style's image, resized to the content's size.
      case style
      /// Grey with a little normal noise, as jcjohnson/neural-style.
      case noise
    }

    /// Factors of the loss's terms; a term of weight 0 is not computed.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of feature reconstruction, of each layer.
      public var content = 1.0
      /// Of style reconstruction, of each layer.
      public var style = 1e6
      /// Of squared differences of neighbouring pixels, in 0 … 1.
      public var totalVariation = 0.0
    }

    /// The perception network: `vgg16` or `vgg19`.
    public var features = VGG.Architecture.vgg19
    /// Which weights of it, by how they want images prepared: `imagenet` (torchvision's) or `caffe`.
    public var featureNormalization = InputNormalization.imagenet
    /// What ends the blocks of the perception network.
    public var pooling = VGG.Pooling.maximum
    /// The layers whose activations are reconstructed.
    public var contentLayers = ["conv_4"]
    /// The layers whose Gram matrices are reconstructed.
    public var styleLayers = ["conv_1", "conv_2", "conv_3", "conv_4", "conv_5"]
    /// How contents are compared.
    public var contentDistance = ContentDistance.mean
    /// How Gram matrices are scaled and compared.
    public var gram = GramNormalization.tutorial
    /// Factors of the terms.
    public var weights = Weights()
    /// The height of the image; with a content's image it follows from that and `imageSize`.
    public var imageHeight = 128
    /// The width of the image; with a content's image it follows from that and `imageSize`.
    public var imageWidth = 128
    /// The length that the content's longer side is resized to; null: `imageHeight` and `imageWidth` count.
    public var imageSize: Int? = 512
    /// What the optimisation starts from.
    public var start = Start.content
    /// Whether the image is kept in 0 … 1 before each evaluation.
    public var clamps = true
    /// Steps of the optimiser until the image is done; null: 15 of L-BFGS (the tutorial's 300
    /// evaluations), 300 of Adam.
    public var steps: Int?
    /// What changes the image.
    public var optimizer = Algorithm.lbfgs
    /// The learning rate.
    public var learningRate = 1.0
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// L-BFGS: the most iterations of one step.
    public var iterations = 20
    /// L-BFGS: the most evaluations of one step; null: 5/4 of the iterations.
    public var evaluations: Int?
    /// L-BFGS: pairs of steps and gradient changes that are remembered.
    public var history = 100
    /// L-BFGS: a step ends when no entry of the gradient is larger.
    public var gradientTolerance = 1e-7
    /// L-BFGS: a step ends when neither image nor loss change by more.
    public var changeTolerance = 1e-9
    /// L-BFGS: `none`, or `strong-wolfe`.
    public var lineSearch = LBFGS.LineSearch.none
    /// One: there is one image.
    public var batchSize = 1

    /// The program of pytorch/tutorials.
    public init() {}

    /// The paper's choices, the tutorial, one term alone, and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.pooling = .average
      paper.contentLayers = ["conv4_2"]
      paper.styleLayers = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]
      paper.contentDistance = .halfSum
      paper.gram = .gatys
      // Each of five layers counts a fifth; content and style stand as 1 to 1000.
      paper.weights.style = 200
      paper.start = .noise
      var lua = Configuration()
      lua.featureNormalization = .caffe
      lua.contentLayers = ["relu4_2"]
      lua.styleLayers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
      lua.gram = .johnson
      lua.weights.content = 5
      lua.weights.style = 100
      lua.clamps = false
      var features = Configuration()
      features.features = .vgg16
      features.contentLayers = ["relu3_3"]
      features.weights.style = 0
      features.imageSize = 256
      features.start = .noise
      var texture = Configuration()
      texture.features = .vgg16
      texture.weights.content = 0
      texture.start = .noise
      var small = Configuration()
      small.features = .vgg16
      small.imageSize = 192
      return [
        Preset("paper", "the paper's layers, Gram matrices and start, on torchvision's VGG19", paper),
        Preset("lua", "jcjohnson/neural-style, on Caffe's VGG19", lua),
        Preset("reference", "the program of pytorch/tutorials", Configuration()),
        Preset("feature-reconstruction", "the content's term alone, from noise, on VGG16", features),
        Preset("style-reconstruction", "the style's term alone, from noise: a texture, on VGG16", texture),
        Preset("small", "192 pixels on VGG16, a minute or two on two cores", small),
      ]
    }

    /// No data: the image itself is optimised, in one stage that ends by itself, beside images that the user
    /// gives.
    public var plan: SystemPlan {
      var given: [GivenImage] = []
      if weights.content != 0 || start == .content {
        given.append(GivenImage("content", "the image whose content is kept"))
      }
      if weights.style != 0 || start == .style {
        given.append(GivenImage("style", "the image whose style is taken"))
      }
      return SystemPlan(
        stages: [
          Stage(
            "optimisation", steps: steps ?? (optimizer == .lbfgs ? 15 : 300), data: nil, batchSize: batchSize)
        ],
        components: given,
        outputs: [
          Field("image", .image(channels: 3, height: imageHeight, width: imageWidth, range: .signed))
        ])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.positive([
        "imageHeight": imageHeight, "imageWidth": imageWidth, "steps": steps ?? 1, "iterations": iterations,
        "history": history,
        "evaluations": evaluations ?? 1, "imageSize": imageSize ?? 1,
      ])
      try Checks.require(batchSize == 1, "batchSize is 1: one image is optimised, not \(batchSize)")
      try Checks.featureNormalization(featureNormalization)
      try Checks.featureLayers(contentLayers, of: features, "contentLayers")
      try Checks.featureLayers(styleLayers, of: features, "styleLayers")
      try Checks.styleWeights(
        content: weights.content, style: weights.style, totalVariation: weights.totalVariation)
      try Checks.require(
        weights.content == 0 || !contentLayers.isEmpty,
        "contentLayers names at least one layer, or weights.content is 0")
      try Checks.require(
        weights.style == 0 || !styleLayers.isEmpty,
        "styleLayers names at least one layer, or weights.style is 0")
      try Checks.require(
        gradientTolerance >= 0 && changeTolerance >= 0, "gradientTolerance and changeTolerance are at least 0"
      )
      try adam.validate(["learningRate": learningRate], isUsed: optimizer == .adam)
    }
  }
}
