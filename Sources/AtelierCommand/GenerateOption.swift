import Atelier

/// An option of `generate`, and which systems have a use for it. Every option that says something about the
/// result stands in ``all``, so that one that a system does not know is refused and never ignored.
struct GenerateOption: Sendable {
  /// As it is typed.
  let name: String
  /// What a system that does not know it lacks, after "because".
  let lack: String
  /// Whether a command has it.
  let isGiven: @Sendable (Generate) -> Bool
  /// Whether a system of a plan knows it.
  let isKnown: @Sendable (SystemPlan) -> Bool

  private init(
    _ name: String, because lack: String, given isGiven: @escaping @Sendable (Generate) -> Bool,
    known isKnown: @escaping @Sendable (SystemPlan) -> Bool
  ) {
    self.name = name
    self.lack = lack
    self.isGiven = isGiven
    self.isKnown = isKnown
  }

  /// In the order of `generate --help`.
  static let all: [GenerateOption] = [
    GenerateOption(
      "--output", because: "it gives nothing", given: { $0.output != nil }, known: { _ in true }),
    GenerateOption(
      "--files", because: "it writes one text, which goes to --output", given: { $0.files != nil },
      known: { $0.drawsMany || !$0.outputs.contains { $0.kind == .text } }),
    GenerateOption(
      "--condition", because: "it has no conditions", given: { !$0.condition.isEmpty },
      known: { !$0.conditions.isEmpty }),
    GenerateOption(
      "--sampling", because: "it has no settings of drawing", given: { !$0.sampling.isEmpty },
      known: { !$0.sampling.keys.isEmpty }),
    GenerateOption(
      "--no-label", because: "it makes no videos", given: { !$0.label }, known: { $0.makesVideos }),
    translating("--direction") { $0.translating.direction != nil },
    translating("--given") { $0.translating.given },
    GenerateOption(
      "--style", because: "its outputs follow no style image", given: { !$0.translating.style.isEmpty },
      known: { $0.startsFromImages && $0.condition("style") != nil }),
    GenerateOption(
      "--variations", because: "it translates an image in one way only",
      given: { $0.translating.variations != nil },
      known: { $0.startsFromImages && $0.conditions.contains { $0.origin == .drawn } }),
    regional("--style-map") { !$0.translating.styleMap.isEmpty },
    regional("--region") { !$0.translating.region.isEmpty },
    GenerateOption(
      "--vary", because: "its regions have no noise of their own", given: { !$0.translating.vary.isEmpty },
      known: { $0.ability(RegionalVariations.self) != nil }),
    translating("--tile") { $0.translating.tile != nil },
    translating("--overlap") { $0.translating.overlap != nil },
    translating("--alpha") { $0.translating.alpha != nil },
    translating("--format") { $0.translating.format != nil },
    translating("--quality") { $0.translating.quality != nil },
    GenerateOption(
      "--class", because: "it has no classes to draw from", given: { !$0.drawing.classes.isEmpty },
      known: { plan in
        if case .label? = plan.condition("label")?.kind { true } else { false }
      }),
    GenerateOption(
      "--count", because: "the number of its results is not chosen", given: { $0.drawing.count != nil },
      known: { $0.drawsMany }),
    setting("candidates", "--candidates") { $0.drawing.candidates != nil },
    GenerateOption(
      "--actions", because: "its videos are not played", given: { $0.drawing.actions != nil },
      known: { $0.condition("actions") != nil }),
    setting("path", "--interpolate") { $0.drawing.interpolate != nil },
    setting("path", "--traverse") { $0.drawing.traverse != nil },
    GenerateOption(
      "--truncation", because: "it has no normally distributed latent vectors",
      given: { $0.drawing.truncation != nil },
      known: {
        $0.sampling.keys.contains("truncation") && $0.ability(LatentDecoding.self)?.distribution == .normal
      }),
    GenerateOption(
      "--instance", because: "it is not conditioned on instances", given: { !$0.drawing.instance.isEmpty },
      known: { $0.ability(LatentDecoding.self) != nil && $0.condition("features") != nil }),
    GenerateOption(
      "--prompt", because: "it goes on from no text", given: { $0.writing.prompt != nil },
      known: { $0.condition("prompt")?.kind == .text }),
    GenerateOption(
      "--text", because: "it translates no sentences", given: { !$0.writing.text.isEmpty },
      known: { $0.ability(SentenceTranslation.self) != nil }),
    GenerateOption(
      "--alignment", because: "it does not say where in a sentence it looks",
      given: { $0.writing.alignment != nil },
      known: { $0.ability(SentenceTranslation.self)?.aligns == true }),
    GenerateOption(
      "--to", because: "it converts no voices, and images in one direction at most",
      given: { $0.voices.to != nil },
      known: {
        $0.ability(VoiceConversion.self) != nil
          || ($0.ability(ImageTranslation.self)?.directions.count ?? 0) > 1
      }),
    GenerateOption(
      "--from", because: "it converts no voices of speakers that it has to know",
      given: { $0.voices.from != nil },
      known: { ($0.ability(VoiceConversion.self)?.source ?? .any) != .any }),
    voices("--vocoder") { $0.voices.vocoder != nil },
    passcodes("--anonymise") { $0.passcodes.anonymise }, passcodes("--recover") { $0.passcodes.recover },
    passcodes("--passcode") { $0.passcodes.passcode != nil },
    setting("temperature", "--temperature") { $0.writing.temperature != nil },
    setting("length", "--length") { $0.writing.length != nil },
  ]

