public import AtelierCore

/// The keys of discriminator augmentation: DiffAugment, always or with ADA's probability; see
/// ``DiscriminatorAugmentation``.
public struct AugmentationSettings: ConfigurationFragment {
  /// Discriminator augmentation (DiffAugment): the changes of real and generated images; empty: none.
  public var diffAugment: [DiffAugment.Change] = []
  /// ADA's target for the mean sign of real scores; 0 turns the adaptation off: images are always changed.
  public var augmentationTarget = 0.0
  /// ADA's ramp: real images over which the probability of a change can rise from 0 to 1.
  public var augmentationRamp = 500_000.0

  /// None.
  public init() {}

  /// Checks the values.
  func validate(_ loss: AdversarialLoss) throws(ConfigurationError) {
    try Checks.require(
      Set(diffAugment).count == diffAugment.count, "diffAugment names a change twice")
    try Checks.require(
      (0..<1).contains(augmentationTarget) && augmentationRamp > 0,
      "augmentationTarget lies in 0 ..< 1 (0: off), and augmentationRamp is above 0")
    try Checks.require(
      augmentationTarget == 0 || !diffAugment.isEmpty,
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
      augmentation.diffAugment, target: augmentation.augmentationTarget, ramp: augmentation.augmentationRamp,
      threshold: loss.threshold ?? 0, isUnit: isUnit)
  }
}
