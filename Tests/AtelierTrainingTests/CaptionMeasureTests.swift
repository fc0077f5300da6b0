import Atelier
import Foundation
import TestSupport
import Testing

/// Measures of images drawn for captions, and of codes.
@Suite(.serialized) struct CaptionMeasureTests {
  private static let tiny: [String: ConfigurationValue] = [
    "imageSize": 8, "imageChannels": 1, "imageVocabularySize": 6, "codebookSize": 5, "downsamplings": 1,
    "residualBlocks": 0, "hiddenChannels": 4, "autoencoderSteps": 1, "autoencoderBatchSize": 4,
    "textLength": 6, "layers": 1, "embeddingSize": 12, "heads": 2, "headSize": 6, "batchSize": 4,
    "scorerSteps": 60, "scorerBatchSize": 16, "scorerSize": 16, "scorerLearningRate": 3e-3, "scorerHeads": 2,
    "scorerLayers": 1, "scorerChannels": 4, "scorerShift": 0,
  ]

  /// The numbers of a system that was trained for some steps.
  private func measured(
    steps: Int, _ more: [String: ConfigurationValue] = [:], _ measures: [String]
  ) throws -> (numbers: [MeasuredNumber], notes: [String]) {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeCaptioned(to: data, count: 120)
    let harness = try SystemHarness(DALLE.self, Self.tiny.merging(more) { $1 }, data: data)
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: steps))
    let (system, description) = try loadSystem(from: run.url, registry: SystemRegistry([DALLE.self]))
    let binding = try DataBinding.open(
      data, for: DALLE.self, configuration: try system.configuration.values(),
      artefacts: description.artefacts, options: DataBindingOptions())
    var notes: [String] = []
    let options = EvaluationOptions(
      samples: 100, weights: WeightStore(folder("no-weights")), shownExamples: 0)
    let numbers = try Evaluation(
      system, data: binding, options: options, measures: try MeasureList.standard.only(measures)
    ) { notes.append($0) }.run()
    return (numbers, notes)
  }

  @Test func imagesDrawnForCaptionsAreMeasuredBesideTheNearestCaption() throws {
    let (numbers, notes) = try measured(
      steps: 62,
      [:],
      [
        "reconstruction-error", "reconstruction-lpips", "codebook", "caption-frechet-distance",
        "caption-retrieval:captions=3",
      ])
    func number(_ id: String) throws -> MeasuredNumber { try #require(numbers.first { $0.id == id }) }
    #expect(try number("reconstruction-error-squared").value > 0)
    let usage = try number("codebook-usage")
    #expect((1.0 / 6...1).contains(usage.value) && usage.provenance["vocabulary"] == "6")
    let perplexity = try number("codebook-perplexity").value
    #expect(perplexity >= 1 && perplexity <= 6 * usage.value + 1e-9)
    let distance = try number("caption-frechet-distance")
    #expect(distance.name == "fréchet distance" && distance.provenance["features"] == "pixels")
    let nearest = try #require(distance.baselines?.first { $0.name == "nearest caption" })
    // Images of the same kinds against noise that an untrained transformer draws.
    #expect(nearest.value < distance.value)
    #expect(try #require(distance.realAgainstReal) < distance.value)
    let recall = try number("caption-retrieval-1")
    #expect(recall.baselines?.map(\.name) == ["nearest caption", "chance"])
    #expect(recall.baselines?.last?.value == 1.0 / 3 && recall.interval != nil)
    // Two captions say the same of the images of a kind, so that perfect recall cannot be had.
    #expect(try #require(recall.realAgainstReal) > 0.5)
    #expect(try #require(recall.baselines?.first?.value) > 0.5)
    #expect(!numbers.contains { $0.id == "caption-retrieval-5" })
    #expect(notes.contains { $0.contains("too small") } && notes.contains { $0.contains("Inception") })
  }

  @Test func withoutAScorerRetrievalIsLeftOutAndSaid() throws {
    let (numbers, notes) = try measured(steps: 2, ["scorerSteps": 0], ["codebook", "caption-retrieval"])
    #expect(numbers.map(\.id) == ["codebook-usage", "codebook-perplexity"])
    #expect(notes.contains { $0.contains("scorerSteps") })
  }

  @Test func usageAndPerplexityHaveClosedForms() {
    let (half, two) = codebookUse([3, 3, 0, 0])
    #expect(half == 0.5 && abs(two - 2) < 1e-12)
    let (whole, mixed) = codebookUse([1, 2, 1])
    // An entropy of 3/2 ln 2.
    #expect(whole == 1 && abs(mixed - 8.0.squareRoot()) < 1e-12)
    #expect(codebookUse([0, 7]).perplexity == 1)
  }

  @Test func equalScoresRankBehind() {
    #expect(captionRank(of: 0.5, among: [0.4, 0.5, 0.6, -1]) == 2)
    #expect(captionRank(of: 0.5, among: []) == 0 && captionRank(of: .nan, among: [0.1]) == 1)
  }

  @Test func theNearestCaptionSharesMostWordsForItsLength() {
    let index = CaptionIndex(["a red dog", "a dog", "the red dog and the cat", "snow", "A dog!"])
    #expect(index.nearest(to: "dog, red a") == 0)
    #expect(index.nearest(to: "a dog") == 1)
    #expect(index.nearest(to: "cat") == 2)
    #expect(index.nearest(to: "white SNOW") == 3)
    #expect(index.nearest(to: "nothing known") == 0)
  }
}
