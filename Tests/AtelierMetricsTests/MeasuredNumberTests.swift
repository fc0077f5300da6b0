import AtelierMetrics
import Foundation
import Testing
import Torch

struct MeasuredNumberTests {
  @Test func provenanceKeepsItsOrderAndReplacesValues() {
    var provenance: Provenance = ["features": "pixels", "samples": "10"]
    provenance["split"] = "test"
    provenance["samples"] = "20"
    provenance["features"] = nil
    #expect(provenance.fields.map(\.name) == ["samples", "split"])
    #expect(provenance["samples"] == "20")
    #expect(provenance.merging(["split": "train", "seed": "1"]).fields.map(\.value) == ["20", "train", "1"])
  }

  @Test func onlyNumbersOfOneProtocolCompare() {
    func number(_ name: String, _ provenance: Provenance) -> MeasuredNumber {
      MeasuredNumber(name: name, value: 0.5, better: .larger, provenance: provenance, protocolText: "")
    }
    let a = number("recall", ["features": "pixels", "samples": "10", "tool": "1", "seed": "3"])
    let b = number(
      "recall", ["features": "pixels", "samples": "20", "part": "test", "tool": "2", "seed": "4"])
    #expect(a.differences(from: a).isEmpty)
    #expect(a.differences(from: b) == ["samples", "part"])
    #expect(b.differences(from: a) == ["samples", "part"])
    #expect(number("precision", [:]).differences(from: number("recall", ["samples": "1"])) == ["name"])
  }

  @Test func aNumberSurvivesJSON() throws {
    let number = MeasuredNumber(
      id: "kernel-distance", name: "kernel distance", value: -0.001,
      interval: ConfidenceInterval(lower: 0, upper: 1, confidence: 0.9), better: .smaller,
      realAgainstReal: 0, baselines: [BaselineNumber(name: "input", value: 2)],
      provenance: ["b": "1", "a": "2"], protocolText: "p")
    let data = try JSONEncoder().encode(number)
    #expect(try JSONDecoder().decode(MeasuredNumber.self, from: data) == number)
  }

  @Test func anIntervalIsTwoNumbersInJSON() throws {
    let interval = ConfidenceInterval(lower: 0.5, upper: 2)
    #expect(String(decoding: try JSONEncoder().encode(interval), as: UTF8.self) == "[0.5,2]")
    #expect(try JSONDecoder().decode(ConfidenceInterval.self, from: Data("[0.5,2]".utf8)) == interval)
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
