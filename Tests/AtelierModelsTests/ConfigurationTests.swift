import AtelierCore
import AtelierModels
import Testing

private let spelled: [(String, ConfigurationValue)] = [
  ("[color, translation]", ConfigurationValue.list(["color", "translation"])),
  ("[fox]", .list(["fox"])), ("[]", .list([])), ("[ ]", .list([])),
  ("[\"red fox\", lynx]", .list(["red fox", "lynx"])),
  ("[1, 2.5, true, null]", .list([.integer(1), .number(2.5), .boolean(true), .null])),
  ("[[1, 2], [a, b]]", .list([.list([.integer(1), .integer(2)]), .list(["a", "b"])])),
  ("[fox,\n  lynx\n]", .list(["fox", "lynx"])),
  ("{kl: 0.1,\n name: fox}\n", .table(["kl": .number(0.1), "name": "fox"])),
  ("32,64", .list([.integer(32), .integer(64)])),
  ("{kl: 0.1, name: fox}", .table(["kl": .number(0.1), "name": "fox"])),
  ("{\"a\": [b, c]}", .table(["a": .list(["b", "c"])])),
  ("[fox", "[fox"), ("fox]", "fox]"), ("a \"quote", "a \"quote"), ("spade", "spade"), ("3", .integer(3)),
]

private let wrong: [(String, ConfigurationValue, String)] = [
  ("diffAugment", ConfigurationValue.string("colour"), "as in diffAugment=[color, translation]"),
  ("diffAugment", .list(["colour"]), "expected a list of color, translation or cutout"),
  ("generator", "unknown", "choose spade or global"),
  ("encoder", "unknown", ", or null"),
  ("width", "wide", "expected a whole number"), ("width", .number(1.5), "expected a whole number"),
  ("learningRate", "fast", "expected a number"), ("flips", .integer(3), "expected true or false"),
  ("weights", .table(["kl": "much"]), "expected a number at 'weights.kl'"),
]

/// Values as a command line writes them, and what errors say about those that do not fit.
@Suite struct ConfigurationTests {
  @Test(arguments: spelled)
  func listsAndTablesNeedNoQuotes(_ text: String, _ value: ConfigurationValue) {
    #expect(ConfigurationValue(parsing: text) == value)
  }

  @Test func aSingleValueStandsForAListOfIt() throws {
    let changed = try SPADE.Configuration().overlaid(with: ["diffAugment": "cutout"])
    #expect(changed.diffAugment == [.cutout])
    let held = try FUNIT.Configuration().overlaid(with: ["heldOutClasses": "fox"])
    #expect(held.heldOutClasses == ["fox"])
    #expect(try SPADE.Configuration().overlaid(with: ["diffAugment": .list([])]).diffAugment.isEmpty)
  }

  @Test(arguments: wrong)
  func anErrorSaysWhatTheKeyTakes(_ key: String, _ value: ConfigurationValue, _ words: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try SPADE.Configuration().overlaid(with: [key: value])
    }
    #expect(error?.description.contains("'\(key)'") == true)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("Array<") == false)
  }

  @Test func keysOfFragmentsStandAmongTheOthers() throws {
    let keys = SPADE.Configuration().keys
    let end = [
      "weights", "diffAugment", "augmentationPipeline", "augmentationTarget", "augmentationRamp", "r1Weight",
      "draganWeight", "lecamWeight", "lecamDecay", "pathLengthWeight", "regularizationInterval", "loadSize",
      "flips", "learningRate", "generatorLearningRate", "discriminatorLearningRate", "constantEpochs",
      "decayEpochs", "initializationGain", "beta1", "beta2", "adamEpsilon", "updateRule", "batchSize",
    ]
    #expect(Array(keys.suffix(end.count)) == end)
    let values = try SPADE.Configuration().values()
    #expect(Set(values.keys) == Set(keys) && values["loadSize"] == .null && values["beta2"] == .number(0.9))
    let changed = try SPADE.Configuration().overlaid(with: [
      "beta1": .number(0.5), "loadSize": .integer(300), "generatorLearningRate": .number(0.25),
    ])
    #expect(changed.adam.beta1 == 0.5 && changed.beta2 == 0.9)
    #expect(changed.crop.loadSize == 300 && changed.flips && changed.generatorLearningRate == 0.25)
    #expect(try SPADE.Configuration().overlaid(with: changed.values()) == changed)
  }

  @Test func aFragmentIsNoKeyItself() {
    #expect {
      try SPADE.Configuration().overlaid(with: ["adam": .table(["beta1": .number(0.5)])])
    } throws: {
      "\($0)".contains("unknown configuration key 'adam'")
    }
  }

  @Test func everyConfigurationWithAnOptimiserChecksIt() {
    #expect { try sentence(SRResNet.self, "beta2", .number(1)) } throws: { "\($0)".contains("beta2 lies in") }
    #expect { try sentence(Autoencoder.self, "beta1", .number(-1)) } throws: {
      "\($0)".contains("beta1 lies in")
    }
    #expect { try sentence(UNIT.self, "decayFactor", .number(0)) } throws: { "\($0)".contains("decayFactor") }
    #expect { try sentence(BigGAN.self, "averageDecay", .number(1)) } throws: {
      "\($0)".contains("averageDecay")
    }
  }

  private func sentence<System: GenerativeSystem>(
    _ type: System.Type, _ key: String, _ value: ConfigurationValue
  ) throws {
    try System.Configuration().overlaid(with: [key: value]).validate()
  }
}
