internal import AtelierMedia
public import Foundation
public import Torch

/// Images with captions: every caption of an image is an example with it, as tokens padded in a batch to its longest.
public struct CaptionedImages: DataArrangement {
  /// The artefact of the captions' tokens.
  public static let artefact = "caption-vocabulary.json"

  /// `captioned-images`
  public let id = "captioned-images"
  /// The field of the images.
  public var image: String
  /// The field of the captions.
  public var text: String
  /// How captions are read.
  public var rule: SentenceVocabulary.Rule
  /// A token that occurs less often in training is unknown.
  public var minimumCount: Int
  /// The most tokens of a caption; longer ones are cut off.
  public var longest: Int

  /// Captioned images of the given fields.
  public init(image: String, text: String, rule: SentenceVocabulary.Rule, minimumCount: Int, longest: Int) {
    (self.image, self.text, self.rule) = (image, text, rule)
    (self.minimumCount, self.longest) = (minimumCount, longest)
  }

  /// The vocabulary.
  public var numberingArtefacts: [String] { [Self.artefact, SentenceVocabulary.modelName(Self.artefact)] }

  /// Opens the training part, and adds the vocabulary as an artefact.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let pictures = try openTaggedImages(at: place)
    _ = try artefacts.sentenceVocabulary(Self.artefact) {
      try SentenceVocabulary(
        of: pictures.pictures.flatMap { $0.captions }, rule,
        specials: SentenceVocabulary.Specials(padding: 0, start: 1, end: 2), minimumCount: minimumCount)
    }
    return try part(pictures, .train, opening, artefacts)
  }

  /// The part in the tokens of the artefact.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    try part(openTaggedImages(at: place, split: split), split, opening, artefacts)
  }

  /// The tokens of captions.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    guard field.name == text else { return FieldNames() }
    return FieldNames(tokens: TokenNames(try artefacts.sentenceVocabulary(Self.artefact)))
  }

  /// The tokens of a caption, without those that begin and end a sentence.
  public static func tokens(of caption: String, _ vocabulary: SentenceVocabulary) -> [Int] {
    // What a caption is in the data: its words alone.
    let words = TaggedImageSet.words(of: caption).joined(separator: " ")
    return Array(vocabulary.encode(words).dropFirst().dropLast())
  }

  private func part(
    _ pictures: TaggedImageSet, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let preparations = opening.fields.compactMap { field -> ImagePreparation? in
      guard case .image(let channels, let height, let width, _) = field.kind else { return nil }
      return ImagePreparation(height: height, width: width, channels: channels, fit: opening.reading.fit)
    }
    guard let preparation = preparations.first else {
      throw DatasetError.invalid(reason: "the system takes no images, and \(pictures.name) holds some")
    }
    return .examples(
      try CaptionedImageDataset(
        pictures, split, preparation, try artefacts.sentenceVocabulary(Self.artefact),
        fields: (image, text), longest: longest, options: opening.reading.datasetOptions))
  }
}

/// Images, each with one of its captions as tokens.
public struct CaptionedImageDataset: Dataset {
  /// What the data are.
  public let description: DatasetDescription
  /// The examples: an image, and a caption of it.
  private let captions: [(picture: TaggedImageSet.Picture, text: String)]
  private let tokens: [[Int]]
  private let preparation: ImagePreparation
  private let fields: (image: String, text: String)
  private let codec: ImageCodec
  /// The bits of an image's values: 8, uint8, or 16, int32.
  private let depth: Int

  init(
    _ data: TaggedImageSet, _ split: DatasetSplit, _ preparation: ImagePreparation,
    _ vocabulary: SentenceVocabulary, fields: (image: String, text: String), longest: Int,
    options: DatasetOptions
  ) throws(DatasetError) {
    captions = data.pictures.flatMap { picture in picture.captions.map { (picture: picture, text: $0) } }
    guard !captions.isEmpty else { throw .invalid(reason: "\(data.name): no image has a caption") }
    let all = captions.map { CaptionedImages.tokens(of: $0.text, vocabulary) }
    tokens = all.map { Array($0.prefix(longest)) }
    var notes = data.notes
    let long = all.count { $0.count > longest }
    if long > 0 {
      notes.append(
        "\(long) of \(all.count) captions have more than \(longest) tokens and are cut off; raise textLength."
      )
    }
    description = DatasetDescription(
      layout: .captions, name: data.name, split: split, count: captions.count, imageShape: preparation.shape,
      fingerprint: data.fingerprint, notes: notes)
    self.preparation = preparation
    self.fields = fields
    (codec, depth) = (options.codec, options.depth)
  }

  /// The number of captions.
  public var count: Int { captions.count }

  /// The image, uint8 or at a depth of 16 bits int32 `[channels, height, width]`, and the caption's tokens, int64.
  public func example(at index: Int) throws(DatasetError) -> Example {
    guard captions.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(captions.count)")
    }
    let picture = captions[index].picture
    let image = try picture.image(by: codec)
    do throws(ImageError) {
      return Example([
        fields.image: try preparation(image, depth: depth).hostTensor(depth: depth),
        fields.text: HostTensor(tokens[index]),
      ])
    } catch {
      throw .unreadable(picture.place, error)
    }
  }

  /// Pads captions to the longest of the batch.
  public func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try collate(examples, atLeast: [:])
  }

  /// Pads captions to the longest of the batch that the examples are a part of.
  public func collate(
    _ examples: [Example], atLeast lengths: [String: Int]
  ) throws(DatasetError) -> [String: HostTensor] {
    try Example.padded(examples, [fields.text: 0], atLeast: lengths)
  }

  /// The tokens of the caption.
  public func lengths(of index: Int) -> [String: Int] { [fields.text: tokens[index].count] }

  /// Each image once.
  public func examplesToShow(_ limit: Int) -> [Int]? {
    var shown: [Int] = []
    func place(_ index: Int) -> String { captions[index].picture.place }
    for index in captions.indices where shown.last.map({ place($0) != place(index) }) ?? true {
      guard shown.count < limit else { break }
      shown.append(index)
    }
    return shown
  }

  /// The caption.
  public func title(of index: Int) -> String? { captions[index].text }
}

extension TaggedImageSet.Picture {
  /// What is written about the image, a sentence each.
  var captions: [String] { sentences.map { $0.joined(separator: " ") } }
}
