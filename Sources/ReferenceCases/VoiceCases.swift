import AtelierCore

/// Cases of voices are of several systems, and have keys that only describe them.
enum VoiceCases {
  /// The name that all of them have as their system.
  static let system = "voice-conversion"

  /// Keys that say what was recorded, and not what a system is.
  private static let descriptions: Set = [
    "model", "steps", "reconstructions", "framesForward", "flags", "slices", "package", "voices",
  ]

  /// The registered system of a case: of voices the one that repeats the authors' program that the case was made with.
  ///
  /// - Throws: ``CaseError`` for a program that none of Atelier's systems repeats.
  static func type(
    of reference: ReferenceCase, in registry: SystemRegistry
  ) throws -> any GenerativeSystem.Type {
    guard reference.system == system else { return try registry.system(named: reference.system) }
    let found = registry.systems.first {
      $0.identity.reference.lowercased() == reference.repository?.lowercased()
    }
    guard let found else {
      let model = try ReferenceCase.string(reference.configuration["model"], "model")
      throw CaseError(
        "no system repeats \(reference.repository ?? "the unnamed program"), of which '\(model)' is")
    }
    return found
  }

  /// The configuration without what only describes the case.
  static func configuration(of reference: ReferenceCase) -> [String: ConfigurationValue] {
    guard reference.system == system else { return reference.configuration }
    return reference.configuration.filter { key, value in
      // The lengths of several recordings are no choice of a system.
      if key == "frames", case .list = value { return false }
      return !descriptions.contains(key)
    }
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
}
