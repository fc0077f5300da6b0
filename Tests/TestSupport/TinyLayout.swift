public import AtelierCore
import AtelierData
public import Foundation

/// The data that a system's small preset learns from, in a form that takes milliseconds to write.
public enum TinyLayout: Sendable {
  case text, labelledDigits, photographs, pairs, unpaired, labelMaps, classFolders, sentencePairs, captions,
    sounds, voices, videos, frames, faces

  /// The layout for a system; nil where it learns from no data, or wants pictures or a
  /// pretrained network beside them.
  public static func of(_ type: any GenerativeSystem.Type) -> TinyLayout? {
    func layout<System: GenerativeSystem>(_ type: System.Type) -> TinyLayout? {
      let presets = System.Configuration.presets
      guard let preset = presets.first(where: { $0.name == "small" }) ?? presets.first else { return nil }
      let configuration = preset.configuration
      let kinds = configuration.plan.fields.map(\.kind)
      guard !kinds.isEmpty, configuration.plan.components(GivenImage.self).isEmpty else { return nil }
      if kinds.contains(where: { if case .tokens = $0 { true } else { false } }) { return .text }
      if kinds.contains(where: { if case .labelMap = $0 { true } else { false } }) { return .labelMaps }
      if configuration.plan.ability(PasscodeTransformation.self) != nil { return .classFolders }
      return switch configuration.plan.data?.arrangement {
      case let pairs as ImagePairs: pairs.derivation == nil ? .pairs : .photographs
      case is UnpairedImages: .unpaired
      case is ClassPairs: .classFolders
      case is RunningText: .text
      case is TaggedImages: nil
      case is SentencePairs: .sentencePairs
      case is CaptionedImages: .captions
      case is Sounds: .sounds
      case is Voices: .voices
      case is Videos: .videos
      case is LabelledFrames: .frames
      case is Faces: .faces
      default: .labelledDigits
      }
    }
    return layout(type)
  }

  /// Writes the data and gives their path, `name` within a folder.
  public func write(in folder: URL, _ name: String = "data", perClass: Int = 3) throws -> URL {
    let path = folder.appendingPathComponent(self == .text ? name + ".txt" : name)
    if self != .text { try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true) }
    switch self {
    case .text: try TinyData.writeText(to: path, lines: 20 * perClass)
    case .labelledDigits: try TinyData.writeIDX(to: path, perClass: perClass, size: 28)
    case .photographs: try TinyData.writePhotographs(to: path, size: 96)
    case .pairs: try TinyData.writePairs(to: path, size: 64)
    case .unpaired: try TinyData.writeUnpaired(to: path, size: 64)
    case .labelMaps: try TinyData.writeLabelled(to: path, size: 64)
    case .captions: try TinyData.writeCaptioned(to: path, count: 10 * perClass, size: 32)
    case .sentencePairs: try TinyData.writeSentencePairs(to: path, count: 10 * perClass)
    case .sounds: try TinyData.writeSounds(to: path)
    case .voices: try TinyData.writeVoices(to: path, perSpeaker: perClass)
    case .videos: try TinyData.writeVideos(to: path, size: 64)
    case .frames: try TinyData.writeFrames(to: path, videos: perClass)
    case .faces: try TinyData.writeFaces(to: path, perPerson: perClass)
    case .classFolders: try TinyData.writeClassFolders(to: path, perClass: perClass, size: 64)
    }
    return path
  }
}
