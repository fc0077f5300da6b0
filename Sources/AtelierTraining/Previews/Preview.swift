public import AtelierCore
public import AtelierData
import AtelierGeneration
import AtelierMedia
public import Foundation
public import Torch
public import TorchNN

/// Something that is shown of a system while it trains, as files in the run's `samples` folder and in
/// TensorBoard.
///
/// A preview decides by the plan alone whether it applies and how many examples it needs, and finds in the
/// context what it draws from. The random numbers and the examples are the same at every step, so that a row of
/// previews shows training and nothing else.
public protocol Preview: Sendable {
  /// What it is named by.
  static var id: String { get }

  /// Whether it shows anything of systems of this plan.
  func applies(to plan: SystemPlan) -> Bool

  /// How many held-out examples it draws from at most; by default none.
  func exampleCount(for plan: SystemPlan) -> Int

  /// Draws and writes, in drawing mode (`GenerativeSystem.drawing(_:)`).
  ///
  /// It writes nothing where the stage that training is in has no examples of what it needs.
  func paint(_ context: PreviewContext) throws
}

extension Preview {
  /// None.
  public func exampleCount(for plan: SystemPlan) -> Int { 0 }
}

/// Previews in the order in which they are drawn.
public struct PreviewList: Sendable {
  /// The previews.
  public private(set) var previews: [any Preview] = []

  /// A list of some previews; of several with one id the last one counts, in the first one's place.
  public init(_ previews: [any Preview]) {
    for preview in previews { add(preview) }
  }

  /// Adds a preview at the end, or in the place of the one that has its id.
  public mutating func add(_ preview: any Preview) {
    let id = type(of: preview).id
    if let place = previews.firstIndex(where: { type(of: $0).id == id }) {
      previews[place] = preview
    } else {
      previews.append(preview)
    }
  }

  /// This list with one preview more.
  public func adding(_ preview: any Preview) -> PreviewList {
    var list = self
    list.add(preview)
    return list
  }

  /// The previews that show something of systems of a plan.
  func applying(to plan: SystemPlan) -> [any Preview] { previews.filter { $0.applies(to: plan) } }

  /// Every preview that Atelier has.
  public static let standard = PreviewList([
    ReconstructionPreview(), TranslationPreview(), CaptionPreview(), OutputPreview(), AlignmentPreview(),
    SoundPreview(), VoicePreview(), AnimationPreview(), PlayPreview(), FramePreview(), TextClassPreview(),
  ])
}

/// What a preview draws from, and where it leaves what it drew.
public final class PreviewContext {
  /// The system, in drawing mode.
  public let system: any GenerativeSystem
  /// What the system is.
  public let plan: SystemPlan
  /// The stage that training is in.
  public let stage: String
  /// Steps done.
  public let step: Int
  /// The settings of the training.
  public let options: TrainingOptions
  /// The same random numbers at every step; previews use them one after the other.
  public let draws: any Draws
  private let source: PreviewExamples
  private let run: RunDirectory
  private let board: EventFileWriter?
  /// What was written.
  private(set) var files: [URL] = []
  /// What the health watch looks at; see ``observe(_:groups:)``.
  private(set) var observed: (samples: Tensor, groups: [Int])?

  init(
    _ system: any GenerativeSystem, stage: String, step: Int, options: TrainingOptions, draws: any Draws,
    source: PreviewExamples, run: RunDirectory, board: EventFileWriter?
  ) {
    self.system = system
    plan = system.plan
    self.stage = stage
    self.step = step
    self.options = options
    self.draws = draws
    self.source = source
    self.run = run
    self.board = board
  }

  /// The classes' names.
  public var classNames: [String] { source.facts.description.classNames }
  /// The classes' colours, where label maps are drawn in some.
  public var classColours: [[UInt8]] { source.facts.description.classColours ?? [] }