  private static func translating(
    _ name: String, _ isGiven: @escaping @Sendable (Generate) -> Bool
  ) -> GenerateOption {
    GenerateOption(
      name, because: "it does not translate images", given: isGiven, known: { $0.startsFromImages })
  }

  private static func voices(
    _ name: String, _ isGiven: @escaping @Sendable (Generate) -> Bool
  ) -> GenerateOption {
    GenerateOption(
      name, because: "it converts no voices", given: isGiven,
      known: { $0.ability(VoiceConversion.self) != nil })
  }

  private static func passcodes(
    _ name: String, _ isGiven: @escaping @Sendable (Generate) -> Bool
  ) -> GenerateOption {
    GenerateOption(
      name, because: "it knows no passcodes", given: isGiven,
      known: { $0.ability(PasscodeTransformation.self) != nil })
  }

  private static func regional(
    _ name: String, _ isGiven: @escaping @Sendable (Generate) -> Bool
  ) -> GenerateOption {
    GenerateOption(
      name, because: "its regions have no styles of their own", given: isGiven,
      known: { $0.ability(RegionalStyles.self) != nil })
  }

  /// An option that spells a setting of drawing.
  private static func setting(
    _ key: String, _ name: String, _ isGiven: @escaping @Sendable (Generate) -> Bool
  ) -> GenerateOption {
    GenerateOption(
      name, because: "it has no setting of drawing '\(key)'", given: isGiven,
      known: { $0.sampling.keys.contains(key) })
  }

  /// The options that a system of a plan knows.
  static func known(to plan: SystemPlan) -> [String] { all.filter { $0.isKnown(plan) }.map(\.name) }

  /// Refuses the first option of a command that the system does not know.
  ///
  /// - Parameter system: the system's name.
  static func check(_ command: Generate, _ plan: SystemPlan, of system: String) throws {
    guard let unknown = all.first(where: { $0.isGiven(command) && !$0.isKnown(plan) }) else { return }
    throw Refusal.usage(
      "\(system) takes no \(unknown.name), because \(unknown.lack); it takes \(listed(known(to: plan)))")
  }
}

extension SystemPlan {
  /// Whether it draws as many outputs as are asked for.
  var drawsMany: Bool { data != nil && !startsFromImages && !conditions.contains(where: \.isRequired) }

  /// Whether it makes videos, all at once or frame by frame.
  var makesVideos: Bool {
    ability(Streaming.self)?.output.kind.imageShape != nil || ability(FaceSwapping.self) != nil
      || outputs.contains { if case .video = $0.kind { true } else { false } }
  }

  /// Whether it turns images into images.
  var startsFromImages: Bool { ability(ImageTranslation.self) != nil }
}

/// `a, b and c`.
func listed(_ words: [String]) -> String {
  guard let last = words.last, words.count > 1 else { return words.first ?? "" }
  return words.dropLast().joined(separator: ", ") + " and " + last
}
