import AtelierMetrics
import Foundation
import Testing
import Torch

struct RegistryTests {
  private let real = waves(12, 3, 0.7, 0.3, 0)
  private let fake = waves(10, 3, 1.1, 0.9, 0.2)

  @Test func everyNameRunsItsMetric() throws {
    let pair = ["real": real, "fake": fake]
    let distance = try MetricRegistry.run("frechetDistance", inputs: pair)
    #expect(isClose(distance["value"]?.item() ?? 0, 0.2901216849340913))
    var inputs = pair
    inputs["subsetReal"] = Tensor([0, 2, 4, 6, 1, 3, 5, 11], shape: [2, 4])
    inputs["subsetFake"] = Tensor([9, 8, 7, 0, 4, 2], shape: [2, 3])
    let cubic = try MetricRegistry.run(
      "kernelDistance", inputs: inputs,
      parameters: ["kernel": .string("poly"), "degree": .number(3), "gamma": .null, "offset": .number(1)])
    #expect(isClose(cubic["mean"]?.item() ?? 0, 0.2401288201953502))
    let square = try MetricRegistry.run(
      "kernelDistance", inputs: inputs,
      parameters: [
        "kernel": .string("poly"), "degree": .number(2), "gamma": .number(0.5), "offset": .number(2),
      ])
    #expect(isClose(square["deviation"]?.item() ?? 0, 2.0370556690121426))
    let gaussian = try MetricRegistry.run(
      "kernelDistance", inputs: inputs, parameters: ["kernel": .string("rbf"), "sigma": .number(1.5)])
    #expect(isClose(gaussian["mean"]?.item() ?? 0, 0.020897332420212966))
    let score = try MetricRegistry.run(
      "inceptionScore", inputs: ["logits": waves(7, 4, 0.7, 0.3, 0, scale: 3)],
      parameters: ["splits": .number(3)])
    #expect(isClose(score["mean"]?.item() ?? 0, 1.3580814839018884))
    let four = try MetricRegistry.run(
      "precisionRecallDensityCoverage", inputs: pair, parameters: ["neighbours": .number(2)])
    #expect(four.keys.sorted() == ["coverage", "density", "precision", "recall"])
    #expect(isClose(four["density"]?.item() ?? 0, 1.2))
    let two = try MetricRegistry.run("precisionRecall", inputs: pair, parameters: ["neighbours": .number(3)])
    #expect(two["recall"]?.item() == 1)
    let table = try MetricRegistry.run(
      "cosineNeighbours", inputs: ["query": fake, "database": real], parameters: ["neighbours": .number(3)])
    #expect(table["indices"]?.shape == [10, 3])
    #expect(table["indices"]?.dtype == .int64)
    #expect(table["distance"]?.shape == [10, 3])
  }

  @Test func whateverIsUnknownOrMissingIsAnErrorThatNamesIt() {
    func message(_ metric: String, _ inputs: [String: Tensor], _ parameters: [String: MetricParameter] = [:])
      -> String
    {
      sentence { _ = try MetricRegistry.run(metric, inputs: inputs, parameters: parameters) } ?? ""
    }
    let pair = ["real": real, "fake": fake]
    #expect(message("frechet", pair).contains("no metric “frechet”"))
    #expect(message("frechetDistance", ["real": real]).contains("needs the input “fake”"))
    #expect(message("frechetDistance", pair, ["k": .number(1)]).contains("no parameter “k”"))
    #expect(message("frechetDistance", ["real": real, "fake": fake, "x": real]).contains("no input “x”"))
    #expect(message("precisionRecall", pair, ["neighbours": .number(2.5)]).contains("whole number"))
    #expect(message("precisionRecall", pair, ["neighbours": .string("3")]).contains("must be a number"))
    #expect(message("precisionRecall", pair, ["neighbours": .number(99)]).contains("99 neighbours"))
    let subsets = [
      "real": real, "fake": fake, "subsetReal": Tensor([0, 1], shape: [1, 2]),
      "subsetFake": Tensor([0, 1], shape: [1, 2]),
    ]
    #expect(message("kernelDistance", subsets, ["kernel": .string("cosine")]).contains("“poly” or “rbf”"))
    #expect(
      message("kernelDistance", subsets, ["kernel": .string("rbf"), "sigma": .number(0)]).contains("above 0"))
  }

  @Test func parametersAreReadFromJSON() throws {
    let text = #"{"a": null, "b": 3, "c": "poly", "d": true, "e": [1, "x"], "f": 0.5}"#
    let parameters = try JSONDecoder().decode([String: MetricParameter].self, from: Data(text.utf8))
    let expected: [String: MetricParameter] = [
      "a": .null, "b": .number(3), "c": .string("poly"), "d": .bool(true),
      "e": .list([.number(1), .string("x")]),
      "f": .number(0.5),
    ]
    #expect(parameters == expected)
    let again = try JSONDecoder().decode(
      [String: MetricParameter].self, from: JSONEncoder().encode(parameters))
    #expect(again == expected)
  }
}
