public import AtelierData
public import Perception
public import Torch
public import TorchNN

/// A spectrogram of whole utterances from which a sound can be made again.
public protocol VoiceFrontEnd: UtteranceFeatures {
  /// The form of the spectrogram.
  var spectrogram: MelSpectrogram { get }
}

extension VoiceFrontEnd {
  /// The spectrogram's.
  public var sampleRate: Int { spectrogram.filters.sampleRate }
  /// The spectrogram's.
  public var bands: Int { spectrogram.filters.bands }
  /// Half a frame, which the signal is continued by at its ends, and one sample.
  public var shortest: Int { spectrogram.filters.transformSize / 2 + 1 }
}

/// The voice of one speaker in the words of another. The functions are those of ``VoiceConvertingSystem``.
public struct VoiceConversion: Ability {
  /// What must be known of the voice that is given.
  public enum SourceVoice: Sendable, Hashable {
    /// Nothing.
    case any
    /// Which of the training's speakers it is.
    case speaker
    /// It is told from the sound itself where no speaker is named.
    case sound
  }

  /// How sounds become spectrograms.
  public var frontEnd: any VoiceFrontEnd
  /// The field of training spectrograms, which is an output too.
  public var mel: String
  /// The field of training speakers.
  public var speaker: String
  /// How many speakers there are.
  public var speakers: Int
  /// What must be known of the voice that is given.
  public var source: SourceVoice
  /// Whether a recording may stand for a speaker that the training did not have.
  public var takesRecordings: Bool

  /// Describes the conversion.
  public init(
    frontEnd: any VoiceFrontEnd, mel: String = "mel", speaker: String = "speaker", speakers: Int,
    source: SourceVoice, takesRecordings: Bool
  ) {
    (self.frontEnd, self.mel, self.speaker, self.speakers) = (frontEnd, mel, speaker, speakers)
    (self.source, self.takesRecordings) = (source, takesRecordings)
  }

  /// The condition of the sound that is given.
  public static let signal = "signal"
  /// The condition of the speaker to come to.
  public static let target = "target"
  /// The condition of the speaker to start from.
  public static let origin = "source"
  /// The condition of a recording of the voice to come to.
  public static let reference = "reference"
  /// The output of the sound.
  public static let converted = "converted"

  private var sound: FieldKind {
    .audio(channels: 1, samples: frontEnd.sampleRate, sampleRate: frontEnd.sampleRate)
  }

  /// What a request may hold.
  public var conditions: [Condition] {
    var conditions = [
      Condition(Self.signal, .field(sound), isRequired: true, help: "the speech to convert"),
      Condition(
        Self.target, .label(classes: speakers), isRequired: !takesRecordings,
        help: "the speaker to convert into"),
    ]
    if source != .any {
      conditions.append(
        Condition(
          Self.origin, .label(classes: speakers), isRequired: source == .speaker,
          help: source == .speaker
            ? "the speaker who is heard" : "the speaker who is heard; else his voice is told from the sound"))
    }
    if takesRecordings {
      conditions.append(
        Condition(
          Self.reference, .field(sound),
          help: "a recording of the voice to convert into, in place of a speaker"))
    }
    return conditions
  }

  /// What the system gives: a sound, or its spectrogram.
  public func outputs(frames: Int) -> [Field] {
    [Field(Self.converted, sound), Field(mel, .spectrogram(bands: frontEnd.bands, frames: frames))]
  }
}

/// A voice.
public enum Voice {
  /// One of the training's speakers.
  case speaker(Int)
  /// Mono samples of any speaker at the front end's rate.
  case recording([Float])
}

/// How voices are converted.
public struct VoiceDrawing: Settings {
  /// Rounds of Griffin and Lim's algorithm, which makes a sound of the spectrogram.
  public var iterations = 60
  /// The momentum of these rounds, 0 to below 1.
  public var momentum = 0.99
  /// Whether the spectrogram is given in place of a sound, for a vocoder.
  public var givesSpectrogram = false

  /// 60 rounds.
  public init() {}

  /// Refuses what makes no sound.
  public func validate() throws(ConfigurationError) {
    try Checks.positive(["iterations": iterations])
    try Checks.belowOne(["momentum": momentum])
  }
}

