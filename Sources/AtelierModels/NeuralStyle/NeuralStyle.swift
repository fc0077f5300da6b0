public import AtelierCore
public import AtelierData
import Perception
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
public final class NeuralStyle: GenerativeSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "neural-style", summary: "One image optimised to the content of one and the style of another",
    paper: "Gatys et al., Image Style Transfer Using Convolutional Neural Networks, 2016",
    reference: "pytorch/tutorials advanced_source/neural_style_tutorial.py; jcjohnson/neural-style")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The image, and the frozen VGG.
  public let networks: [Network]
  let picture: Picture
  private let vgg: VGG
  private let optimizer: Optimizer
  private let content: Tensor?
  private let style: Tensor?
  private var targets: Targets?

  /// What the image's activations are compared with.
  struct Targets {
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
      optimizer = configuration.adam.optimizer(parameters, learningRate: configuration.learningRate)
    }
    self.picture = picture
    self.vgg = vgg
    networks = [
      Network("image", picture) { _, _ in ["image": picture.image] },
      Network(
        configuration.features.rawValue, vgg,
        frozenFrom: frozenWeights(configuration.features, configuration.featureNormalization)
      ) { _, inputs in
        let images = configuration.featureNormalization(try inputs.required("image"), from: .unit)
        return vgg.activations(of: images, at: Self.layers(configuration))
      },
    ]
  }

  /// The pixels as parameters.
  final class Picture: Module {
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
    guard let longest = configuration.imageSize, let size = try data.artefacts.givenImageSize("content")
    else {
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
      clampImage()
      for (name, term) in terms(targets) { loss.add(name, term) }
      step.log("total", loss.total)
    }
    clampImage()
  }

  private func clampImage() {
    guard configuration.clamps else { return }
    withoutGradients { picture.image.copy(from: picture.image.clamped(min: 0, max: 1)) }
  }

  /// The loss's terms, each multiplied by its weight, of the image as it is.
  func terms(_ targets: Targets) -> [(name: String, value: Tensor)] {
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

  func targets(content: Tensor?, style: Tensor?) throws -> Targets {
    let weights = configuration.weights
    let device = picture.image.device
    func given(_ picture: Tensor?, _ name: String) throws -> Tensor {
      guard let picture else {
        throw ConfigurationError("neural-style needs an image for its \(name); give it with --\(name)")
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

  // MARK: Generation

  /// The image as far as it is optimised, in -1 … 1; there is only this one.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    try emit(
      Output("image", withoutGradients { picture.image.detached().clamped(min: 0, max: 1) * 2 - 1 }))
  }
}
