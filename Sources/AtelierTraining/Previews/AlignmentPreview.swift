public import AtelierCore
import AtelierData
import AtelierGeneration
import Torch

/// Where the translation of a held-out sentence looked in its source: `samples/step-…-alignment.png`.
public struct AlignmentPreview: Preview {
  /// `alignment`
  public static let id = "alignment"

  /// The preview.
  public init() {}

  /// Systems that translate sentences and say where they look.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(SentenceTranslation.self)?.aligns == true }

  /// A few, of which one of middle length is shown.
  public func exampleCount(for plan: SystemPlan) -> Int { 20 }

  /// Translates and draws.
  public func paint(_ context: PreviewContext) throws {
    guard let ability = context.plan.ability(SentenceTranslation.self),
      let system = context.system as? any SentenceTranslatingSystem, let vocabularies = system.vocabularies,
      let examples = context.examples(exampleCount(for: context.plan)),
      let sources = examples.batch.tensors[ability.source]
    else { return }
    let rows = (0..<sources.shape[0]).map { index in
      sources.selected(dim: 0, index: index).integers().filter { $0 != vocabularies.source.specials.padding }
    }
    let sorted = rows.sorted { $0.count < $1.count }
    let tokens = sorted[sorted.count / 2]
    let source = Tensor(tokens, shape: [1, tokens.count], device: sources.device)
    let found = try withoutGradients {
      try system.translations(of: source, TranslationSearch(beams: 1))[0]
    }
    guard let alignment = found.alignment else { return }
    try context.write(
      .image(
        try alignmentSheet(
          alignment, source: vocabularies.source.names(of: tokens),
          target: vocabularies.target.names(of: found.tokens))), suffix: "-alignment", tag: "alignment")
  }
}
