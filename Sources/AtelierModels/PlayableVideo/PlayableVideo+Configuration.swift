public import AtelierCore
public import AtelierData

extension PlayableVideo {
  /// The choices of a CADDY.
  public struct Configuration: AdamConfiguration {
    /// The factors of the loss terms.
    public struct Weights: Codable, Sendable, Hashable {
      /// Of the mean absolute difference of frames, over three sizes.
      public var observations = 1.0
      /// Of the squared difference of the states of generated and given frames.
      public var states = 0.2
      /// Of the squared difference of hidden states, in pretraining.
      public var hiddenStates = 1.0
      /// Of the entropy of recognised actions.
      public var entropy = 0.0
      /// Of the divergence of actions' directions from a normal distribution.
      public var directions = 1e-4
      /// Of the mutual information of actions recognised in given and in generated frames.
      public var mutualInformation = 0.15
      /// Of the divergence between places in the space of actions of generated and of given frames.
      public var actionStates = 0.0
      /// Of the cross entropy of actions recognised in given and in generated frames, where the data say them.
      public var recognition = 1.0

      /// The authors'.
      public init() {}
    }

    /// Where actions come from.
    public enum ActionSource: String, Codable, Sendable, Hashable, CaseIterable {
      /// The system finds them by itself.
      case learned
      /// The data say what was done in each frame, and name the actions.
      case given
    }

    /// Height and width of the frames, a multiple of 16.
    public var imageSize = 256
    /// Frames of a sequence.
    public var frames = 12
    /// Past frames joined in the channels of what is seen.
    public var stackedFrames = 1
    /// Frames at the beginning of a sequence that are seen; later ones are generated from generated ones.
    public var groundTruthFrames = 6
    /// Where actions come from.
    public var actionSource = ActionSource.learned
    /// How many actions there are; where they are given the data say it.
    public var actions = 7
    /// Dimensions of the space of actions.
    public var actionSize = 2
    /// Channels of the encoder at half and a quarter of the size.
    public var representationChannels = [16, 32]
    /// Channels of a state.
    public var stateFeatures = 64
    /// Channels of the recurrent state, and of the decoder's first layers; the next have a half and a quarter.
    public var hiddenSize = 128
    /// The temperature of sampled actions.
    public var temperature = 1.0
    /// The temperature that it falls to; nil: it stays.
    public var minimumTemperature: Double?
    /// The steps over which it falls.
    public var temperatureSteps = 20_000
    /// Whether sampled actions are one-hot, with the gradients of soft ones.
    public var hardActions = false
    /// The weight of a batch in the actions' centroids.
    public var centroidDecay = 0.1
    /// The weight of a batch in the joint probabilities of actions.
    public var mutualInformationDecay = 0.2
    /// Steps with the pretraining objective.
    public var pretrainingSteps = 1000
    /// The factors of the loss terms.
    public var lossWeights = Weights()
    /// The learning rate.
    public var learningRate = 4e-4
    /// Adam's decays and ε.
    public var adam = AdamSettings(beta1: 0.9, beta2: 0.999)
    /// The factor of the L2 term that is added to gradients.
    public var weightDecay = 1e-6
    /// Sequences in a batch.
    public var batchSize = 8

    /// The authors' configuration of BAIR.
    public init() {}

    /// The authors' BAIR, and a small one.
    public static var presets: [Preset<Configuration>] {
      var paper = Configuration()
      paper.minimumTemperature = 0.4
      var small = paper
      small.imageSize = 64
      small.frames = 6
      small.groundTruthFrames = 3
      small.actions = 3
      small.representationChannels = [8, 16]
      small.stateFeatures = 24
      small.hiddenSize = 32
      small.temperatureSteps = 2000
      small.pretrainingSteps = 200
      small.batchSize = 4
      return [
        Preset("paper", "the authors' BAIR: 256×256, 7 actions in 2 dimensions", paper),
        Preset("small", "64×64, 3 actions, narrow networks, minutes on two cores", small),
      ]
    }

    /// The temperature of sampled actions at a step.
    package func temperature(at step: Int) -> Double {
      guard let lowest = minimumTemperature else { return temperature }
      return max(lowest, temperature - (temperature - lowest) * Double(step) / Double(temperatureSteps))
    }

    /// Clips of videos.
    public var plan: SystemPlan {
      let image = FieldKind.image(channels: 3, height: imageSize, width: imageSize, range: .signed)
      let clip = FieldKind.video(
        frames: frames, channels: 3, height: imageSize, width: imageSize, range: .signed)
      let areGiven = actionSource == .given
      let fields =
        [Field("image", clip)]
        + (areGiven ? [Field("actions", .labels(classes: actions, length: frames))] : [])
      let first = Condition("image", .field(image), isRequired: true, help: "the first frame")
      return SystemPlan(
        stages: [Stage(data: DataPlan(fields, Videos()), batchSize: batchSize)],
        conditions: [
          first,
          Condition(
            "actions", .field(.labels(classes: actions, length: frames - 1)), isRequired: true,
            help: "the actions that are taken, one a frame: 0*2 2, or a file of them"),
        ],
        outputs: [Field("video", clip)],
        abilities: [
          VideoPlaying(actions: actions, given: areGiven ? "actions" : nil),
          Streaming(
            beginning: [first],
            advancing: [
              Condition(
                "action", .label(classes: actions), isRequired: true, help: "the action that is taken")
            ], output: Field("frame", image)),
        ])
    }

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.require(
        imageSize >= 32 && imageSize % 16 == 0,
        "imageSize is a multiple of 16 of at least 32, not \(imageSize)")
      try Checks.require(
        representationChannels.count == 2 && representationChannels.allSatisfy { $0 >= 1 },
        "representationChannels are 2 numbers of at least 1, not \(representationChannels)")
      try Checks.require(
        hiddenSize >= 4 && hiddenSize % 4 == 0, "hiddenSize is a multiple of 4, not \(hiddenSize)")
      try Checks.require(frames >= 2, "frames is at least 2, not \(frames)")
      try Checks.require(actions >= 2, "actions is at least 2, not \(actions)")
      try Checks.positive([
        "stackedFrames": stackedFrames, "groundTruthFrames": groundTruthFrames, "actionSize": actionSize,
        "stateFeatures": stateFeatures, "temperatureSteps": temperatureSteps, "batchSize": batchSize,
      ])
      try Checks.aboveZero(["temperature": temperature])
      if let lowest = minimumTemperature {
        try Checks.require(
          lowest > 0 && lowest <= temperature,
          "minimumTemperature is above 0 and at most temperature, not \(lowest)")
      }
      try Checks.require(
        centroidDecay > 0 && centroidDecay <= 1 && mutualInformationDecay > 0 && mutualInformationDecay <= 1,
        "centroidDecay and mutualInformationDecay are above 0 and at most 1, not \(centroidDecay) and \(mutualInformationDecay)"
      )
      try Checks.notNegative(["pretrainingSteps": pretrainingSteps])
      try Checks.notNegative([
        "lossWeights.observations": lossWeights.observations, "lossWeights.states": lossWeights.states,
        "lossWeights.hiddenStates": lossWeights.hiddenStates, "lossWeights.entropy": lossWeights.entropy,
        "lossWeights.directions": lossWeights.directions,
        "lossWeights.mutualInformation": lossWeights.mutualInformation,
        "lossWeights.actionStates": lossWeights.actionStates,
        "lossWeights.recognition": lossWeights.recognition, "weightDecay": weightDecay,
      ])
      try adam.validate(["learningRate": learningRate])
    }
  }
}
