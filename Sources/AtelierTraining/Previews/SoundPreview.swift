public import AtelierCore
import AtelierData
import AtelierMedia
import Torch

/// Held-out sounds: spectrograms of input, output and target in `samples/step-….png`, and the
/// first of each as a sound.
public struct SoundPreview: Preview {
  /// `sounds`
  public static let id = "sounds"

  /// The preview.
  public init() {}

  /// Systems that turn sounds into sounds.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(SoundTranslation.self) != nil }

  /// A few.
  public func exampleCount(for plan: SystemPlan) -> Int { 4 }

  /// Translates and draws.
  public func paint(_ context: PreviewContext) throws {
    guard let ability = context.plan.ability(SoundTranslation.self),
      let system = context.system as? any SoundTranslatingSystem,
      let examples = context.examples(exampleCount(for: context.plan)),
      let source = examples.batch.tensors[ability.source],
      case .audio(let channels, _, let sampleRate)? = context.plan.field(ability.target)?.kind
    else { return }
    let output = try withoutGradients { try system.translated(source) }
    var columns = [("input", source), ("output", output)]
    // A sound that is made anew from itself is its own target.
    if ability.source == ability.target {
      columns = [("output", output), ("target", source)]
    } else if let target = examples.batch.tensors[ability.target] {
      columns.append(("target", target))
    }
    var sheets: [Image] = []
    for row in 0..<source.shape[0] {
      for (_, sounds) in columns {
        sheets.append(
          try sound(sounds, row, channels, sampleRate).spectrogramImage(width: 256, height: 160))
      }
    }
    try context.write(
      .image(try ImageGrid(columns: columns.count, columnTitles: columns.map(\.0)).render(sheets)),
      tag: "spectrograms")
    for (name, sounds) in columns {
      let clipped = sounds.clamped(min: -1, max: 1)
      try context.write(
        .audio(sound(clipped, 0, channels, sampleRate)), suffix: "-\(name)", tag: "sound/\(name)")
    }
  }

  private func sound(_ sounds: Tensor, _ row: Int, _ channels: Int, _ sampleRate: Int) -> Audio {
    let samples = sounds.selected(dim: 0, index: row).to(.cpu).contiguous().host().floats()
    return Audio(sampleRate: sampleRate, channels: channels, samples: samples)
  }
}
