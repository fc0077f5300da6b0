import Atelier
package import AtelierCore

/// The words behind `atelier generate RUN` with which a system draws something, as they are suggested once it is trained: with
/// the inputs, conditions and voices that it cannot do without. Files have names such as `image.png`, to be replaced.
package struct SuggestedDrawing {
  /// The words, not yet quoted for a shell.
  package private(set) var words: [String] = []
  private let plan: SystemPlan
  /// Conditions that inputs or options of their own give.
  private var given: Set<String> = []

  /// - Parameters:
  ///   - classes: what the classes or speakers of the model are called; empty where they have no names.
  ///   - sides: what the two sides of an image translation are called; nil where they have no names.
  package init(_ plan: SystemPlan, classes: [String], sides: [String]?) {
    self.plan = plan
    if plan.startsFromImages {
      translate(to: sides?.last)
    } else if let animation = plan.ability(ImageAnimation.self) {
      start(from: "image.png", as: animation.source)
      give(animation.driving, "driving.mp4")
      words += ["--output", "result.mp4"]
    } else if let dubbing = plan.ability(FaceDubbing.self) {
      start(from: "face.mp4", as: dubbing.frames)
      give(dubbing.speech.field, "speech.wav")
      words += ["--output", "result.mp4"]
    } else if let playing = plan.ability(VideoPlaying.self) {
      start(from: "first.png", as: playing.first)
      given.insert("actions")
      // Names of actions are words or numbers, and numbers are always understood.
      words += ["--actions", "0*12", "--output", "result.mp4"]
    } else if let frames = plan.ability(FrameTranslation.self) {
      start(from: "frames", as: frames.source)
      words += ["--output", "result.mp4"]
    } else if let detection = plan.ability(FakeDetection.self) {
      start(from: "video.mp4", as: detection.image)
    } else if plan.ability(Tagging.self) != nil {
      start(from: "image.png", as: "feature")
    } else if let sentences = plan.ability(SentenceTranslation.self) {
      start(from: "sentences.txt", as: sentences.source)
      words += ["--output", "result.txt"]
    } else if let sounds = plan.ability(SoundTranslation.self) {
      start(from: "sound.wav", as: sounds.source)
      words += ["--output", "result.wav"]
    } else if let voices = plan.ability(VoiceConversion.self) {
      convert(voices, classes)
    } else {
      draw(classes)
    }
    for condition in plan.conditions where condition.isRequired && !given.contains(condition.name) {
      give(condition.name, Self.value(of: condition, classes))
    }
  }

  /// Whether the words give a condition.
  package func gives(_ condition: String) -> Bool { given.contains(condition) }

  private mutating func start(from file: String, as condition: String) {
    words.append(file)
    given.insert(condition)
  }

  private mutating func give(_ condition: String, _ value: String) {
    words += ["--condition", "\(condition)=\(value)"]
    given.insert(condition)
  }

  private mutating func translate(to side: String?) {
    words += ["image.png", "--output", "result.png"]
    given.formUnion(plan.ability(ImageTranslation.self)?.directions.map(\.source) ?? [])
    if let passcode = plan.ability(PasscodeTransformation.self) {
      // Marks and lossy formats spoil the way back.
      words += ["--anonymise", "--no-mark"]
      given.insert(passcode.condition)
    }
    if plan.ability(FaceAnonymization.self) != nil {
      // They say where the face is, and one of them alone does not.
      for condition in plan.conditions where condition.liesOnSource && condition.origin == .user {
        give(condition.name, condition.name + ".png")
      }
    }
    if let style = plan.condition("style"), style.isRequired {
      words += ["--style", "style.png"]
      given.insert(style.name)
    }
    if let side { words += ["--to", side] }
  }

  private mutating func convert(_ ability: VoiceConversion, _ speakers: [String]) {
    start(from: "speech.wav", as: VoiceConversion.signal)
    words += ["--to", speakers.last ?? (ability.takesRecordings ? "voice.wav" : "0")]
    given.formUnion([VoiceConversion.target, VoiceConversion.reference])
    if ability.source == .speaker {
      words += ["--from", speakers.first ?? "0"]
      given.insert(VoiceConversion.origin)
    }
    words += ["--output", "result.wav"]
  }

  private mutating func draw(_ classes: [String]) {
    if plan.ability(LatentDecoding.self) != nil, let features = plan.condition("features"),
      features.isRequired
    {
      words += ["--instance", "image.png"]
      given.insert(features.name)
    } else if case .label? = plan.condition("label")?.kind, let name = classes.first {
      words += ["--class", name]
      given.insert("label")
    } else if plan.condition("prompt")?.kind == .text {
      words += ["--prompt", "…"]
      given.insert("prompt")
    }
    if plan.drawsMany, !plan.outputs.allSatisfy({ $0.kind == .text }) { words += ["--count", "16"] }
  }

  /// What a condition may be given as.
  private static func value(of condition: Condition, _ classes: [String]) -> String {
    switch condition.kind {
    case .text: return "…"
    case .label: return classes.first ?? "0"
    case .tensor: return condition.name + ".safetensors"
    case .field(let kind):
      switch kind {
      case .image, .labelMap: return condition.name + ".png"
      case .audio: return condition.name + ".wav"
      case .video: return condition.name + ".mp4"
      case .labelMaps: return condition.name
      case .features, .spectrogram: return condition.name + ".safetensors"
      case .label, .labels, .tokens, .sequence, .text: return condition.name + ".txt"
      }
    }
  }
}
