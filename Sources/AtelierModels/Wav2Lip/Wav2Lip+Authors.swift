public import AtelierCore
public import AtelierData
public import Torch
import TorchNN

extension Wav2Lip {
  /// The networks with the names of the reference cases.
  func describe(_ quality: LipQuality) -> [Network] {
    [
      Network("generator", generator, authorsNames: LipGenerator.authorsNames) { [generator] _, inputs in
        let mel = try inputs.required("mel")
        let frames = Self.face(try inputs.required("frames"))
        guard let reference = inputs["reference"] else {
          // Single frames with their references in the channels.
          let height = frames.shape[2]
          let own = frames.narrow(1, from: 0, length: 3)
          let masked = Tensor.concatenated(
            [
              own.narrow(2, from: 0, length: height / 2),
              .zeros(like: own.narrow(2, from: height / 2, length: height - height / 2)),
            ], dim: 2)
          let input = Tensor.concatenated([masked, frames.narrow(1, from: 3, length: 3)], dim: 1)
          return ["image": generator(mel, input)]
        }
        let windows = frames.transposed(1, 2)
        let input = Self.input(masking: windows, reference: Self.face(reference).transposed(1, 2))
        let drawn = generator(Self.timeMajor(mel), input)
        return ["image": Self.batchMajor(drawn, frames: windows.shape[1]).transposed(1, 2)]
      },
      Network("sync", expert, authorsNames: SyncExpert.authorsNames, isForTraining: true) {
        [expert] _, inputs in
        let judged = expert(try inputs.required("mel"), Self.half(try inputs.required("frames")))
        return [
          "audio": judged.audio, "face": judged.face, "cosine": SyncExpert.cosine(judged.audio, judged.face),
        ]
      },
      Network("quality", quality, authorsNames: LipQuality.authorsNames, isForTraining: true) { _, inputs in
        let frames = Self.face(try inputs.required("frames"))
        return ["score": quality(Self.timeMajor(frames.transposed(1, 2)))]
      },
    ]
  }

  /// Faces of 96 × 96 from recordings that hold every so many pixels of them.
  static func face(_ x: Tensor) -> Tensor { enlargedRecording(x, height: Configuration.side) }

  /// Lower halves likewise.
  static func half(_ x: Tensor) -> Tensor { enlargedRecording(x, height: Configuration.side / 2) }

  private static func enlargedRecording(_ x: Tensor, height: Int) -> Tensor {
    let own = x.shape[x.rank - 2]
    guard own > 0, own < height, height % own == 0 else { return x }
    let images = x.reshaped([-1, 1, own, x.shape[x.rank - 1]])
    let large = enlarged(images, by: height / own)
    return large.reshaped(Array(x.shape.dropLast(2)) + [height, large.shape[3]])
  }

  /// Spectrograms of waveforms, and their pieces.
  public static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "features" else { return nil }
    try check.refuseSettings(knowing: ["parameters"])
    guard case .table(let parameters)? = check.settings["parameters"] else {
      throw ConfigurationError("the check '\(check.name)' names no feature")
    }
    let mel = try LipSpeech().mel(of: try inputs.tensors().required("waveform").flattened(from: 0))
    switch parameters["feature"] {
    case .string("wav2LipMel")?: return ["mel": .tensor(mel)]
    case .string("melPieces")?:
      let rate: Double
      switch parameters["framesPerSecond"] {
      case .integer(let value)?: rate = Double(value)
      case .number(let value)?: rate = value
      default: throw ConfigurationError("the check '\(check.name)' does not say its framesPerSecond")
      }
      guard rate > 0 else { throw ConfigurationError("framesPerSecond is above 0, not \(rate)") }
      let pieces = LipSpeech.pieces(of: mel, framesPerSecond: rate)
      var outputs = ["count": CaseValue.tensor(Tensor([pieces.count]))]
      outputs["third"] = pieces.count > 2 ? .tensor(pieces[2]) : nil
      outputs["last"] = pieces.last.map { .tensor($0) }
      return outputs
    default:
      throw ConfigurationError(
        "wav2lip has no feature '\(parameters["feature"]?.description ?? "")'; it has wav2LipMel and melPieces"
      )
    }
  }

  /// Recorded windows: pieces of the generator lie three columns apart, the expert's is that of the second frame.
  public static func recordedSteps(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> [RecordedStep]? {
    let frames = try inputs.required("frames")
    return try (0..<frames.shape[0]).map { index in
      func recorded(_ name: String) throws -> Tensor {
        try inputs.required(name).selected(dim: 0, index: index)
      }
      guard inputs["melSequence"] != nil else {
        return RecordedStep(batches: [
          Batch([
            "lips": half(try recorded("frames")), "mel": try recorded("mel"), "label": try recorded("label"),
          ])
        ])
      }
      let sequence = try recorded("melSequence")
      let mels = (0..<Configuration.window).map {
        sequence.narrow(2, from: 3 * $0, length: LipSpeech.columns)
      }
      return RecordedStep(batches: [
        Batch([
          "frames": face(try recorded("frames")).transposed(1, 2),
          Videos.reference: face(try recorded("reference")).transposed(1, 2),
          "pieces": Tensor.stacked(mels, dim: 1),
        ])
      ])
    }
  }
}

extension Wav2Lip: ImportingSystem {
  /// What the authors' programs save.
  public static var foreignFiles: String {
    "wav2lip.pth, wav2lip_gan.pth, lipsync_expert.pth and visual_quality_disc.pth of Rudrabha/Wav2Lip (keys state_dict)"
  }

  /// What the authors say of their code and weights.
  public static var foreignLicence: WeightLicence? {
    WeightLicence(
      "none stated; personal, research and non-commercial use only (Rudrabha/Wav2Lip)",
      allowsCommercialUse: false)
  }

  /// Tells all networks by names and shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var model = try ForeignModel(
      files.map { file in
        ForeignTensors(file).renaming { name in
          var rest = Substring(name)
          for prefix in ["state_dict.", "module."] where rest.hasPrefix(prefix) {
            rest = rest.dropFirst(prefix.count)
          }
          return String(rest)
        }
      }, of: Self.self
    ) { file in
      if file.has("binary_pred.0.weight") { return "quality" }
      if file.has("face_decoder_blocks.0.0.conv_block.0.weight") { return "generator" }
      return file.has("face_encoder.0.conv_block.0.weight") ? "sync" : nil
    }
    _ = try model.required("generator", of: Self.self)
    func widths(_ file: ForeignTensors, _ names: [String]) throws -> ConfigurationValue {
      .list(try names.map { .integer(try file.side($0 + ".conv_block.0.weight", 0)) })
    }
    try model.tell(from: "generator") { file in
      let encoder = try (0..<5).map { try file.side("face_encoder_blocks.\($0).0.conv_block.0.weight", 0) }
      let middle = try file.side("face_decoder_blocks.3.1.conv_block.0.weight", 0)
      let last = try file.side("face_encoder_blocks.5.0.conv_block.0.weight", 0)
      return [
        "channels": .list((encoder + [middle, last]).map { .integer($0) }), "expertSteps": .integer(0),
      ]
    }
    try model.tell(from: "sync") { file in
      ["syncChannels": try widths(file, [0, 1, 4, 8, 11].map { "face_encoder.\($0)" })]
    }
    try model.tell(from: "quality") { file in
      ["qualityChannels": try widths(file, (0..<5).map { "face_encoder_blocks.\($0).0" })]
    }
    return model
  }
}
