import Atelier
import Foundation

/// What a command chooses of a system that starts from images: conditions, direction, tiles, derivation and styles.
struct TranslationChoices {
  let conditions: [String: ConditionValue]
  /// Folders of what lies on the images, by the names of conditions.
  let beside: [String: URL]
  let sampling: any Settings
  private let context: GenerateContext
  private let options: Generate.TranslationOptions

  /// - Throws: ``Refusal`` where a condition beside the images is missing, and what reading one throws.
  init(_ context: GenerateContext) throws {
    (self.context, options) = (context, context.command.translating)
    conditions = try context.choices.conditions()
    sampling = try context.choices.sampling()
    beside = try context.choices.foldersBeside()
    try refuseMissing()
  }

  /// Refuses images to start from where something else is missing.
  private func refuseMissing() throws {
    let given = Set(conditions.keys).union(beside.keys)
    let sources = context.plan.ability(ImageTranslation.self)?.directions.map(\.source) ?? []
    for condition in context.plan.conditions
    where condition.isRequired && !sources.contains(condition.name) {
      let isStyle = condition.name == "style"
      guard !given.contains(condition.name), !(isStyle && !options.style.isEmpty) else { continue }
      throw Refusal.usage(
        "\(context.system) needs \(isStyle ? "--style" : "--condition \(condition.name)=FILE"): \(condition.help)"
      )
    }
  }

  // MARK: One translation

  /// The translation of an image, before styles.
  func translation() throws -> ImageTranslator {
    var translation = try ImageTranslator(
      context.generator.system, context.generator.description, direction: direction(), tiling: tiling(),
      alpha: options.alpha ?? .keep, seed: context.command.seed)
    translation.conditions = conditions
    return translation
  }

  /// The direction that --direction names, or --to by what an image becomes.
  private func direction() throws -> String? {
    guard let to = context.command.voices.to else { return options.direction }
    guard options.direction == nil else {
      throw Refusal.usage("--to and --direction both say what an image becomes; choose one")
    }
    let directions = context.plan.ability(ImageTranslation.self)?.directions ?? []
    let sides = context.plan.fields.map(\.name)
    let names = context.generator.description.data.sideNames ?? sides
    let side = names.firstIndex(of: to) ?? sides.firstIndex(of: to)
    guard let side, sides.indices.contains(side),
      let found = directions.first(where: { $0.target == sides[side] })
    else {
      throw Refusal.usage(
        "there is no side '\(to)'; did you mean '\(nearest(to: to, in: names))'? The sides are \(listed(names))"
      )
    }
    return found.name
  }

  private func tiling() throws -> Tiling? {
    guard let tile = options.tile else { return nil }
    let tiling = Tiling(tile: tile, overlap: options.overlap ?? 64)
    try tiling.validate()
    return tiling
  }

  /// Takes images as they are where the command says so, and says where a condition is derived from them.
  private func derived(_ translation: ImageTranslator) throws -> ImageTranslator {
    var translation = translation
    if options.given {
      guard translation.derivation != nil else {
        throw Refusal.usage(
          "\(context.system) was not trained with a derived condition here, so that images are taken as they are; leave "
            + "--given out")
      }
      translation.derivation = nil
    }
    if let derivation = translation.derivation {
      standardError(
        "The condition is derived from each image as in training (\(derivation)); --given takes images as they are.\n"
      )
    }
    return translation
  }

  // MARK: As many as there are styles

  /// The translation once for each result of an image.
  func translations() throws -> [ImageTranslator] {
    var translation = try self.translation()
    let isSwapping = context.plan.ability(FaceSwapping.self) != nil
    // Those of styles say how many results there are, and those of swapped faces belong to videos.
    if !isSwapping, !(sampling is TranslationSampling) { translation.sampling = sampling }
    translation = try derived(translation)
    let variations = options.variations ?? (sampling as? TranslationSampling)?.variations ?? 1
    try refuseContradictions(variations)
    let names = context.classNames
    if let system = translation.system as? any RegionalVariationSystem, !options.vary.isEmpty {
      return try VariedRegions(classes: options.vary, variations: variations, names: names)
        .applied(to: translation, system)
    }
    if let system = translation.system as? any RegionalStyleSystem, namesStyles {
      let regions = StyledRegions(
        styles: try imageFiles(named: options.style, for: "--style"),
        styleMaps: try imageFiles(named: options.styleMap, for: "--style-map"),
        regions: options.region, names: names)
      return [try regions.applied(to: translation, system)]
    }
    if translation.takesStyles, case .tensor(let images)? = conditions["style"] {
      guard options.style.isEmpty else {
        throw Refusal.usage("--style and --condition both give 'style'; choose one")
      }
      return styled(translation, translation.styles(of: images))
    }
    if options.style.isEmpty {
      return (0..<UInt64(variations)).map { number in
        var one = translation
        one.seed = context.command.seed &+ number
        return one
      }
    }
    let codec = ImageCodec(scale: translation.scale)
    let pictures = try imageFiles(named: options.style, for: "--style").map { try codec.decode($0) }
    return styled(translation, try translation.styles(of: pictures))
  }

  /// Whether any option names a style.
  private var namesStyles: Bool {
    !options.style.isEmpty || !options.styleMap.isEmpty || !options.region.isEmpty
  }

  private func styled(_ translation: ImageTranslator, _ styles: [TranslationStyle]) -> [ImageTranslator] {
    styles.map { style in
      var one = translation
      one.style = style
      return one
    }
  }

  /// Refuses conditions and settings that the options for styles and regions decide themselves.
  private func refuseContradictions(_ variations: Int) throws {
    let styles = ["style", "styleLabel", "styleWeights", "styleCodes"]
    if namesStyles, let name = styles.first(where: { conditions[$0] != nil }) {
      throw Refusal.usage("the options for styles and --condition both give '\(name)'; choose one")
    }
    if !options.vary.isEmpty, let name = ["noise", "regions"].first(where: { conditions[$0] != nil }) {
      throw Refusal.usage("--vary decides the noise of regions; leave --condition \(name) out")
    }
    if variations > 1, namesStyles || conditions["style"] != nil {
      throw Refusal.usage("the style images decide how many results there are; leave variations out")
    }
  }
}
