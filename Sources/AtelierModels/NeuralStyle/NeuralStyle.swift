public import AtelierCore
public import AtelierData
public import Perception
public import Torch
public import TorchNN

/// Neural style: the optimisation of one image, so that it has the content of one and the style of another.
///
/// Paper: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks". There is
/// no data set and no network to train: the image's own pixels are the parameters, and the loss compares
/// activations of a frozen VGG with those of the content's image and Gram matrices with those of the
/// style's. Content alone (`weights.style` = 0) inverts the network's features, style alone makes a texture.
///
/// Reference: the program of pytorch/tutorials `neural_style_tutorial.py`: the image stays in 0 … 1 by
/// clamping before every evaluation and at the end, L-BFGS with PyTorch's defaults. A step is one step of the
/// optimiser, which for L-BFGS is up to `iterations` iterations. No deviation; Adam in its place is a variant
/// that the tutorial does not have.
///
/// The presets for the paper deviate: the authors' VGG was rescaled so that the mean activation is 1, and its
/// weights are not available; torchvision's stand in their place, or Caffe's with `featureNormalization` =
/// `caffe`. Images are optimised in 0 … 1, not 0 … 255, which matters for Adam's learning rate alone.
public final class NeuralStyle: ReferenceAnswering {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "neural-style", summary: "One picture optimised to the content of one and the style of another",
    paper: "Gatys et al., Image Style Transfer Using Convolutional Neural Networks, 2016",
    reference: "pytorch/tutorials advanced_source/neural_style_tutorial.py; jcjohnson/neural-style")

  /// The choices of a neural-style.
  public struct Configuration: SystemConfiguration {
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
    /// Adam's β₁, the decay of the first moment.
    public var beta1 = 0.9
    /// Adam's β₂, the decay of the second moment.
    public var beta2 = 0.999
    /// Adam's ε.
    public var adamEpsilon = 1e-8
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
      var given: [GivenPicture] = []
      if weights.content != 0 || start == .content {
        given.append(GivenPicture("content", "the picture whose content is kept"))
      }
      if weights.style != 0 || start == .style {
        given.append(GivenPicture("style", "the picture whose style is taken"))
      }
      return SystemPlan(
        stages: [
          Stage(
            "optimisation", steps: steps ?? (optimizer == .lbfgs ? 15 : 300), data: nil, batchSize: batchSize)
        ],
        components: given, outputs: [])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try StyleChecks.positive([
        "imageHeight": imageHeight, "imageWidth": imageWidth, "steps": steps ?? 1, "iterations": iterations,
        "history": history,
        "evaluations": evaluations ?? 1, "imageSize": imageSize ?? 1,
      ])
      try StyleChecks.require(batchSize == 1, "batchSize is 1: one picture is optimised, not \(batchSize)")
      try StyleChecks.normalization(featureNormalization)
      try StyleChecks.layers(contentLayers, of: features, "contentLayers")
      try StyleChecks.layers(styleLayers, of: features, "styleLayers")
      try StyleChecks.weights(
        content: weights.content, style: weights.style, totalVariation: weights.totalVariation)
      try StyleChecks.require(
        weights.content == 0 || !contentLayers.isEmpty,
        "contentLayers names at least one layer, or weights.content is 0")
      try StyleChecks.require(
        weights.style == 0 || !styleLayers.isEmpty,
        "styleLayers names at least one layer, or weights.style is 0")
      try StyleChecks.require(
        gradientTolerance >= 0 && changeTolerance >= 0, "gradientTolerance and changeTolerance are at least 0"
      )
      try StyleChecks.adam(
        learningRate: learningRate, beta1: beta1, beta2: beta2, adamEpsilon: adamEpsilon)
    }
  }

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The image, and the frozen VGG.
  public let networks: [Network]
  private let picture: Picture
  private let vgg: VGG
  private let optimizer: Optimizer
  private let content: Tensor?
  private let style: Tensor?
  private var targets: Targets?

  /// What the image's activations are compared with.
  private struct Targets {
    let content: [String: Tensor]
    let style: [String: Tensor]
  }

  /// Prepares the image and its optimiser.
  ///
  /// - Parameter artefacts: `content.png` and `style.png`, as far as their terms have weight.
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let size = (configuration.imageHeight, configuration.imageWidth)
    content = try artefacts.picture("content", size: size)
    style = try artefacts.picture("style", longestSide: max(size.0, size.1))
    let start: Tensor?
    switch configuration.start {
    case .content: start = content
    case .style: start = try artefacts.picture("style", size: size)
    case .noise: start = 0.5 + 0.001 * stream.normal([1, 3, size.0, size.1])
    }
    let picture = Picture(start ?? .zeros([1, 3, size.0, size.1]))
    let vgg = try VGG(
      configuration.features, upTo: Self.layers(configuration), pooling: configuration.pooling)
    // L-BFGS magnifies rounding within twenty iterations; in PyTorch's usual layout its path is followed.
    vgg.isChannelsLast = false
    let parameters = picture.namedParameters()
    switch configuration.optimizer {
    case .lbfgs:
      optimizer = LBFGS(
        parameters, learningRate: configuration.learningRate, iterations: configuration.iterations,
        evaluations: configuration.evaluations, history: configuration.history,
        gradientTolerance: configuration.gradientTolerance, changeTolerance: configuration.changeTolerance,
        lineSearch: configuration.lineSearch)
    case .adam:
      optimizer = Adam(
        parameters, learningRate: configuration.learningRate, beta1: configuration.beta1,
        beta2: configuration.beta2, epsilon: configuration.adamEpsilon)
    }
    self.picture = picture
    self.vgg = vgg
    networks = [
      Network("image", picture) { _, _ in ["image": picture.image] },
      Network(
        configuration.features.rawValue, vgg,
        frozenFrom: StyleChecks.frozenWeights(configuration.features, configuration.featureNormalization)
      ) { _, inputs in
        let images = configuration.featureNormalization(try inputs.required("image"), from: .unit)
        return vgg.activations(of: images, at: Self.layers(configuration))
      },
    ]
  }

  /// The pixels as parameters.
  private final class Picture: Module {
    @Parameter var image: Tensor

    init(_ start: Tensor) {
      image = start.cloned()
      super.init()
    }
  }

  /// The optimiser.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("image", optimizer)] }

  /// Takes the proportions of the content's image.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    guard let longest = configuration.imageSize, let size = try data.artefacts.pictureSize("content") else {
      return configuration
    }
    let side = max(size.height, size.width)
    configuration.imageHeight = max(1, (size.height * longest + side / 2) / side)
    configuration.imageWidth = max(1, (size.width * longest + side / 2) / side)
    return configuration
  }

  private static func layers(_ configuration: Configuration) -> [String] {
    (configuration.weights.content == 0 ? [] : configuration.contentLayers)
      + (configuration.weights.style == 0 ? [] : configuration.styleLayers)
  }

  // MARK: The optimisation

  /// One step of the optimiser; losses are logged at every evaluation.
  public func step(_ step: TrainingStep) throws {
    if targets == nil {
      // A reference case records both images; a run holds them as artefacts.
      let recorded = content == nil && style == nil ? try step.batch() : Batch([:])
      targets = try targets(
        content: recorded.tensors["content"] ?? content, style: recorded.tensors["style"] ?? style)
    }
    guard let targets else { return }
    try step.update("image", optimizer) { loss in
      clampPicture()
      for (name, term) in terms(targets) { loss.add(name, term) }
      step.log("total", loss.total)
    }
    clampPicture()
  }

  private func clampPicture() {
    guard configuration.clamps else { return }
    withoutGradients { picture.image.copy(from: picture.image.clamped(min: 0, max: 1)) }
  }

  /// The loss's terms, each multiplied by its weight, of the image as it is.
  private func terms(_ targets: Targets) -> [(name: String, value: Tensor)] {
    let weights = configuration.weights
    let found = features(picture.image)
    var terms: [(name: String, value: Tensor)] = []
    if weights.style != 0 {
      var sum = Tensor(scalar: 0, device: picture.image.device)
      for layer in configuration.styleLayers {
        sum =
          sum
          + configuration.gram.distance(of: found.activation(layer), from: targets.style.activation(layer))
      }
      terms.append(("style", sum * weights.style))
    }
    if weights.content != 0 {
      var sum = Tensor(scalar: 0, device: picture.image.device)
      for layer in configuration.contentLayers {
        sum =
          sum + configuration.contentDistance(found.activation(layer), targets.content.activation(layer))
      }
      terms.append(("content", sum * weights.content))
    }
    if weights.totalVariation != 0 {
      terms.append(("totalVariation", totalVariation(picture.image) * weights.totalVariation))
    }
    return terms
  }

  /// The VGG's activations of images in 0 … 1.
  private func features(_ image: Tensor) -> [String: Tensor] {
    vgg.activations(
      of: configuration.featureNormalization(image, from: .unit), at: Self.layers(configuration))
  }

  private func targets(content: Tensor?, style: Tensor?) throws -> Targets {
    let weights = configuration.weights
    let device = picture.image.device
    func given(_ picture: Tensor?, _ name: String) throws -> Tensor {
      guard let picture else {
        throw ConfigurationError("neural-style needs a picture for its \(name); give it with --\(name)")
      }
      return picture.to(device)
    }
    return try withoutGradients {
      var contents: [String: Tensor] = [:]
      if weights.content != 0 { contents = features(try given(content, "content")) }
      var styles: [String: Tensor] = [:]
      if weights.style != 0 {
        styles = features(try given(style, "style")).filter { configuration.styleLayers.contains($0.key) }
          .mapValues { configuration.gram.matrix($0) }
      }
      return Targets(content: contents, style: styles)
    }
  }

  /// The weighted terms and the gradient of their sum with respect to the image as it is, before any
  /// clamping.
  ///
  /// - Parameter inputs: `content` and `style`, `[1, 3, height, width]` in 0 … 1.
  public func losses(of inputs: [String: Tensor]) throws -> [String: Tensor] {
    let terms = terms(try targets(content: inputs["content"], style: inputs["style"]))
    let total = terms.dropFirst().reduce(terms[0].value) { $0 + $1.value }
    var result = ["gradient": gradients(of: total, withRespectTo: [picture.image])[0]]
    for (name, value) in terms { result[name] = value.detached().reshaped([1]) }
    return result
  }

  /// Losses of given tensors where a check of a reference case names the network `losses`.
  public func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    guard check.kind == "forward", check.network == "losses", check.part == nil else { return nil }
    try check.refuseSettings()
    return try losses(of: inputs.tensors()).mapValues { .tensor($0) }
  }

  /// The two images of a reference case, which no step changes.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? {
    RecordedPictures([Batch(inputs)])
  }

  // MARK: Generation

  /// The image as far as it is optimised, in -1 … 1; there is only this one.
  public func generate(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws {
    try emit(.images(withoutGradients { picture.image.detached().clamped(min: 0, max: 1) * 2 - 1 }))
  }
}
