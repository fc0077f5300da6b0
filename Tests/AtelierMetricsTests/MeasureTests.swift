import AtelierMetrics
import Foundation
import Testing
import Torch

struct MeasureTests {
  @Test func aMeasureIsPrintedWithItsProtocol() {
    let measure = Measure("fréchet distance", 9.21, protocol: ["features": "pixels", "samples": "1000"])
    #expect(measure.description == "fréchet distance [features=pixels, samples=1000] = 9.21")
  }

  @Test func uncertaintyIsPrintedBehindTheNumber() {
    let measure = Measure(
      "label accuracy", 0.96123, standardError: 0.0061, deviation: 12.34567,
      interval: .init(lower: -0.00002908, upper: 1, confidence: 0.95))
    #expect(
      measure.description
        == "label accuracy = 0.9612 ± 0.0061 s.e. (deviation 12.3457) [95 % interval -2.908e-05 … 1]")
  }

  @Test func provenanceKeepsItsOrderAndReplacesValues() {
    var provenance: Provenance = ["features": "pixels", "samples": "10"]
    provenance["split"] = "test"
    provenance["samples"] = "20"
    provenance["features"] = nil
    #expect(provenance.fields.map(\.name) == ["samples", "split"])
    #expect(provenance["samples"] == "20")
    #expect(provenance.merging(["split": "train", "seed": "1"]).fields.map(\.value) == ["20", "train", "1"])
  }

  @Test func onlyMeasuresOfOneProtocolCompare() {
    let a = Measure("recall", 0.5, protocol: ["features": "pixels", "samples": "10", "tool": "1"])
    let b = Measure(
      "recall", 0.6, protocol: ["features": "pixels", "samples": "20", "seed": "3", "tool": "2"])
    #expect(a.differences(from: a).isEmpty)
    #expect(a.differences(from: b) == ["samples", "seed"])
    #expect(Measure("precision", 1).differences(from: Measure("recall", 1)) == ["name"])
  }

  @Test func aMeasureSurvivesJSON() throws {
    let measure = Measure(
      "kernel distance", -0.001, deviation: 0.5, interval: .init(lower: 0, upper: 1, confidence: 0.9),
      protocol: ["b": "1", "a": "2"])
    let data = try JSONEncoder().encode(measure)
    #expect(try JSONDecoder().decode(Measure.self, from: data) == measure)
  }

  @Test func onlyTheInceptionNetworkOfThePaperGivesFID() {
    #expect(frechetDistanceName(for: RawPixels()) == "fréchet distance")
    #expect(RawPixels().provenance == ["features": "pixels"])
  }

  @Test func bootstrapOfAMeanCoversItAndMatchesTheNormalTheory() throws {
    let values = (0..<400).map { sin(Double($0)) }
    let result = try bootstrapInterval(ofMean: values, resamples: 4000, using: RandomStream(seed: 1))
    let mean = values.reduce(0, +) / 400
    let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 400).squareRoot() / 20
    #expect(isClose(result.value, mean))
    #expect(abs(result.standardError / deviation - 1) < 0.05)
    #expect(abs((result.interval.upper - result.interval.lower) / (2 * 1.96 * deviation) - 1) < 0.06)
    #expect(result.interval.confidence == 0.95)
  }

  @Test func bootstrapOfAStatisticSeesResampledExamples() throws {
    let values = [1.0, 2, 3, 4, 100]
    let result = try bootstrapInterval(count: 5, resamples: 500, using: RandomStream(seed: 2)) { rows in
      rows.map { values[$0] }.sorted()[2]
    }
    #expect(result.value == 3)
    #expect(result.interval.lower >= 1 && result.interval.upper <= 100)
    #expect(result.standardError > 0)
    let again = try bootstrapInterval(count: 5, resamples: 500, using: RandomStream(seed: 2)) { rows in
      rows.map { values[$0] }.sorted()[2]
    }
    #expect(again == result)
  }

  @Test func aBootstrapOfNothingIsAnError() {
    #expect(throws: MetricError.self) { try bootstrapInterval(ofMean: [], using: RandomStream(seed: 0)) }
    #expect(throws: MetricError.self) {
      try bootstrapInterval(ofMean: [1], confidence: 1, using: RandomStream(seed: 0))
    }
  }
}
