public import AtelierCore

/// The keys of discriminator augmentation: DiffAugment, always or with ADA's probability; see
/// ``DiscriminatorAugmentation``.
public struct AugmentationSettings: ConfigurationFragment {
  /// Discriminator augmentation (DiffAugment): the changes of real and generated images; empty: none.
  public var diffAugment: [DiffAugment.Change] = []
  /// ADA's own pipeline in place of diffAugment: the groups blit, geometry, color, filter, noise and cutout, together
  /// eighteen transformations, each applied with ADA's probability; empty: none.
  public var augmentationPipeline: [AdaptivePipeline.Group] = []
  /// ADA's target for the mean sign of real scores; 0 turns the adaptation off: images are always changed.
  public var augmentationTarget = 0.0
  /// ADA's ramp: real images over which the probability of a change can rise from 0 to 1.
  public var augmentationRamp = 500_000.0
  /// Terms that stabilise the discriminator and the generator.
  public var regularization = RegularizationSettings()

  /// None.
  public init() {}

  /// Checks the values.
  ///
  /// - Parameter terms: the terms of ``regularization`` that the system has a place for.
  func validate(
    _ loss: AdversarialLoss, regularizing terms: RegularizationSettings.Terms = []
  ) throws(ConfigurationError) {
    try regularization.validate(terms)
    try Checks.require(
      Set(diffAugment).count == diffAugment.count, "diffAugment names a change twice")
    try Checks.require(
      (0..<1).contains(augmentationTarget) && augmentationRamp > 0,
      "augmentationTarget lies in 0 ..< 1 (0: off), and augmentationRamp is above 0")
    try Checks.require(
      Set(augmentationPipeline).count == augmentationPipeline.count,
      "augmentationPipeline names a group twice")
    try Checks.require(
      augmentationPipeline.isEmpty || diffAugment.isEmpty,
      "diffAugment and augmentationPipeline both change what the discriminator sees; empty one of them")
    try Checks.require(
      augmentationPipeline.isEmpty || augmentationTarget > 0,
      "augmentationPipeline changes images as often as augmentationTarget lets it, and always would leak into what is "
        + "generated; set augmentationTarget, for example to 0.6")
    try Checks.require(
      augmentationTarget == 0 || !diffAugment.isEmpty || !augmentationPipeline.isEmpty,
      "augmentationTarget steers how often diffAugment changes images; name some changes there, for example "
        + "diffAugment=[\"color\",\"translation\",\"cutout\"]")
    try Checks.require(
      augmentationTarget == 0 || loss.threshold != nil,
      "augmentationTarget follows how often real images score above the border between real and generated, "
        + "which a Wasserstein critic does not have; set it to 0, with which diffAugment changes all images"
    )
  }
}

/// A configuration with ``AugmentationSettings``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol AugmentedConfiguration: SystemConfiguration {
  /// Discriminator augmentation.
  var augmentation: AugmentationSettings { get set }
}

extension AugmentedConfiguration {
  /// A key of ``augmentation``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<AugmentationSettings, Value>) -> Value {
    get { augmentation[keyPath: key] }
    set { augmentation[keyPath: key] = newValue }
  }
}

extension AugmentedConfiguration {
  /// What the configuration asks for.
  ///
  /// - Parameter loss: the adversarial loss.
  func makeAugmentation(_ loss: AdversarialLoss, isUnit: Bool = false) -> DiscriminatorAugmentation {
    DiscriminatorAugmentation(
      augmentation.diffAugment, pipeline: augmentation.augmentationPipeline,
      target: augmentation.augmentationTarget, ramp: augmentation.augmentationRamp,
      threshold: loss.threshold ?? 0, isUnit: isUnit, regularization: augmentation.regularization)
  }
}