/// A system that converts voices; its plan has ``VoiceConversion``, and its settings of drawing are ``VoiceDrawing``.
public protocol VoiceConvertingSystem: GenerativeSystem {
  /// Spectrograms `[n, bands, frames]` as the training's field holds them in another voice, with as many frames; networks
  /// in evaluation mode.
  ///
  /// - Parameter source: the voice that is heard; nil where it does not matter.
  func converted(_ mel: Tensor, from source: Voice?, to target: Voice) throws -> Tensor

  /// The front end's spectrograms `[n, bands, frames]` as the training's field holds them; by default as they are.
  func scaled(_ mel: Tensor) -> Tensor

  /// The inverse of ``scaled(_:)``.
  func unscaled(_ mel: Tensor) -> Tensor
}

extension VoiceConvertingSystem {
  /// As they are.
  public func scaled(_ mel: Tensor) -> Tensor { mel }

  /// As they are.
  public func unscaled(_ mel: Tensor) -> Tensor { mel }

  /// One utterance in another voice, as long as it was.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let ability = plan.ability(VoiceConversion.self) else {
      throw ConfigurationError("\(Self.identity.name) does not say what it converts")
    }
    let settings = try request.sampling(as: VoiceDrawing.self)
    let signal = try request.required(VoiceConversion.signal)
    guard signal.shape[0] == 1 else {
      throw ConfigurationError(
        "\(Self.identity.name) converts one utterance at a time, not \(signal.shape[0])")
    }
    let samples = Self.samples(signal)
    let target = try target(of: request, ability)
    let source: Voice? =
      if let speaker = try speaker(VoiceConversion.origin, of: request, ability) {
        .speaker(speaker)
      } else {
        ability.source == .sound ? .recording(samples) : nil
      }
    let heard = Tensor(try ability.frontEnd(samples), device: device).unsqueezed(0)
    let made = unscaled(try converted(scaled(heard), from: source, to: target)).asType(.float32)
    guard !settings.givesSpectrogram else { return try emit(Output(ability.mel, made)) }
    let sound = try ability.sound(of: made, samples: samples.count, settings, draws: request.draws)
    try emit(Output(VoiceConversion.converted, sound.unsqueezed(0)))
  }

  private static func samples(_ sound: Tensor) -> [Float] {
    sound.selected(dim: 0, index: 0).mean(dims: [0]).to(.cpu).contiguous().host().floats()
  }

  private func speaker(_ name: String, of request: Request, _ ability: VoiceConversion) throws -> Int? {
    guard let speaker = request.labels(name)?.first else { return nil }
    guard (0..<ability.speakers).contains(speaker) else {
      throw ConfigurationError("there is no speaker \(speaker); the speakers are 0 … \(ability.speakers - 1)")
    }
    return speaker
  }

  private func target(of request: Request, _ ability: VoiceConversion) throws -> Voice {
    let recording = request.tensor(VoiceConversion.reference)
    let speaker = try speaker(VoiceConversion.target, of: request, ability)
    switch (speaker, recording) {
    case (let speaker?, nil): return .speaker(speaker)
    case (nil, let recording?): return .recording(Self.samples(recording))
    case (nil, nil):
      throw ConfigurationError(
        "the conditions '\(VoiceConversion.target)' and '\(VoiceConversion.reference)' are missing; one of them says whose "
          + "voice it becomes")
    default:
      throw ConfigurationError(
        "the conditions '\(VoiceConversion.target)' and '\(VoiceConversion.reference)' both say whose voice it becomes; "
          + "choose one")
    }
  }
}

extension VoiceConversion {
  /// Samples `[1, samples]` of a front end's spectrogram `[1, bands, frames]` by Griffin and Lim's algorithm.
  ///
  /// - Parameter samples: how many there are.
  package func sound(
    of mel: Tensor, samples: Int, _ settings: VoiceDrawing, draws: any Draws
  ) throws -> Tensor {
    let form = frontEnd.spectrogram
    // One frame more, so that the last samples, which lie behind the last frame, are made too.
    let longer = mel.replicationPadded([0, 1])
    let phase = draws.uniform("phase", [1, form.filters.transformSize / 2 + 1, longer.shape[2]])
    let made = form.signal(
      of: longer, iterations: settings.iterations, momentum: settings.momentum, phase: phase)
    let missing = samples - made.shape[1]
    return missing > 0 ? made.padded([0, missing]) : made.narrow(1, from: 0, length: samples)
  }
}
