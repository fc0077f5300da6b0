import AtelierCore
import Torch

/// Cases of voices and faces name their network family, which is one of Atelier's systems, beside keys that only describe them.
enum VoiceCases {
  /// The name that all cases of voices have as their system.
  static let system = "voice-conversion"
  /// Names that cases of several systems have as theirs.
  private static let families: Set = [system, faces, "face-de-identification"]
  /// The name that all cases of talking faces have as their system.
  static let faces = "talking-face"

  /// The registered system of a case: the one that says that it is of the family, or goes by the case's system, or else
  /// bears its name.
  ///
  /// - Throws: the registry's error for a family that is none of its systems.
  static func system(
    of reference: ReferenceCase, in registry: SystemRegistry
  ) throws -> any GenerativeSystem.Type {
    let model =
      families.contains(reference.system)
      ? try ReferenceCase.string(reference.configuration["model"], "model") : reference.system
    let claiming = registry.systems.first {
      ($0 as? any ReferenceAnswering.Type)?.caseModel == model
    }
    return try claiming ?? registry.system(named: model)
  }

  /// The configuration without what only describes the case, where the system has no key of that name.
  static func configuration(
    of reference: ReferenceCase, knowing keys: [String]
  ) -> [String: ConfigurationValue] {
    guard reference.configuration["model"] != nil else { return reference.configuration }
    let left = descriptions.subtracting(keys)
    return reference.configuration.filter { !left.contains($0.key) }
  }

  /// What was recorded, and not what a system is.
  private static let descriptions: Set = [
    "model", "steps", "reconstructions", "frames", "framesForward", "forwardBatch", "flags", "slices",
    "package", "voices", "voice", "enlarge", "boxes", "videoLabels", "videoFrames",
    "framesPerSecond",
  ]

  /// A recorded image as it is used: `enlarge` says how often each pixel of the stored ones is repeated in both
  /// directions, which have the size that the configuration's images have then.
  static func enlarged(_ tensor: Tensor, of reference: ReferenceCase) -> Tensor {
    guard case .integer(let factor)? = reference.configuration["enlarge"], factor > 1,
      case .integer(let size)? = reference.configuration["imageSize"], tensor.rank >= 4,
      tensor.shape.suffix(2) == [size / factor, size / factor]
    else { return tensor }
    let shape = tensor.shape
    let wide = tensor.reshaped([-1, size / factor, 1, size / factor, 1])
      .expanded([
        tensor.count / (size / factor * (size / factor)), size / factor, factor, size / factor, factor,
      ])
    return wide.reshaped(Array(shape.dropLast(2)) + [size, size])
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
