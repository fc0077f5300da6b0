public import AtelierCore
import AtelierData
import AtelierMedia
import Perception
import Torch

/// Held-out utterances in the voice of the next speaker: spectrograms of both in `samples/step-….png`, and the first one as
/// a sound.
public struct VoicePreview: Preview {
  /// `voices`
  public static let id = "voices"

  /// The preview.
  public init() {}

  /// Systems that convert voices.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(VoiceConversion.self) != nil }

  /// A few.
  public func exampleCount(for plan: SystemPlan) -> Int { 4 }

  /// Converts and draws.
  public func paint(_ context: PreviewContext) throws {
    guard let ability = context.plan.ability(VoiceConversion.self),
      let system = context.system as? any VoiceConvertingSystem,
      let examples = context.examples(exampleCount(for: context.plan)),
      let source = examples.batch.tensors[ability.mel],
      let speakers = examples.batch.tensors[ability.speaker]?.to(.cpu).integers()
    else { return }
    var sheets: [Image] = []
    var first: Tensor?
    for (row, speaker) in speakers.enumerated() {
      let heard = source.slice(0, row, row + 1)
      let target = Voice.speaker((speaker + 1) % ability.speakers)
      let made = try withoutGradients { try system.converted(heard, from: .speaker(speaker), to: target) }
      for mel in [heard, made] {
        let values = mel.squeezed(0).asType(.float32).to(.cpu).contiguous().host()
        // A network that has lost its numbers has nothing to show.
        guard values.floats().allSatisfy(\.isFinite) else { return }
        sheets.append(try FieldCodec.picture(ofSpectrogram: values).resized(width: 256, height: 160))
      }
      first = first ?? made
    }
    try context.write(
      .image(try ImageGrid(columns: 2, columnTitles: ["source", "converted"]).render(sheets)),
      tag: "spectrograms")
    guard let first else { return }
    let mel = system.unscaled(first)
    let samples = (mel.shape[2] - 1) * ability.frontEnd.spectrogram.hop
    guard samples > 0 else { return }
    let sound = try withoutGradients {
      try ability.sound(of: mel, samples: samples, VoiceDrawing(), draws: context.draws).clamped(
        min: -1, max: 1)
    }
    try context.write(
      .audio(
        Audio(sampleRate: ability.frontEnd.sampleRate, samples: sound.to(.cpu).contiguous().host().floats())),
      suffix: "-converted", tag: "sound")
  }
}
