public import AtelierCore
import AtelierData
import Torch

/// Held-out texts with the class that they get, and their own where that is another one: `samples/step-….txt`.
public struct TextClassPreview: Preview {
  /// `text-classes`
  public static let id = "text-classes"

  /// The preview.
  public init() {}

  /// Systems that say the class of a text.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(TextClassification.self) != nil }

  /// A page of texts.
  public func exampleCount(for plan: SystemPlan) -> Int { 20 }

  /// Classifies and writes.
  public func paint(_ context: PreviewContext) throws {
    guard let system = context.system as? any TextClassifyingSystem,
      let examples = context.examples(exampleCount(for: context.plan)),
      let labels = examples.batch.tensors["label"]?.integers(),
      let field = context.plan.stages.first?.data?.fields.first(where: { $0.name != "label" }),
      let tokens = examples.batch.tensors[field.name]
    else { return }
    let found = try withoutGradients { try system.classes(of: examples.batch).integers() }
    let names = FieldNames(classes: context.classNames)
    let shown = try context.codec(field).shown(.tensor(tokens.to(.cpu).contiguous().host()))
    let lines = zip(shown, zip(found, labels)).compactMap { example, classes -> String? in
      guard case .text(let text) = example else { return nil }
      let (given, own) = (names.name(ofClass: classes.0), names.name(ofClass: classes.1))
      return "\(given)\(classes.0 == classes.1 ? "" : " (is \(own))"): \(text)\n"
    }
    try context.write(.text(lines.joined()), tag: "samples")
  }
}
