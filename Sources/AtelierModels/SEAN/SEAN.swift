public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// SEAN: photographs from label maps in which every region has a style of its own.
///
/// Paper: Zhu, Abdal, Qin and Wonka 2020, "SEAN: Image Synthesis with Semantic Region-Adaptive
/// Normalization".
///
/// Reference: ZPdesu/SEAN `models/networks/`, `models/pix2pix_model.py`, `trainers/pix2pix_trainer.py`
/// (CC BY-NC-SA 4.0; nothing of it is here but facts).
///
/// An encoder averages features of an image over each region of its map. The generator is SPADE's, whose
/// normalising layers add noise and blend two modulations: that of the regions' styles and that of the map.
/// The last block knows no styles. In training the style image is the real image itself. Discriminators,
/// losses and the order of updates are SPADE's, but that all of the discriminators' stages halve the image.
///
/// Generation takes a style for each region from images of one's own, mixes and interpolates them
/// (``generate(_:emit:)``); a region without one has the mean style of its class.
///
/// Deviations: the mean styles are collected while training, there afterwards by a script, and are a network
/// of their own (`meanStyles`). Above nineteen classes there are as many style layers as classes. The styles'
/// modulation is computed from the one-hot map in one convolution: equal but for rounding. With `upsampling:
/// most` the further block runs; the authors build it and leave it out.
public final class SEAN: RegionalStyleSystem, ReconstructingSystem, AugmentedSystem, ExportingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "sean", summary: "Photographs from label maps, each region in a style of its own",
    paper: "Zhu et al., SEAN: Image Synthesis with Semantic Region-Adaptive Normalization, 2020",
    reference: "ZPdesu/SEAN models/pix2pix_model.py")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generator` (with the style encoder inside), `discriminator`, `meanStyles`, and where configured the VGG
  /// of the perceptual loss.
  public let networks: [Network]
  let generator: Generator
  private let meanStyles: MeanStyles
  private let adversary: MapAdversary
  /// The discriminators' augmentation.
  public var augment: DiscriminatorAugmentation { adversary.augment }

  /// Builds the networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = Generator(configuration, using: stream)
    let discriminator = configuration.makeDiscriminator(
      mapChannels: configuration.classes,
      strides: [Int](repeating: 2, count: max(0, configuration.layers - 1)), using: stream)
    adversary = try MapAdversary(
      configuration, generator: generator, discriminator: discriminator,
      perceptual: configuration.weights.perceptual, using: stream)
    let meanStyles = MeanStyles(classes: configuration.classes, styleLength: configuration.styleLength)
    self.generator = generator
    self.meanStyles = meanStyles
    networks =
      Self.describe(configuration, generator, discriminator, meanStyles) + adversary.frozenNetworks
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] { adversary.optimizers }

  /// Takes over the number of classes.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    configuration.classes = foundClasses(data, otherwise: configuration.classes)
    return configuration
  }

  // MARK: Training

  /// One step: the generator's update with the styles of the real images, newly generated images, the
  /// discriminators' update.
  public func step(_ step: TrainingStep) throws {
    configuration.setTwoTimeScales(
      adversary.generatorOptimizer, adversary.discriminatorOptimizer, epoch: step.epoch)
    let weights = configuration.weights
    let batch = try step.batch()
    let real = batch["image"]
    let map = MapPyramid(oneHotLabels(batch["label"], classes: configuration.classes))
    // Both passes of the generator draw, the generator's own first.
    let noise = step.draws.common.normal("noise", [2, generator.noiseCount(map, part: step.part)])

    let terms = try step.update(
      "generator", adversary.generatorOptimizer, freezing: [adversary.discriminator]
    ) { loss in
      let styles = generator.styleEncoder(real, map)
      meanStyles.add(styles, map.full)
      let fake = generator(
        map, styles: styles, noise: noise.selected(dim: 0, index: 0), part: step.part)
      adversary.addGeneratorTerms(
        fake, real, map, step, featureMatching: weights.featureMatching, to: &loss)
    }
    step.log("generator", terms.total)

    let fake = withoutGradients {
      let styles = generator.styleEncoder(real, map)
      return generator(map, styles: styles, noise: noise.selected(dim: 0, index: 1), part: step.part)
    }
    try adversary.updateDiscriminator(fake, real, map, step)
    augment.endStep(step)
  }

  // MARK: Generation

  /// Images of label maps of the size of training, every region in the style that is given for its class.
  public func exportedFunction(direction name: String?) throws -> ExportedFunction {
    _ = try direction(named: name)
    let (classes, length) = (configuration.classes, configuration.styleLength)
    let (height, width) = (configuration.imageHeight, configuration.imageWidth)
    let count = generator.noiseCount(MapPyramid(.zeros([1, classes, height, width])))
    return ExportedFunction(
      [
        ExportedFunction.Input("label", "a map of the classes 0 … \(classes - 1), \(height)×\(width)") {
          batch, _, stream in
          stream.integers(below: classes, [batch, height, width])
        },
        ExportedFunction.Input(
          "styles",
          "a style of \(length) numbers for each class; meanStyles.sum / meanStyles.count are the mean ones"
        ) { batch, _, stream in stream.normal([batch, classes, length]) },
        ExportedFunction.Input("noise", "\(count) standard normal numbers for each image") {
          batch, _, stream in
          stream.normal([batch, count])
        },
      ], output: "an image in -1 … 1"
    ) { [generator] given in
      generator(MapPyramid(oneHotLabels(given[0], classes: classes)), styles: given[1], noise: given[2])
    }
  }

  /// Images in -1 … 1 for label maps `[n, height, width]`, every region in the mean style of its class; a
  /// class that training never saw has a style of zeros.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    let batch = pictures.shape[0]
    let shape = [batch, configuration.classes, configuration.styleLength]
    return photograph(pictures, styles: meanStyles.means.unsqueezed(0).expanded(shape), draws: draws)
  }

  /// The images of a batch made again from their maps and their own styles.
  public func reconstruct(_ batch: Batch, draws: any Draws) throws -> Tensor {
    photograph(batch["label"], styles: try styles(of: batch["image"], labels: batch["label"]), draws: draws)
  }

  /// The styles `[n, classes, styleLength]` of images `[n, 3, height, width]` in -1 … 1 with their label maps
  /// `[n, height, width]`; zeros for classes that an image lacks.
  ///
  /// - Throws: ``ConfigurationError`` for a map with a label that there is no class for, or of another size.
  public func styles(of pictures: Tensor, labels: Tensor) throws -> Tensor {
    try MapChecks.labels(labels, classes: configuration.classes, from: "the style images' map")
    try MapChecks.sameSize(pictures, labels, from: "a style image")
    let map = MapPyramid(oneHotLabels(labels, classes: configuration.classes))
    return generator.styleEncoder(pictures, map)
  }

  /// Images for the request's `label` `[n, height, width]`, one at a time. Where styles come from:
  ///
  /// - `styleCodes` `[n or 1, classes, styleLength]`, as ``styles(of:labels:)`` gives them; or
  /// - `style` `[k, 3, h, w]`, images with their maps `styleLabel` `[k, h, w]` (left out: the request's own
  ///   maps), of which `styleWeights` `[n or 1, classes, k]` says how much of each goes into each region: one
  /// 1
  ///   in a row takes a region's style from one image, two numbers mix or interpolate. Without weights the
  ///   one image serves all, or the n-th image the n-th map; or
  /// - `image`, the image of the map itself, which is made again; or
  /// - nothing: the mean styles.
  ///
  /// A region that the chosen images lack has the mean style of its class.
  ///
  /// - Throws: ``ConfigurationError`` for a region without any style, for sizes that do not fit.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let labels = request.tensor("label") else {
      throw ConfigurationError("sean starts from label maps; give them as 'label'")
    }
    try MapChecks.labels(labels, classes: configuration.classes, from: "the source")
    let styles = try chosenStyles(request, labels)
    for index in 0..<labels.shape[0] {
      let picture = photograph(
        labels.slice(0, index, index + 1), styles: styles.slice(0, index, index + 1), draws: request.draws)
      try emit(Output("image", picture))
    }
  }

  /// `style`, `styleLabel` and `styleWeights` of a request.
  public func regionalStyles(
    of images: Tensor, labels: Tensor, shares: [Int: [Double]]
  ) throws -> [String: Tensor] {
    let (classes, count) = (configuration.classes, images.shape[0])
    var rows = Array(repeating: [1.0] + Array(repeating: 0.0, count: count - 1), count: classes)
    for (label, row) in shares.sorted(by: { $0.key < $1.key }) {
      guard rows.indices.contains(label) else {
        throw ConfigurationError("there is no class \(label) to style; the classes are 0 … \(classes - 1)")
      }
      let sum = row.reduce(0, +)
      guard row.count == count, row.allSatisfy({ $0 >= 0 }), sum > 0, sum.isFinite else {
        throw ConfigurationError(
          "the shares of class \(label) are \(row); give \(count) numbers of at least 0, one for each style "
            + "image, that are not all 0")
      }
      rows[label] = row.map { $0 / sum }
    }
    return [
      "style": images, "styleLabel": labels,
      "styleWeights": Tensor(rows.flatMap { $0.map(Float.init) }, shape: [1, classes, count]),
    ]
  }

  /// One image's styles for each map.
  private func chosenStyles(_ request: Request, _ labels: Tensor) throws -> Tensor {
    let (count, classes, length) = (labels.shape[0], configuration.classes, configuration.styleLength)
    if let codes = request.tensor("styleCodes") {
      guard codes.rank == 3, codes.shape[0] == count || codes.shape[0] == 1,
        Array(codes.shape.dropFirst()) == [classes, length]
      else {
        throw ConfigurationError(
          "styleCodes are [\(count) or 1, \(classes), \(length)] here, not \(codes.shape)")
      }
      return codes.expanded([count, classes, length])
    }
    // How much of each region's style is there: what is missing comes from the class's mean.
    var styles = Tensor.zeros([count, classes, length], device: labels.device)
    var shares = Tensor.zeros([count, classes, 1], device: labels.device)
    if let pictures = request.tensor("style") ?? request.tensor("image") {
      let maps = request.tensor("styleLabel") ?? labels
      guard maps.shape[0] == pictures.shape[0] else {
        throw ConfigurationError(
          "there are \(pictures.shape[0]) style images and \(maps.shape[0]) maps of them; give each its map "
            + "as styleLabel")
      }
      let codes = try self.styles(of: pictures, labels: maps)
      let isThere = oneHotLabels(maps, classes: classes).sum(dims: [2, 3]).greater(0).asType(.float32)
      let weights = try styleWeights(request, pictures: pictures.shape[0], count: count)
      // [n, classes, k] · [k, classes, length], class by class.
      let present = weights * isThere.transposed(0, 1).unsqueezed(0)
      styles = present.permuted([1, 0, 2]).matmul(codes.permuted([1, 0, 2])).permuted([1, 0, 2])
      shares = present.sum(dims: [2], keepDim: true)
    }
    try refuseRegionsWithoutStyle(labels, shares)
    return styles + meanStyles.means.unsqueezed(0) * (1 - shares)
  }

  private func styleWeights(_ request: Request, pictures: Int, count: Int) throws -> Tensor {
    let classes = configuration.classes
    if let weights = request.tensor("styleWeights") {
      guard weights.rank == 3, weights.shape[0] == count || weights.shape[0] == 1,
        Array(weights.shape.dropFirst()) == [classes, pictures]
      else {
        throw ConfigurationError(
          "styleWeights are [\(count) or 1, \(classes) classes, \(pictures) images] here, not \(weights.shape)"
        )
      }
      return weights.asType(.float32).expanded([count, classes, pictures])
    }
    if pictures == 1 { return .ones([count, classes, 1]) }
    guard pictures == count else {
      throw ConfigurationError(
        "there are \(pictures) style images for \(count) label maps; give one, as many, or styleWeights")
    }
    return Tensor.eye(count).unsqueezed(1).expanded([count, classes, count])
  }

  private func refuseRegionsWithoutStyle(_ labels: Tensor, _ shares: Tensor) throws {
    let isThere = oneHotLabels(labels, classes: configuration.classes).sum(dims: [2, 3]).greater(0)
    let lacks = shares.squeezed(2).less(1 - 1e-4)
    let unknown = meanStyles.count.equal(0).unsqueezed(0)
    let missing = isThere.logicalAnd(lacks).logicalAnd(unknown).asType(.int64).max(dim: 0).values.integers()
    if let region = missing.firstIndex(of: 1) {
      throw ConfigurationError(
        "the region of class \(region) has no style: no style image shows that class, and training never saw "
          + "it; give a style image with it, or its styleCodes")
    }
  }

  private func photograph(_ labels: Tensor, styles: Tensor, draws: any Draws) -> Tensor {
    let map = MapPyramid(oneHotLabels(labels, classes: configuration.classes))
    return generator(map, styles: styles, noise: draws.normal("noise", [generator.noiseCount(map)]))
  }

}
