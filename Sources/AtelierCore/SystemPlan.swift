public import AtelierData

/// What a system is, for everything that handles it without knowing it: what it learns from, what it is
/// asked, what it gives, and what else can be done with it.
///
/// A plan follows from a configuration alone; no network is built for it.
public struct SystemPlan: Sendable {
  /// The parts of training in order, each with what it learns from.
  public var stages: [Stage]
  /// What the system stands on beside the data: images that the user gives, a table of instances.
  public var components: [any Component]
  /// What a request may or must hold.
  public var conditions: [Condition]
  /// What the system gives.
  public var outputs: [Field]
  /// The settings of drawing with their defaults; a request has settings of this type.
  public var sampling: any Settings
  /// What else can be done with the system; see ``ability(_:)``.
  public var abilities: [any Ability]

  /// A plan of several stages.
  public init(
    stages: [Stage], components: [any Component] = [], conditions: [Condition] = [], outputs: [Field] = [],
    sampling: any Settings = NoSettings(), abilities: [any Ability] = []
  ) {
    self.stages = stages
    self.components = components
    self.conditions = conditions
    self.outputs = outputs
    self.sampling = sampling
    self.abilities = abilities
  }

  /// The fields of a training batch, of the first stage that learns from data.
  public var fields: [Field] { data?.fields ?? [] }

  /// The data of the first stage that learns from any; nil where none does.
  public var data: DataPlan? { stages.lazy.compactMap(\.data).first }

  /// The field of a name, of any stage or output.
  public func field(_ name: String) -> Field? {
    for stage in stages {
      if let field = stage.data?.fields.first(where: { $0.name == name }) { return field }
    }
    return outputs.first { $0.name == name }
  }

  /// The ability of a type; nil where the system does not have it.
  public func ability<Wanted: Ability>(_ type: Wanted.Type) -> Wanted? {
    abilities.lazy.compactMap { $0 as? Wanted }.first
  }

  /// The components of a type.
  public func components<Wanted: Component>(_ type: Wanted.Type) -> [Wanted] {
    components.compactMap { $0 as? Wanted }
  }

  /// What the numbers of a field stand for, as the data that it belongs to name them.
  ///
  /// - Throws: what reading the artefacts throws.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    let plans = stages.compactMap(\.data)
    let owner = plans.first { data in data.fields.contains { $0.name == field.name } } ?? plans.first
    var names = try owner?.arrangement.names(of: field, description, artefacts) ?? FieldNames()
    names.scale = description.scale
    return names
  }

  /// The condition of a name.
  public func condition(_ name: String) -> Condition? { conditions.first { $0.name == name } }
}

/// A part of training that has its own purpose, such as an image's discrete code before the model of codes.
public struct Stage: Sendable, Hashable {
  /// The name, as ``TrainingStep/stage`` gives it.
  public var name: String
  /// How many steps it takes; nil: until the run ends.
  public var steps: Int?
  /// What it learns from; nil: no data.
  public var data: DataPlan?
  /// Examples in a batch.
  public var batchSize: Int

  /// Declares a stage.
  public init(_ name: String = "training", steps: Int? = nil, data: DataPlan?, batchSize: Int) {
    self.name = name
    self.steps = steps
    self.data = data
    self.batchSize = batchSize
  }
}

/// What a stage learns from: the fields of its batches, how data become examples of them, and how examples
/// are changed at random.
public struct DataPlan: Sendable, Hashable {
  /// The fields of a batch.
  public var fields: [Field]
  /// How the fields belong together, which decides how a folder or file is read.
  public var arrangement: any DataArrangement
  /// Random changes of training examples: crops, mirroring.
  public var changes: JointAugmentation
  /// What the sides of training images may be multiples of, where networks take any size; nil: the fields' size only.
  public var bucketMultiple: Int?

  /// Declares data.
  public init(
    _ fields: [Field], _ arrangement: any DataArrangement = LabelledImages(),
    changes: JointAugmentation = JointAugmentation()
  ) {
    self.fields = fields
    self.arrangement = arrangement
    self.changes = changes
  }

  /// Whether two plans open data alike.
  public static func == (one: DataPlan, other: DataPlan) -> Bool {
    one.fields == other.fields && one.changes == other.changes
      && one.arrangement.isEqual(to: other.arrangement)
  }

  /// Hashes what `==` compares.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(fields)
    hasher.combine(changes)
    hasher.combine(AnyHashable(arrangement))
  }
}

/// Something that a system stands on beside its data, of which the trainer takes care.
public protocol Component: Sendable {}

/// Something that can be done with a system beyond training it and drawing from it: a measure or a preview
/// looks for it by type, and it is never switched over.
public protocol Ability: Sendable {}

/// Something that a request may hold: a class, an image, a text.
public struct Condition: Sendable, Hashable {
  /// What a condition is.
  public enum Kind: Sendable, Hashable {
    /// A tensor of a field's kind.
    case field(FieldKind)
    /// A class, by name or number.
    case label(classes: Int)
    /// A text.
    case text
    /// A tensor of one of these shapes, where no kind of field describes it; nil where any length will do.
    case tensor([[Int?]])
  }

  /// Where a condition comes from that the user does not give.
  public enum Origin: String, Sendable, Hashable, Codable {
    /// From nowhere: the user gives it, or does without.
    case user
    /// The system draws it.
    case drawn
    /// It is taken from the data.
    case data
  }

  /// The name, as requests and `--condition` have it.
  public var name: String
  /// What it is.
  public var kind: Kind
  /// Whether a request without it is refused.
  public var isRequired: Bool
  /// Where it comes from otherwise.
  public var origin: Origin
  /// Whether it lies on the source of a translation, pixel on pixel: it is cut and continued with the source.
  /// Tensors of fewer than three dimensions have no pixels and stay whole.
  public var liesOnSource: Bool
  /// One line for people.
  public var help: String

  /// Declares a condition.
  public init(
    _ name: String, _ kind: Kind, isRequired: Bool = false, from origin: Origin = .user,
    liesOnSource: Bool = false, help: String
  ) {
    self.liesOnSource = liesOnSource
    self.name = name
    self.kind = kind
    self.isRequired = isRequired
    self.origin = origin
    self.help = help
  }
}
