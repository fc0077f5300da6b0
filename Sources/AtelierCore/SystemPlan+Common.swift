public import AtelierData

// Plans that several systems share.

extension SystemPlan {
  /// Square images decoded from latent vectors, of classes where the latent space has them. Outputs are in
  /// -1 … 1.
  ///
  /// - Parameter range: the range of the images that the system learns from.
  public static func latentImages(
    channels: Int, size: Int, range: ImageRange = .signed, latent: LatentDecoding, batchSize: Int
  ) -> SystemPlan {
    let image = Field("image", .image(channels: channels, height: size, width: size, range: range))
    var fields = [image]
    var conditions: [Condition] = []
    if let classes = latent.classes {
      fields.append(Field("label", .label(classes: classes)))
      conditions.append(
        Condition(
          "label", .label(classes: classes), from: .drawn, help: "the class; all in turn where none is given")
      )
    }
    return SystemPlan(
      stages: [Stage(data: DataPlan(fields), batchSize: batchSize)], conditions: conditions,
      outputs: [Field("image", .image(channels: channels, height: size, width: size, range: .signed))],
      sampling: LatentSampling(), abilities: [latent])
  }

  /// Images into images.
  ///
  /// - Parameter directions: what can be turned into what; sources and targets are names of fields.
  public static func translation(
    _ fields: [Field], _ arrangement: any DataArrangement, changes: JointAugmentation,
    _ directions: [TranslationDirection], styles: StyleImages? = nil, batchSize: Int
  ) -> SystemPlan {
    func kind(_ name: String) -> FieldKind? { fields.first { $0.name == name }?.kind }
    var conditions = directions.compactMap { direction in
      kind(direction.source).map {
        Condition(
          direction.source, .field($0), isRequired: directions.count == 1,
          help: "the image to start from (\(direction.name))")
      }
    }
    let targets = directions.compactMap { kind($0.target) }
    if let styles, let target = targets.first {
      // Domains may differ in their channels.
      let shapes = Set(targets.flatMap(\.shapes)).sorted { "\($0)" < "\($1)" }
      conditions.append(
        Condition(
          "style", shapes.count == 1 ? .field(target) : .tensor(shapes), isRequired: styles == .together,
          from: styles == .together ? .user : .drawn,
          help: styles == .together
            ? "images that show the class to translate into" : "images whose style the output takes"))
    }
    return SystemPlan(
      stages: [Stage(data: DataPlan(fields, arrangement, changes: changes), batchSize: batchSize)],
      conditions: conditions,
      outputs: directions.compactMap { direction in fields.first { $0.name == direction.target } },
      sampling: styles == .oneByOne ? TranslationSampling() : NoSettings(),
      abilities: [ImageTranslation(directions, styles: styles)])
  }

  /// Images from label maps, or from images that stand for them, under the names `label` and `image`.
  ///
  /// - Parameters:
  ///   - withInstances: whether a map of instances (`instance`) belongs to each example.
  ///   - conditions: what a request may hold beside the map.
  public static func imagesFromMaps(
    label: FieldKind, channels: Int, height: Int, width: Int, withInstances: Bool = false,
    changes: JointAugmentation, sizeMultiple: Int, batchSize: Int, conditions: [Condition] = []
  ) -> SystemPlan {
    var fields = [
      Field("label", label),
      Field("image", .image(channels: channels, height: height, width: width, range: .signed)),
    ]
    // Ids of instances have no bound.
    let instance = FieldKind.labelMap(classes: .max, height: height, width: width)
    if withInstances { fields.append(Field("instance", instance)) }
    var plan = translation(
      fields, ImagePairs(source: "label", target: "image"), changes: changes,
      [TranslationDirection("label-to-image", source: "label", target: "image", sizeMultiple: sizeMultiple)],
      batchSize: batchSize)
    if withInstances {
      var standsIn = false
      if case .labelMap = label { standsIn = true }
      plan.conditions.append(
        Condition(
          "instance", .field(instance), isRequired: !standsIn, liesOnSource: true,
          help: "the map of instances" + (standsIn ? "; else each class is one" : "")))
    }
    plan.conditions += conditions
    return plan
  }
}
