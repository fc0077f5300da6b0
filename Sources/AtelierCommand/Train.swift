import ArgumentParser
import Atelier
import AtelierDistributed
import Foundation

/// `atelier train`: makes a run, or goes on with one.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a system on data, or resumes a run.",
    discussion: """
      The configuration is the preset, then --configuration, then --set; later wins. What only the data can tell \
      (classes, channels, vocabulary) is read from it. Ctrl-C saves and stops; a second one stops at once.

        atelier train cgan --data /usr/share/datasets/fashion-mnist --preset small --epochs 10
        atelier train vae --data photos --set imageSize=64 --set latentSize=32 --seconds 600
        atelier train --resume runs/cgan-fashion-mnist-001 --epochs 20
        atelier train fast-style-transfer --data photographs --style painting.jpg --preset small --seconds 600
        atelier train neural-style --content photograph.jpg --style painting.jpg --preset small
        atelier train dcgan --data photos --hold-out-validation 0.1 --epochs 50 --validate-every 500
        atelier train dcgan --data flowers --from runs/dcgan-photos-001 --freeze-discriminator 2 --epochs 20
        atelier train dcgan --data photos --epochs 50 --processes 4
        torchrun --no-python --nproc-per-node 4 -- atelier train dcgan --data photos --epochs 50

      A system that learns the voices or faces of people needs --consent with a YAML file of who agreed, to what and \
      until when:

        \(Consent.form)
      """)

  @Argument(help: "The system's name; `atelier systems` lists them.")
  var system: String?

  @Option(help: "A run's folder to go on with.", completion: .directory)
  var resume: String?

  @Option(
    help:
      "The data: a folder, a table, a text file, a pattern of shards, or pipe:COMMAND that writes a shard.",
    completion: .file())
  var data: String?

  @OptionGroup var choices: ConfigurationChoices

  @OptionGroup(title: "Other weights") var transfer: Transfer
  @OptionGroup(title: "Measuring on the way") var validation: Validation
  @OptionGroup(title: "Images") var images: GivenImages
  @Option(
    help:
      "Who agreed that their voice or face is learned: a YAML file; on resuming, one that replaces the run's.",
    completion: .file(extensions: ["yaml", "yml"]))
  var consent: String?

  @OptionGroup(title: "Limits") var limits: Limits
  @OptionGroup(title: "The run") var placement: Placement
  @OptionGroup(title: "Computing") var computing: Computing
  @OptionGroup(title: "Several processes") var several: SeveralProcesses
  @OptionGroup(title: "Reading data") var reading: Reading

  @Flag(help: "Check everything, print the configuration, and train nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Say nothing while training.")
  var quiet = false

  /// When training ends.
  struct Limits: ParsableArguments {
    @Option(help: "Steps, counted over all resumptions.")
    var steps: Int?
    @Option(help: "Passes over the data.")
    var epochs: Double?
    @Option(help: "Seconds of training, over all resumptions.")
    var seconds: Double?
  }

  /// Where the run lies and what it writes.
  struct Placement: ParsableArguments {
    @Option(help: "The folder that holds runs (default: runs).", completion: .directory)
    var runs: String?
    @Option(help: "The run's folder itself, new or empty, instead of a numbered one.", completion: .directory)
    var run: String?
    @Option(help: "The name before the number; default: the system's and the data's.")
    var name: String?
    @Option(help: "Steps between checkpoints.")
    var checkpointEvery: Int?
    @Option(help: "Newest checkpoints that are kept.")
    var keepLast: Int?
    @Option(help: "Checkpoints of multiples of this step are kept for ever.")
    var keepEvery: Int?
    @Option(help: "Steps between previews.")
    var previewEvery: Int?
    @Option(help: "Steps between lines of the log.")
    var logEvery: Int?
    @Option(help: "On NaN or exploding gradients: ignore, warn, stop or roll-back.")
    var health: HealthPolicy.Reaction?

    /// What is given of the options that say where a new run lies.
    var fixedInARun: [String] {
      [("--runs", runs != nil), ("--run", run != nil), ("--name", name != nil)].filter(\.1).map(\.0)
    }
  }

  /// How it is computed.
  struct Computing: ParsableArguments {
    @Option(help: "What all random numbers follow from (default: 0).")
    var seed: Int?
    @Option(
      help:
        "Train so many runs of the seeds from --seed on, in one folder that `atelier evaluate` takes as a whole."
    )
    var seeds: Int?
    @Option(help: "cpu, cuda, cuda:1 or mps (default: cpu).")
    var device: String?
    @Option(help: "float32 or bfloat16 (default: float32).")
    var precision: TrainingPrecision?
    @Option(
      help: ArgumentHelp(
        "Threads of one operation; auto: fewer while other programs use the processors, and the last bits differ.",
        valueName: "count|auto"))
    var threads: ThreadOption?
    @Option(help: "The largest global gradient norm, where the system does not say.")
    var gradientClip: Double?
    @Option(help: "Batches whose gradients are added up before networks are updated (default: 1).")
    var accumulate: Int?
    @Flag(help: "Resume although engine, threads, processor or data are others; the bytes will differ.")
    var allowInexactResume = false
  }

  /// How data are read.
  struct Reading: ParsableArguments {
    @Option(help: "Batches decoded at a time.")
    var workers = 2
    @Option(help: "A corrupt image: skip it, or stop (default: skip).")
    var corrupt: CorruptImagePolicy?
    @Option(help: "Images of other proportions: how they are brought to size (default: center-crop).")
    var fit: ImagePreparation.Fit?
    @Flag(
      help: "Images keep their proportions, and a batch holds like ones, where the networks take any size.")
    var buckets = false
    @Option(help: "The column of a table that holds the label.")
    var labelColumn: String?
    @Option(
      help: ArgumentHelp(
        "Make the condition from single images: \(ImageDerivation.forms.joined(separator: ", ")).",
        valueName: "way"))
    var derive: ImageDerivation?
    @Option(help: "AtoB, or BtoA to exchange source and target (default: AtoB).")
    var direction: PairDirection?
    @Option(
      help: ArgumentHelp(
        "A folder that keeps instances' features, so that further runs on the same data need not compute them.",
        valueName: "folder"), completion: .directory)
    var instances: String?
    @Flag(help: "Files hold A and B side by side, whatever their proportions.")
    var sideBySide = false
    @Option(
      help: ArgumentHelp(
        "The share of undivided data that is kept from training and that `atelier evaluate` measures on.",
        valueName: "share"))
    var holdOut: Double?
    @Option(
      help: ArgumentHelp(
        "The share of the training examples that `--validate-every` measures on, where the data have no validation part.",
        valueName: "share"))
    var holdOutValidation: Double?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp(
        "Which numbers of the files are black and white, for all images (default: as their formats or numbers say).",
        valueName: "low:high"))
    var range: SampleScale?

    /// The shares that are held out; nil: none.
    func heldOut() throws -> HoldOut? {
      guard holdOut != nil || holdOutValidation != nil else { return nil }
      return try HoldOut(holdOut, validation: holdOutValidation)
    }

    /// The options that a run records when it starts, with what is given.
    var fixed: [(name: String, value: String?)] {
      [
        ("--corrupt", corrupt.map { "\($0)" }), ("--fit", fit.map { "\($0)" }),
        ("--label-column", labelColumn),
        ("--derive", derive.map { "\($0)" }), ("--direction", direction.map { "\($0)" }),
        ("--instances", instances), ("--side-by-side", sideBySide ? "yes" : nil),
        ("--hold-out", holdOut.map { "\($0)" }), ("--hold-out-validation", holdOutValidation.map { "\($0)" }),
        ("--range", range.map { "\($0)" }), ("--buckets", buckets ? "yes" : nil),
      ]
    }

    /// What is given of them.
    var fixedInARun: [String] { fixed.filter { $0.value != nil }.map(\.name) }
  }

  func validate() throws {
    if (system == nil) == (resume == nil) { throw ValidationError("Name a system, or a run with --resume.") }
    if resume != nil && !choices.isEmpty {
      throw ValidationError(
        "A resumed run keeps its configuration; leave --preset, --configuration and --set out.")
    }
    if let seeds = computing.seeds {
      if resume != nil { throw ValidationError("A resumed folder keeps its seeds; leave --seeds out.") }
      if several.areMany {
        throw ValidationError(
          "--seeds trains one run after the other, each in one process; leave --processes out.")
      }
      if !(2...SeedFolder.most).contains(seeds) {
        throw ValidationError("--seeds must be 2 to \(SeedFolder.most).")
      }
    }
    if several.reshard && resume == nil {
      throw ValidationError(
        "--reshard is for a run that is resumed; a new one has nothing to be divided anew.")
    }
    if resume != nil && !images.given.isEmpty {
      throw ValidationError("A resumed run keeps its images; leave --style and --content out.")
    }
    if resume != nil, let fixed = transfer.fixedInARun.first {
      throw ValidationError("A resumed run keeps the weights it began with; leave \(fixed) out.")
    }
    if resume != nil, let fixed = placement.fixedInARun.first ?? reading.fixedInARun.first {
      throw ValidationError("A resumed run keeps what it recorded; leave \(fixed) out.")
    }
  }

  func run() throws {
    // What every process would refuse is refused once, and without a launcher around it.
    let launched = try several.launched(isDryRun: dryRun, before: checkForProcesses)
    do {
      try run(in: launched)
    } catch {
      // The others need not wait for a process that does not come.
      launched?.end(because: error)
      throw error
    }
  }

  /// Refuses what can be seen before processes are started.
  private func checkForProcesses() throws {
    if let resume {
      let run = URL(fileURLWithPath: resume)
      if try SeedFolder.open(run) == nil {
        _ = try RunDirectory.open(run)
      } else {
        throw Self.seedsInProcesses
      }
      return
    }
    let type = try AtelierTool.systems.system(named: system ?? "")
    _ = try opening(type, isCheck: true, reporter: QuietReporter())
    if let run = placement.run.map({ RunDirectory(url: URL(fileURLWithPath: $0)) }),
      FileManager.default.fileExists(atPath: run.configuration.path)
    {
      throw TrainingError.unwritable(
        path: run.url.path, reason: "it is not empty; resume the run in it or name another folder")
    }
  }

  private func run(in launched: LaunchedProcesses?) throws {
    let interruption = Interruption.whileTraining()
    let reporter = launched?.group.isFirst ?? true ? automaticReporter(isQuiet: quiet) : QuietReporter()
    let outcome: TrainingOutcome
    if let folder = resume ?? launched?.begunRun {
      if dryRun { throw Refusal.usage("--dry-run is for new runs") }
      if let seeds = try SeedFolder.open(URL(fileURLWithPath: folder)) {
        try refuseSeeds(in: launched)
        if computing.seed != nil {
          throw Refusal.usage("each of the runs in \(folder) keeps its own seed; leave --seed out")
        }
        return try SeedTraining.resume(seeds, self, reporter, interruption)
      }
      outcome = try goOn(with: URL(fileURLWithPath: folder), launched, reporter, interruption)
    } else {
      let type = try AtelierTool.systems.system(named: system ?? "")
      if let count = computing.seeds {
        try refuseSeeds(in: launched)
        return try SeedTraining(self, count: count, reporter, interruption).run(type)
      }
      let started = try start(type, launched, reporter: reporter, interruption: interruption) { name in
        try placement.run.map { try RunDirectory.create(at: URL(fileURLWithPath: $0)) }
          ?? RunDirectory.create(in: URL(fileURLWithPath: placement.runs ?? "runs"), name: name)
      }
      guard let started else { return }
      outcome = started
    }
    guard launched?.group.isFirst ?? true else { return }
    switch outcome.reason {
    case .finished, .settled:
      if !quiet { standardError(NextCommands(outcome)?.text ?? "") }
    case .interrupted: throw ExitCode(ExitCodes.interrupted)
    case .stopped: throw ExitCode(ExitCodes.stoppedByHealth)
    }
  }

  private func refuseSeeds(in launched: LaunchedProcesses?) throws {
    if launched != nil { throw Self.seedsInProcesses }
  }

  private static let seedsInProcesses = Refusal.usage(
    "runs of several seeds are trained one after the other, each in one process; leave the launcher and --processes out, "
      + "or train each seed by itself")

  /// Goes on with a run, whose configuration stays as it is.
  ///
  /// - Parameter launched: the processes that train together; nil: this one alone.
  func goOn(
    with run: URL, _ launched: LaunchedProcesses?, _ reporter: any ProgressReporter,
    _ interruption: Interruption
  ) throws -> TrainingOutcome {
    var options = try bindingOptions(seed: 0, device: .cpu)
    options.share = launched?.share
    return try Training.resume(
      run, registry: AtelierTool.systems, dataPath: placed(for: run),
      dataOptions: options, allowsInexact: computing.allowInexactResume, measuring: .by(),
      consent: givenConsent(), reporter: reporter, interruption: interruption, processes: launched?.group,
      reshards: several.reshard, change: { try apply(to: &$0, launched) })
  }

  /// The data that a run goes on with; nil: those that it recorded.
  private func placed(for run: URL) throws -> URL? {
    guard let data else { return nil }
    // A run that cannot be read is refused by what resumes it, which reads it again.
    let recorded = try? RunConfiguration.read(run.appendingPathComponent("configuration.yaml")).data
    return try PipedData.place(data, recorded: recorded ?? nil)
  }

  /// Whether what commands give is read while they run: one process, and images that it takes in the order of shards.
  private func streams(_ plan: SystemPlan, _ launched: LaunchedProcesses?) -> Bool {
    launched == nil && plan.components(InstancePlan.self).isEmpty
      && plan.stages.compactMap(\.data).allSatisfy { $0.arrangement is LabelledImages }
  }

  /// What a training begins with, after every check that needs no folder.
  struct Opening {
    let data: DataBinding
    /// The preset's name; nil: the configuration is that of other weights.
    let preset: String?
    let options: TrainingOptions
    let source: TransferSource?
    let consent: Consent?
  }

  /// Opens the data for a system, in the configuration that was asked for.
  ///
  /// - Parameter isCheck: whether only refusals are wanted, so that nothing is computed of all images.
  func opening<System: GenerativeSystem>(
    _ type: System.Type, _ launched: LaunchedProcesses? = nil, isCheck: Bool = false,
    reporter: any ProgressReporter
  ) throws -> Opening {
    let chosen = try presetNamed(choices.preset, of: System.Configuration.self)
    let source = try transfer.source(of: type, changes: try parsedKeys(choices.changes))
    var values = chosen.configuration
    // Weights fit the configuration they were made with, unless another one is asked for.
    let isOfSource = choices.preset == nil && source?.system == type.identity.name
    if let source, isOfSource {
      values = try values.overlaid(with: source.configuration)
    }
    values = try choices.changed(values)
    if let source, !isOfSource, source.system == type.identity.name {
      values = source.adapted(values, keeping: try choices.givenKeys()) { key, value, before in
        reporter.say(
          "\(key) is \(value), as of the weights that training begins with; --set \(key)=\(before) begins without what they "
            + "know by it.")
      }
    }
    let found = System.adapted(values, to: .standard)
    values = found.configuration
    if let remark = found.remark { reporter.say(remark) }
    var options = TrainingOptions()
    try apply(to: &options, launched)
    try options.validate()
    try refuseUnused(values.plan, of: type.identity.name)
    if consent == nil, let likeness = values.plan.ability(Likeness.self) {
      throw Refusal.usage(
        "\(type.identity.name) learns the \(likeness.kind.rawValue)s of people, who must have agreed; give --consent and a "
          + "YAML file that holds \(Consent.form)")
    }
    let hasOwnEnd = values.plan.stages.allSatisfy { $0.steps != nil }
    if !hasOwnEnd && options.steps == nil && options.epochs == nil && options.seconds == nil {
      throw Refusal.usage("say when to end: --epochs, --steps or --seconds")
    }
    // Opening data may compute with the engine already.
    if let threads = options.threads { Engine.threadCount = threads }
    let path = try data.map { try PipedData.place($0, streaming: streams(values.plan, launched)) }
    if let path {
      let fit = try ImageFit(
        path, reading: bindingOptions(seed: options.seed, device: options.device).reading)
      values = try fit.adapted(values, keeping: try choices.givenKeys(), say: { reporter.say($0) })
    }
    var reading = try bindingOptions(seed: options.seed, device: options.device)
    reading.share = launched?.share ?? several.share
    let binding = try DataBinding.open(
      path, for: type, configuration: try values.values(),
      artefacts: try images.artefacts(for: values.plan, of: type.identity.name)
        ?? source?.kept(by: values.plan),
      options: reading, processes: launched?.group, isCheck: isCheck,
      onSkip: { reporter.say("An image was skipped: \($0.reason)") }, say: { reporter.say($0) })
    // Before a run is made, and in a dry run as well.
    let consent = try givenConsent()
    if try Consent.record(consent, for: binding) != nil, try Consent.isUnchecked(for: binding) {
      reporter.say(
        "The data do not say whom they show, so that nobody but you can check that the consent names all of them."
      )
    }
    return Opening(
      data: binding, preset: isOfSource ? nil : chosen.name, options: options, source: source,
      consent: consent)
  }

  /// Makes a run and trains it; nil where nothing is to be trained.
  ///
  /// - Parameter place: makes the run's folder, after everything was checked; it is handed the name before the number.
  func start<System: GenerativeSystem>(
    _ type: System.Type, _ launched: LaunchedProcesses? = nil, reporter: any ProgressReporter,
    interruption: Interruption, in place: (_ name: String) throws -> RunDirectory
  ) throws -> TrainingOutcome? {
    let opening = try opening(type, launched, reporter: reporter)
    let binding = opening.data
    try sayWhatIsHeldOut(binding, reporter)
    if dryRun {
      print(columns(binding.keys.map { ($0, binding.configuration[$0]?.description ?? "null") }, indent: 0))
      if let counts = ParameterCounts(type, binding.configuration, binding.facts.artefacts) {
        print("\n" + counts.summary)
      }
      return nil
    }
    let name =
      placement.name
      ?? [
        type.identity.name,
        data.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent } ?? "",
      ]
      .filter { !$0.isEmpty }.joined(separator: "-")
    let isFolderThere = placement.run.map(FileManager.default.fileExists(atPath:)) ?? false
    let run = try launched.map { try $0.run { try place(name) } } ?? place(name)
    do {
      return try Training.start(
        binding, in: run, preset: opening.preset, options: opening.options, from: opening.source,
        measuring: .by(), consent: opening.consent, reporter: reporter, interruption: interruption,
        processes: launched?.group)
    } catch {
      // A training that was refused leaves no empty run behind.
      if launched?.group.isFirst ?? true { run.removeIfEmpty(keepsFolder: isFolderThere) }
      throw error
    }
  }

  private func givenConsent() throws -> Consent? {
    try consent.map { try Consent(contentsOf: URL(fileURLWithPath: $0)) }
  }

  /// Says at the start what measuring will lack at the end.
  private func sayWhatIsHeldOut(_ binding: DataBinding, _ reporter: any ProgressReporter) throws {
    guard try !binding.holdsOut() else { return }
    reporter.say(
      "Nothing is held out, so that `atelier evaluate` will have nothing to measure on; --hold-out 0.1 keeps a tenth of "
        + "the data, `atelier data prepare split` divides them.")
  }

  private func apply(to options: inout TrainingOptions, _ launched: LaunchedProcesses?) throws {
    if let device = try MachineOptions.device(computing.device) { options.device = device }
    if let launched { options.device = launched.own(options.device) }
    if limits.steps != nil || limits.epochs != nil || limits.seconds != nil {
      options.steps = limits.steps
      options.epochs = limits.epochs
      options.seconds = limits.seconds
    }
    if let value = computing.seed { options.seed = value }
    if let value = computing.precision { options.precision = value }
    if let value = computing.threads { value.apply(to: &options) }
    if let value = computing.gradientClip { options.gradientClip = value }
    if let value = computing.accumulate { options.accumulate = value }
    if let value = placement.checkpointEvery { options.checkpointEvery = value }
    if let value = placement.keepLast { options.keepLast = value }
    if let value = placement.keepEvery { options.keepEvery = value }
    if let value = placement.previewEvery { options.previewEvery = value }
    if let value = placement.logEvery { options.logEvery = value }
    if let value = placement.health { options.health = HealthPolicy(value) }
    if let value = transfer.freezeDiscriminator { options.freezeDiscriminator = value }
    try validation.apply(to: &options)
  }

  private func bindingOptions(seed: Int, device: Device) throws -> DataBindingOptions {
    DataBindingOptions(
      seed: seed, device: device, workers: reading.workers,
      reading: ReadingOptions(
        fit: reading.fit ?? .centerCrop, labelColumn: reading.labelColumn,
        corruptImages: reading.corrupt ?? .skip,
        derivation: reading.derive, swapsDirection: reading.direction == .backwards,
        isSideBySide: reading.sideBySide, holdOut: try reading.heldOut(),
        scale: reading.range, buckets: reading.buckets),
      instances: reading.instances.map { URL(fileURLWithPath: $0) })
  }
}
