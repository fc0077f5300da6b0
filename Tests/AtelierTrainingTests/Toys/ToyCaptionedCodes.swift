import Atelier
import Foundation

/// Images beside `captions.tsv`, a line `file<tab>words` each.
struct CaptionedImages: DataArrangement {
  static let words = "caption-words.json"
  let id = "captioned-images"

  func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let captions = try read(place)
    _ = try artefacts.value(Self.words) { Set(captions.values.joined()).sorted() }
    return try open(place, .train, opening, artefacts)
  }

  func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    guard let first = opening.fields.first, case .image(let channels, let height, let width, _) = first.kind
    else { throw DatasetError.invalid(reason: "the first field must be an image") }
    let images = try openDataset(
      at: place, split: split,
      preparation: ImagePreparation(height: height, width: width, channels: channels))
    guard let files = (images as? ImageDataset)?.files else {
      throw DatasetError.invalid(reason: "\(place.path) holds no image files")
    }
    let (captions, words) = (try read(place), try artefacts.decode([String].self, Self.words))
    // 0 is padding.
    let tokens = files.map { file in
      (captions[file.lastPathComponent] ?? []).compactMap { words.firstIndex(of: $0).map { $0 + 1 } }
    }
    return .examples(CaptionedDataset(images: images, captions: tokens))
  }

  func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool { true }

  func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    FieldNames(tokens: TokenNames(words: try artefacts.decode([String].self, Self.words), first: 1))
  }

  private func read(_ place: URL) throws -> [String: [String]] {
    let text = try String(contentsOf: place.appendingPathComponent("captions.tsv"), encoding: .utf8)
    var captions: [String: [String]] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "\t").map(String.init)
      captions[parts[0]] = parts[1].split(separator: " ").map(String.init)
    }
    return captions
  }
}

/// Images with captions in numbers.
struct CaptionedDataset: Dataset {
  let images: any Dataset
  let captions: [[Int]]
  var description: DatasetDescription { images.description }
  var count: Int { images.count }

  func example(at index: Int) throws(DatasetError) -> Example {
    var example = try images.example(at: index)
    example.fields["caption"] = HostTensor(captions[index])
    return example
  }

  func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try Example.padded(examples, ["caption": 0])
  }
}

