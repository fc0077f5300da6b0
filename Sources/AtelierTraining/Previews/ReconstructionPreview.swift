public import AtelierCore
import AtelierData
import AtelierMedia
import Torch

/// Images in the rows above, what a system gives back from their codes beneath:
/// `samples/step-…-reconstruction.png`.
public struct ReconstructionPreview: Preview {
  /// `reconstruction`
  public static let id = "reconstruction"

  /// The preview.
  public init() {}

  /// Systems that give images back.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(ImageReconstruction.self) != nil }

  /// Ten in a row, two rows; fewer where they are translated as well, which takes longer.
  public func exampleCount(for plan: SystemPlan) -> Int {
    plan.ability(ImageTranslation.self) == nil ? 20 : TranslationPreview.exampleCount
  }

  /// Draws the sheet.
  public func paint(_ context: PreviewContext) throws {
    guard let system = context.system as? any ReconstructingSystem,
      let examples = context.examples(exampleCount(for: context.plan)),
      let (name, range) = imageField(of: context.plan), let originals = examples.batch.tensors[name]
    else { return }
    let rebuilt = try system.reconstruct(examples.batch, draws: context.draws)
    let columns = min(examples.count, 10)
    let above = try FieldCodec.images(originals.to(.cpu).contiguous().host(), range)
    let beneath = try FieldCodec.images(
      rebuilt.reshaped(originals.shape).to(.cpu).contiguous().host(), range)
    var images: [Image] = []
    for start in stride(from: 0, to: above.count - above.count % columns, by: columns) {
      images += above[start..<(start + columns)] + beneath[start..<(start + columns)]
    }
    try context.write(
      .image(ImageGrid(columns: columns).render(images)), suffix: "-reconstruction", tag: "reconstruction")
  }
}

/// The first image field of a plan and its range.
func imageField(of plan: SystemPlan) -> (name: String, range: ImageRange)? {
  for field in plan.fields {
    if case .image(_, _, _, let range) = field.kind { return (field.name, range) }
  }
  return nil
}
