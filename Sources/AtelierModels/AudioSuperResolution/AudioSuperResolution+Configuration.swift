public import AtelierCore
public import AtelierData

extension AudioSuperResolution {
  /// The choices of an audio super-resolution.
  public struct Configuration: SystemConfiguration {
    /// The form of the network.
    public enum Form: String, Codable, Sendable, Hashable, CaseIterable {
      /// Strided convolutions alone (Kuleshov et al. 2017).
      case convolutional
      /// Dilated convolutions and pooling, whose activations an LSTM over blocks of time multiplies (Birnbaum et al. 2019).
      case temporalFiLM = "temporal-film"
    }

    /// What is made small.
    public enum Objective: String, Codable, Sendable, Hashable, CaseIterable {
      /// The mean over sounds of the root of the mean squared error.
      case rootMeanSquared
    }

    /// The form of the network.
    public var form = Form.convolutional
    /// Channels of the layers on the way down, from the signal; the last are the bottleneck's.
    public var filters = [128, 384, 512, 512]
    /// Samples of the layers' kernels, from the signal; the last is the bottleneck's.
    public var kernelSizes = [65, 33, 17, 9]
    /// Samples from one tap of a kernel to the next, in the form temporal-film.
    public var dilation = 2
    /// Samples of a block behind the first layer, in the form temporal-film; half as many behind each further one.
    public var filmBlock = 128
    /// The share of activations that are dropped at the bottleneck and on the way up.
    public var dropout = 0.5
    /// How many times fewer samples the given sound has: it keeps what lies below that share of half the sample rate.
    public var factor = 4
    /// Samples a second of the enlarged sound.
    public var sampleRate = 16_000
    /// What is made small.
    public var loss = Objective.rootMeanSquared
    /// Adam's learning rate.
    public var learningRate = 1e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.99, beta2: 0.999)
    /// Sounds in one batch.
    public var batchSize = 64
    /// Samples of a clip in training.
    public var length = 8192
    /// Samples from one clip to the next.
    public var hop = 4096

    /// The authors' code with its defaults.
    public init() {}

    /// The papers' networks, and a small one.
    public static var presets: [Preset<Configuration>] {
      var readme = Configuration()
      readme.learningRate = 3e-4
      readme.adam = AdamSettings(beta1: 0.9, beta2: 0.999)
      var film = readme
      film.form = .temporalFiLM
      film.filters = [128, 256, 512, 512]
      var small = readme
      small.filters = [24, 48, 64, 64]
      small.kernelSizes = [33, 17, 9, 9]
      small.dropout = 0.1
      small.learningRate = 1e-3
      small.batchSize = 16
      small.length = 4096
      small.hop = 2048
      var smallFilm = small
      smallFilm.form = .temporalFiLM
      smallFilm.filmBlock = 64
      return [
        Preset("paper", "Kuleshov et al.: 4 layers, ×4, the settings of their instructions", readme),
        Preset("temporal-film", "Birnbaum et al.: modulated by an LSTM over blocks of time, ×4", film),
        Preset("code", "the defaults of the authors' code", Configuration()),
        Preset("small", "a narrow network, minutes on two cores, ×4", small),
        Preset("small-film", "small in the form of Birnbaum et al.", smallFilm),
      ]
    }

    /// Layers on the way down.
    var layers: Int { filters.count }

    /// What lengths are multiples of.
    var sampleMultiple: Int {
      let halvings = 1 << (layers + 1)
      return form == .temporalFiLM ? max(2 * filmBlock, halvings) : halvings
    }

    /// Sounds, each beside what is left of it.
    public var plan: SystemPlan {
      let sound = FieldKind.audio(channels: 1, samples: length, sampleRate: sampleRate)
      let (source, target) = (Field("signal", sound), Field("target", sound))
      let degradation = SoundDegradation(factor: factor)
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [source, target],
              Sounds(source: "signal", target: "target", hop: hop, degradation: degradation)),
            batchSize: batchSize)
        ],
        conditions: [
          Condition(
            "signal", .field(sound), isRequired: true,
            help: "the sound to enlarge; what lies above its own band does not count")
        ],
        outputs: [target], sampling: SoundDrawing(),
        abilities: [
          SoundTranslation(source: "signal", target: "target", window: length, degradation: degradation)
        ])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.require(
        !filters.isEmpty && filters.count <= 12, "filters names 1 to 12 layers, not \(filters.count)")
      try Checks.require(
        kernelSizes.count == filters.count,
        "kernelSizes has \(kernelSizes.count) numbers and filters \(filters.count); name one for each layer")
      try Checks.require(
        (filters + kernelSizes).allSatisfy { $0 > 0 }, "filters and kernelSizes are above 0")
      try Checks.positive([
        "dilation": dilation, "filmBlock": filmBlock, "batchSize": batchSize, "hop": hop,
        "sampleRate": sampleRate,
      ])
      try Checks.require((2...16).contains(factor), "factor is 2 to 16, not \(factor)")
      try Checks.require((0..<1).contains(dropout), "dropout is from 0 to below 1, not \(dropout)")
      try Checks.require(
        length > 0 && length % sampleMultiple == 0,
        "length is a multiple of \(sampleMultiple) for \(layers) layers, not \(length)")
      try adam.validate(["learningRate": learningRate])
    }
  }
}