/// Images from captions in two stages: a discrete code of the images' quarters, then the codes that belong to
/// a caption. The second stage stands on the first's network, with a batch size and fields of its own.
final class ToyCaptionedCodes: GenerativeSystem {
  struct Configuration: SystemConfiguration {
    var batchSize = 5
    var captionBatchSize = 3
    var codeSteps = 3
    var codes = 4
    var words = 2

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      let image = Field("image", .image(channels: 1, height: 8, width: 8, range: .signed))
      let caption = Field("caption", .sequence(vocabulary: words, longest: 9, padding: 0))
      return SystemPlan(
        stages: [
          Stage("codes", steps: codeSteps, data: DataPlan([image]), batchSize: batchSize),
          Stage(
            "captions", data: DataPlan([image, caption], CaptionedImages()), batchSize: captionBatchSize),
        ],
        conditions: [
          Condition("caption", .field(caption.kind), from: .data, help: "the caption; else any codes")
        ], outputs: [image])
    }
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(
    name: "toy-captioned-codes", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let codebook: Embedding
  private let words: Embedding
  private let predictor: Linear
  private let codeOptimizer: Adam
  private let captionOptimizer: Adam

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    codebook = Embedding(count: configuration.codes, features: 16, using: stream)
    words = Embedding(count: configuration.words, features: 5, using: stream)
    predictor = Linear(inputFeatures: 5, outputFeatures: 4 * configuration.codes, using: stream)
    codeOptimizer = Adam(codebook, learningRate: 0.1)
    captionOptimizer = Adam(predictor, learningRate: 0.05)
  }

  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    adapted.words = try data.artefacts.decode([String].self, CaptionedImages.words).count + 1
    return adapted
  }

  var networks: [Network] {
    [
      Network("codebook", codebook) { [codebook] _, inputs in
        ["values": codebook(try inputs.required("codes"))]
      },
      Network("words", words) { [words] _, inputs in ["values": words(try inputs.required("caption"))] },
      Network("predictor", predictor) { [predictor] _, inputs in
        ["logits": predictor(try inputs.required("values"))]
      },
    ]
  }
  var optimizers: [(name: String, optimizer: Optimizer)] {
    [("codebook", codeOptimizer), ("predictor", captionOptimizer)]
  }

  func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let quarters = Self.quarters(batch["image"])
    let codes = withoutGradients { Self.codes(quarters, entries) }
    if step.stage == "codes" {
      try step.update("codebook", codeOptimizer) { loss in
        loss.add("code", (codebook(codes) - quarters).square().mean())
      }
    } else {
      let mean = mean(batch["caption"])
      try step.update("predictor", captionOptimizer) { loss in
        let logits = predictor(mean).reshaped([-1, configuration.codes])
        loss.add("caption", crossEntropy(logits, codes.reshaped([-1])))
      }
    }
    step.log("batch", Tensor(scalar: Double(quarters.shape[0])))
  }

  /// `[batch, 4, 16]` of `[batch, 1, 8, 8]`.
  private static func quarters(_ images: Tensor) -> Tensor {
    images.reshaped([-1, 2, 4, 2, 4]).permuted([0, 1, 3, 2, 4]).reshaped([-1, 4, 16])
  }

  /// The mean of a caption's words.
  private func mean(_ caption: Tensor) -> Tensor {
    let isWord = caption.notEqual(0).asType(.float32).unsqueezed(2)
    return (words(caption) * isWord).sum(dims: [1]) / isWord.sum(dims: [1])
  }

  private var entries: Tensor { codebook(Tensor(Array(0..<configuration.codes))) }

  /// The nearest of the entries `[codes, 16]`, int64 `[batch, 4]`.
  private static func codes(_ quarters: Tensor, _ entries: Tensor) -> Tensor {
    let distances = (quarters.unsqueezed(2) - entries).square().sum(dims: [3])
    return (distances * -1).argmax(dim: 2)
  }

  /// `[batch, 1, 8, 8]` of codes `[batch, 4]`.
  private func images(_ codes: Tensor) -> Tensor {
    codebook(codes).reshaped([-1, 2, 2, 4, 4]).permuted([0, 1, 3, 2, 4]).reshaped([-1, 1, 8, 8])
  }

  func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let drawn = withoutGradients {
      guard let caption = request.tensor("caption") else {
        return images(request.draws.integers("codes", below: configuration.codes, [request.count, 4]))
      }
      return images(predictor(mean(caption)).reshaped([-1, 4, configuration.codes]).argmax(dim: 2))
    }
    try emit(Output("image", drawn))
  }
}

extension ToyCaptionedCodes: ReferenceAnswering {
  /// The codes of images under given entries.
  static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? {
    guard check.kind == "codes" else { return nil }
    try check.refuseSettings()
    let given = try inputs.tensors()
    return [
      "codes": .tensor(codes(quarters(try given.required("image")), try given.required("entries")))
    ]
  }
}

/// How far held-out images are from what their nearest codes give.
struct CodeError: Measure {
  static let id = "code-error"

  func applies(to plan: SystemPlan) -> Bool { plan.stages.contains { $0.name == "codes" } }

  func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system as? ToyCaptionedCodes,
      let batches = try context.data.batches(of: .train)
    else { return [] }
    let errors = batches.map(context.data.batch).map { system.codeError($0["image"]) }
    return [
      MeasuredNumber(
        id: Self.id, name: "code error", value: errors.reduce(0, +) / Double(errors.count), better: .smaller,
        provenance: context.provenance(part: "train"), protocolText: "mean square, mean of batches")
    ]
  }
}

extension ToyCaptionedCodes {
  /// The mean square of what images lose in codes.
  func codeError(_ image: Tensor) -> Double {
    (images(Self.codes(Self.quarters(image), entries)) - image).square().mean().item()
  }
}
