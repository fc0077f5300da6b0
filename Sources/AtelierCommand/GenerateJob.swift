import Atelier

/// Something that `generate` does with a model and the inputs of a command; ``GenerateJobs`` lists them.
protocol GenerateJob: SendableMetatype {
  /// Whether it is what a command asks of a model. Nothing is read yet.
  ///
  /// - Throws: ``Refusal`` for inputs that do not belong together.
  static func applies(to context: GenerateContext) throws -> Bool
  /// What it makes with a system of a plan, and which options it uses.
  static func scope(_ plan: SystemPlan) -> JobScope
  /// Reads what the command names.
  init(_ context: GenerateContext) throws
  /// Does it, and writes the results.
  func run() throws
}

/// What a job makes, and which options it uses: what else a command has is refused and never ignored.
/// ``GenerateOption`` says which a system knows at all.
struct JobScope {
  /// What it makes, as sentences name it.
  let product: String
  /// The options that it uses, by the names of ``GenerateOption/all``.
  let options: Set<String>

  /// - Parameter options: those beside --output, --files and --condition, which every job uses.
  init(_ product: String, options: Set<String>) {
    self.product = product
    self.options = options.union(["--output", "--files", "--condition"])
  }

  /// Refuses the first option of a command that the job does not use.
  func check(_ context: GenerateContext) throws {
    let known = GenerateOption.all.filter { $0.isKnown(context.plan) }
    let unused = known.first { $0.isGiven(context.command) && !options.contains($0.name) }
    guard let unused else { return }
    throw Refusal.usage(
      "\(unused.name) is of no use to \(product), which \(context.system) makes here; leave it out (of use are "
        + "\(listed(known.map(\.name).filter(options.contains))))")
  }
}

/// What `generate` can do.
enum GenerateJobs {
  /// In the order in which they are asked: the first that applies is done.
  private static let all: [any GenerateJob.Type] = [
    AnimationJob.self, DubbingJob.self, PlayJob.self, SwappedVideoJob.self, TranslationJob.self,
    TaggingJob.self, DetectionJob.self, SentenceJob.self, SoundJob.self, VoiceJob.self, FrameJob.self,
    DrawingJob.self,
  ]

  /// The job that a command asks for, once its options are known to be of use.
  static func job(for context: GenerateContext) throws -> any GenerateJob {
    guard let type = try all.first(where: { try $0.applies(to: context) }) else {
      throw Refusal.usage(
        "\(context.system) does not start from images; leave '\(context.command.inputs[0])' out")
    }
    try type.scope(context.plan).check(context)
    return try type.init(context)
  }
}
