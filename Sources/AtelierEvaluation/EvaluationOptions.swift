public import AtelierData
public import AtelierMetrics
public import Foundation
public import Perception

/// Videos that another model made of the same held-out sources, such as one that makes each frame by itself.
public struct VideosBeside: Sendable, Hashable {
  /// What its numbers are called.
  public var name: String
  /// A folder with a video file, or a folder of numbered images, for each held-out video, named as it is.
  public var folder: URL

  /// Videos under a name.
  public init(name: String, folder: URL) { (self.name, self.folder) = (name, folder) }
}

/// What `evaluate` is asked to do.
public struct EvaluationOptions: Sendable {
  /// Generated images.
  public var samples: Int
  /// Random numbers of samples and subsets follow from it.
  public var seed: UInt64
  /// Importance samples of the likelihood bound; papers take 5,000.
  public var importanceSamples: Int
  /// The most seconds a classifier may train.
  public var classifierSeconds: Double
  /// Where the classifier is kept; nil: in the run's folder.
  public var classifierFile: URL?
  /// The weights of the Inception network of the FID paper, where the user has them.
  public var inceptionWeights: URL?
  /// How images come to that network's size.
  public var inceptionResize: InceptionResize
  /// A file of statistics that samples are compared with too.
  public var statistics: URL?
  /// Where the statistics of the held-out part are written.
  public var savedStatistics: URL?
  /// Whether the historical Parzen-window likelihood is computed too.
  public var withParzen: Bool
  /// Where perceptual distances and sources of features take their weights from.
  public var weights: WeightStore
  /// Whether translations are measured on whole images or at the size of training; nil: whole ones where
  /// images are enlarged.
  public var wholeImages: Bool?
  /// Pixels cut off each side before translations are measured; nil: the scale of super-resolution, else 0.
  public var border: Int?
  /// The parts of the data that may be measured on, the first that there is.
  public var parts: [DatasetSplit]
  /// Whether this is not the training set, so that all of it is held out.
  public var hasOtherData: Bool
  /// Examples that a page shows.
  public var shownExamples: Int
  /// A label of maps that counts in no measure; nil: what the configuration leaves out of its losses.
  public var ignoredLabel: Int?
  /// The most seconds a segmenter may train.
  public var segmenterSeconds: Double
  /// Where a trained segmenter is looked for, and written into the first; none: where the classifier is kept.
  public var segmenterFolders: [URL]
  /// A segmenter of the user's own, a TorchScript file that takes `[n, 3, height, width]` and gives logits
  /// `[n, classes, h, w]`; nil: one is trained on the real training images.
  public var segmenterScript: URL?
  /// What the user's segmenter wants its images in.
  public var segmenterRange: ScriptedSegmenter.InputRange
  /// Videos that others made of the held-out sources, measured as baselines.
  public var videosBeside: [VideosBeside] = []
  /// From how many training images on classes are medium- and many-shot.
  public var shotGroups: ShotGroups

  /// The usual options.
  public init(
    samples: Int = 1000, seed: UInt64 = 0, importanceSamples: Int = 100, classifierSeconds: Double = 90,
    classifierFile: URL? = nil, inceptionWeights: URL? = nil, inceptionResize: InceptionResize = .tensorflow,
    statistics: URL? = nil, savedStatistics: URL? = nil, withParzen: Bool = false,
    weights: WeightStore = .standard, wholeImages: Bool? = nil, border: Int? = nil,
    hasOtherData: Bool = false, shownExamples: Int = 8,
    ignoredLabel: Int? = nil, segmenterSeconds: Double = 90, segmenterFolders: [URL] = [],
    segmenterScript: URL? = nil, segmenterRange: ScriptedSegmenter.InputRange = .signed,
    shotGroups: ShotGroups = .usual, parts: [DatasetSplit] = [.test, .validation]
  ) {
    self.parts = parts
    self.samples = samples
    self.seed = seed
    self.importanceSamples = importanceSamples
    self.classifierSeconds = classifierSeconds
    self.classifierFile = classifierFile
    self.inceptionWeights = inceptionWeights
    self.inceptionResize = inceptionResize
    self.statistics = statistics
    self.savedStatistics = savedStatistics
    self.withParzen = withParzen
    self.weights = weights
    self.wholeImages = wholeImages
    self.border = border
    self.hasOtherData = hasOtherData
    self.shownExamples = shownExamples
    self.ignoredLabel = ignoredLabel
    self.segmenterSeconds = segmenterSeconds
    self.segmenterFolders = segmenterFolders
    self.segmenterScript = segmenterScript
    self.segmenterRange = segmenterRange
    self.shotGroups = shotGroups
  }
}