  /// The held-out examples that previews draw from, of the stage's data, or where it has none of the first
  /// data that have some; nil where there are none.
  ///
  /// - Parameter count: how many at most.
  public func examples(_ count: Int) -> PreviewExamples.Examples? {
    count > 0 ? (source.examples[stage] ?? source.first)?.prefix(count) : nil
  }

  /// How values of a field are shown and written, with the names that its data give.
  public func codec(_ field: Field) throws -> FieldCodec {
    FieldCodec(
      field.kind, names: try plan.names(of: field, source.facts.description, source.facts.artefacts))
  }

  // MARK: Leaving behind

  /// Writes `samples/step-…<suffix>` and a value of the same in TensorBoard.
  ///
  /// - Parameters:
  ///   - suffix: what follows the step in the file's name: empty, or `-reconstruction`.
  ///   - tag: the name in TensorBoard.
  public func write(_ shown: FieldCodec.Shown, suffix: String = "", tag: String) throws {
    let stem = run.samples.appendingPathComponent(RunDirectory.stepName(step) + suffix)
    switch shown {
    case .image(let sheet):
      let png = try ImageCodec().encode(sheet, as: .png)
      try keep(png, stem, "png")
      try board?.write(
        picture: png, width: sheet.width, height: sheet.height, channels: sheet.channels, name: tag,
        step: step)
    case .audio(let audio):
      let wav = try AudioCodec().encode(audio, as: .wav)
      try keep(wav, stem, "wav")
      try board?.write(audio, wav: wav, name: tag, step: step)
    case .video(let frames, let rate):
      let codec = FieldCodec(.text)
      guard codec.ffmpeg.isAvailable, let first = frames.first else {
        // Frames side by side are what can be looked at without a player.
        return try write(
          .image(ImageGrid(columns: min(frames.count, 8)).render(frames)), suffix: suffix, tag: tag)
      }
      try keep(try codec.film(frames, rate, as: "mp4"), stem, "mp4")
      // A GIF has at most 50 frames a second.
      let every = max(1, Int((rate.value / 50).rounded(.up)))
      let kept = stride(from: 0, to: frames.count, by: every).map { frames[$0] }
      let slower = FrameRate(rate.numerator, rate.denominator * every) ?? rate
      let gif = try codec.film(kept, slower, as: "gif")
      try board?.write(video: gif, width: first.width, height: first.height, name: tag, step: step)
    case .text(let text):
      try keep(Array(text.utf8), stem, "txt")
      // Indented text is Markdown's for text as it is.
      let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map {
        "    " + $0
      }
      try board?.write(text: lines.joined(separator: "\n"), name: tag, step: step)
    }
  }

  private func keep(_ bytes: [UInt8], _ stem: URL, _ ending: String) throws {
    let file = stem.appendingPathExtension(ending)
    try AtomicFile.write(Data(bytes), to: file)
    files.append(file)
  }

  /// Has the health watch look at samples for their diversity; of several calls the last one counts.
  ///
  /// - Parameters:
  ///   - samples: `[count, …]`.
  ///   - groups: the condition of each: samples of different conditions are not compared.
  public func observe(_ samples: Tensor, groups: [Int]) { observed = (samples, groups) }
}

/// Draws the previews of a run.
struct PreviewPainter {
  let run: RunDirectory
  let options: TrainingOptions
  let previews: [any Preview]
  let source: PreviewExamples

  /// Draws and writes `samples/step-…`.
  ///
  /// Networks are in their drawing mode meanwhile; see `drawing(_:)`.
  func paint(
    _ system: any GenerativeSystem, stage: String, step: Int, board: EventFileWriter?
  ) throws -> PreviewContext {
    let stream = RandomStream(seed: UInt64(options.seed), purpose: "preview")
    let draws = StreamDraws(stream, device: options.device)
    let context = PreviewContext(
      system, stage: stage, step: step, options: options, draws: draws, source: source, run: run,
      board: board)
    try RunDirectory.makeFolder(run.samples)
    try withTensorErrors {
      try system.drawing {
        try withDraws(draws) { for preview in previews { try preview.paint(context) } }
      }
    }
    return context
  }
}
