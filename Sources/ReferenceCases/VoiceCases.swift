import AtelierCore

/// Cases of voices name their network family, which is one of Atelier's systems, beside keys that only describe them.
enum VoiceCases {
  /// The name that all of them have as their system.
  static let system = "voice-conversion"

  /// The systems of network families, and keys of their cases that say what was recorded, and not what a system is.
  private static let families: [String: (system: String, descriptions: Set<String>)] = [
    "hifi-gan": ("vocoder", ["steps"]),
    "autovc": ("autovc", ["steps", "reconstructions"]),
    "stargan-vc": ("stargan-vc", ["steps", "frames", "framesForward"]),
    "speaker-encoder": ("speaker-encoder", ["frames", "flags", "slices", "package", "voices"]),
  ]

  /// The registered system of a case.
  ///
  /// - Throws: ``CaseError`` for a family that is none of Atelier's systems.
  static func systemName(of reference: ReferenceCase) throws -> String {
    guard reference.system == system else { return reference.system }
    return try family(of: reference).system
  }

  /// The configuration without what only describes the case.
  static func configuration(of reference: ReferenceCase) throws -> [String: ConfigurationValue] {
    guard reference.system == system else { return reference.configuration }
    let left = try family(of: reference).descriptions.union(["model"])
    return reference.configuration.filter { !left.contains($0.key) }
  }

  /// Refuses keys that cases without networks do not have; those of a system are its own to refuse.
  static func refuseUnknownKeys(of reference: ReferenceCase) throws {
    guard reference.configuration["model"] == .string("audio-features") else { return }
    try ReferenceCase.refuseUnknown(reference.configuration.keys, soundKeys, "the configuration")
  }

  /// What CONFIGURATION-voice-face.md lists under sound.
  private static let soundKeys: Set = [
    "model", "mels", "sampleRate", "transform", "window", "hop", "minimumFrequency", "maximumFrequency",
    "lossMaximumFrequency", "voices", "voice", "griffinLim", "hifiGanMels", "starGanMels", "melGanMels",
    "paddings", "flags", "slices", "rate", "minimumCoverage", "package",
  ]

  private static func family(of reference: ReferenceCase) throws -> (
    system: String, descriptions: Set<String>
  ) {
    let model = try ReferenceCase.string(reference.configuration["model"], "model")
    guard let family = families[model] else {
      throw CaseError(
        "the model '\(model)' is none of \(families.keys.sorted().joined(separator: ", ")), whose checks systems answer"
      )
    }
    return family
  }
}
