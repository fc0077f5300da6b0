import AtelierMetrics
import Foundation
import Perception
import Testing
import Torch
import TorchNN

struct FeatureTests {
  /// Images of three classes that differ in where they are bright, as bytes.
  private func stripes(_ count: Int, channels: Int = 1, size: Int = 8, seed: UInt64) throws
    -> ClassifierTraining.Examples
  {
    let stream = RandomStream(seed: seed)
    let labels = stream.integers(below: 3, [count])
    let rows = Tensor.arange(size).reshaped([1, 1, size, 1])
    let band = (rows * Tensor([3]) - labels.reshaped([count, 1, 1, 1]) * Tensor([size])).asType(.float32)
    let bright = band.greaterOrEqual(0).logicalAnd(band.less(Double(size))).asType(.float32)
    let noise = stream.uniform([count, channels, size, size])
    return try .init(images: (bright * 120 + noise * 120).asType(.uint8), labels: labels)
  }

  private let quick = ClassifierTraining(
    epochs: 6, batchSize: 16, learningRate: 1e-2, mirrors: true, shift: 0, seed: 1, baseChannels: 8,
    featureSize: 16)

  @Test func theClassifierLearnsAndIsDeterministicForItsSeed() throws {
    let (train, test) = (try stripes(192, seed: 1), try stripes(60, seed: 2))
    var losses: [Double] = []
    let first = try quick.run(train: train, test: test, classes: 3) { progress in
      if let loss = progress.loss { losses.append(loss) }
      return true
    }
    let report = try #require(first.report)
    #expect(report.testAccuracy > 0.95)
    #expect(
      report.steps == 72 && report.testCount == 60 && report.trainingCount == 192 && !report.wasShortened)
    #expect(losses.count == 2 && losses[1] < 0.3)
    let second = try quick.run(train: train, test: test, classes: 3)
    for (a, b) in zip(first.hostState(), second.hostState()) {
      #expect(a.name == b.name && a.tensor == b.tensor)
    }
    #expect(second.report?.fingerprint == report.fingerprint)
    #expect(first.features(ofAll: test.images, batchSize: 7).shape == [60, 16])
    #expect(first.name == "classifier-" + report.fingerprint.prefix(8))
    #expect(first.provenance.fields.map(\.name) == ["features", "classifierAccuracy"])
  }

  @Test func aSavedClassifierComesBackAndIsUsedAgainForTheSameDataOnly() throws {
    let (train, test) = (try stripes(48, seed: 1), try stripes(12, seed: 2))
    var training = quick
    training.epochs = 1
    try withFolder { folder in
      let url = folder.appending(path: "classifier.safetensors")
      var steps = 0
      let first = try training.cached(at: url, train: train, test: test, classes: 3) { _ in
        steps += 1
        return true
      }
      let again = try training.cached(at: url, train: train, test: test, classes: 3) { _ in
        steps += 1
        return true
      }
      #expect(steps == 3)
      #expect(again.report == first.report && again.configuration == first.configuration)
      #expect(again.logits(test.images).floats() == first.logits(test.images).floats())
      _ = try training.cached(at: url, train: train, test: try stripes(12, seed: 3), classes: 3) { _ in
        steps += 1
        return true
      }
      #expect(steps == 6)
      try Safetensors.write([("x", HostTensor([1.0]))], to: url)
      #expect(sentence { _ = try ImageClassifier.load(from: url) }?.contains("train one anew") == true)
    }
  }

  @Test(arguments: [[1, 8, 8], [4, 9, 13], [3, 32, 32], [2, 11, 70]])
  func theClassifierTakesAnySizeFromEightPixels(_ shape: [Int]) throws {
    let configuration = ImageClassifier.Configuration(
      classes: 5, channels: shape[0], height: shape[1], width: shape[2], baseChannels: 4, featureSize: 6)
    let classifier = try ImageClassifier(configuration, using: RandomStream(seed: 0))
    let images = Tensor.zeros([2] + shape)
    #expect(classifier.features(images).shape == [2, 6])
    #expect(classifier.logits(images).shape == [2, 5])
    #expect(classifier.isTraining)
  }

  @Test func impossibleClassifiersAndExamplesAreErrors() throws {
    #expect(throws: MetricError.self) {
      try ImageClassifier(.init(classes: 5, channels: 1, height: 7, width: 8), using: RandomStream(seed: 0))
    }
    #expect(throws: MetricError.self) {
      try ClassifierTraining.Examples(images: Tensor.zeros([2, 1, 8, 8]), labels: Tensor([0, 1]))
    }
    #expect(throws: MetricError.self) {
      try ClassifierTraining.Examples(images: Tensor.zeros([2, 1, 8, 8], dtype: .uint8), labels: Tensor([0]))
    }
    let (train, test) = (try stripes(8, seed: 1), try stripes(8, size: 9, seed: 2))
    #expect(throws: MetricError.self) { try quick.run(train: train, test: test, classes: 3) }
    #expect(
      sentence { _ = try quick.run(train: train, test: train, classes: 2) }?.contains("2 classes") == true)
    #expect(throws: CancellationError.self) {
      try quick.run(train: train, test: train, classes: 3) { _ in false }
    }
  }

  @Test func aShortTimeShortensThePlanAndBringsTheRateDown() {
    var plan = ClassifierTraining.Plan(steps: 1000)
    plan.fit(into: 100, elapsed: 11, step: 200)
    // Too early to judge.
    plan.fit(into: 100, elapsed: 9, step: 1)
    #expect(plan.steps == 1000 && !plan.wasShortened)
    #expect(plan.progress(at: 250) == 0.25)
    // 100 steps took 50 of 100 seconds, so another 100 fit.
    plan.fit(into: 100, elapsed: 50, step: 100)
    #expect(plan.steps == 200 && plan.wasShortened)
    #expect(
      isClose([plan.progress(at: 100), plan.progress(at: 150), plan.progress(at: 200)], [0.1, 0.55, 1]))
    // The machine became faster: 150 steps in 60 seconds leave time for 100 more.
    plan.fit(into: 100, elapsed: 60, step: 150)
    #expect(plan.steps == 250 && isClose(plan.progress(at: 150), 0.55))
    plan.fit(into: 100, elapsed: 101, step: 200)
    #expect(plan.steps == 200 && plan.progress(at: 200) == 1)
    #expect(isClose(ClassifierTraining.oneCycle(0.25), 1))
    #expect(ClassifierTraining.oneCycle(0) < 0.05 && ClassifierTraining.oneCycle(1) < 1e-3)
  }

  @Test func rawPixelsAreRowsInMinusOneToOne() {
    let images = Tensor(HostTensor([0, 255, 51, 204] as [UInt8], shape: [2, 1, 1, 2]))
    let features = RawPixels().features(ofAll: images, batchSize: 1)
    #expect(features.shape == [2, 2])
    #expect(isClose(features.doubles(), [-1, 1, -0.6, 0.6], 1e-6))
  }

  @Test func legacyResizeTakesCornersWithoutHalfPixels() {
    let line = Tensor([0, 10, 20] as [Float], shape: [1, 1, 1, 3])
    // Positions i * 3 / 6; beyond the last pixel its value stays.
    #expect(legacyBilinearResize(line, height: 1, width: 6).floats() == [0, 5, 10, 15, 20, 20])
    // Shrinking picks pixels i * 3 / 2 without averaging.
    #expect(legacyBilinearResize(line, height: 1, width: 2).floats() == [0, 15])
    let square = Tensor([0, 1, 2, 3] as [Float], shape: [1, 1, 2, 2])
    #expect(
      legacyBilinearResize(square, height: 4, width: 4).floats()
        == [0, 0.5, 1, 1, 1, 1.5, 2, 2, 2, 2.5, 3, 3, 2, 2.5, 3, 3])
  }

  @Test func fidInputsAreRoundedBytesAroundHundredTwentyEight() {
    let grey = Tensor([-1, 1, 0.001, -7] as [Float], shape: [4, 1, 1, 1])
    let prepared = InceptionFID.prepared(grey)
    #expect(prepared.shape == [4, 3, 299, 299])
    let firsts = prepared.narrow(2, from: 0, length: 1).narrow(3, from: 0, length: 1).doubles()
    #expect(isClose(firsts, [-1, -1, -1, 127 / 128.0, 127 / 128.0, 127 / 128.0, 0, 0, 0, -1, -1, -1], 1e-6))
  }

  @Test func theInceptionNetworkHasTheNamesAndSizesOfTheWeightsFile() throws {
    let network = InceptionFID(using: RandomStream(seed: 0))
    // torchvision's inception_v3 without its auxiliary head, with 1008 classes.
    #expect(network.parameterCount == 23_850_960)
    let names = Set(network.state().map(\.name))
    #expect(names.count == 94 * 6 + 2)
    for name in [
      "Conv2d_1a_3x3.conv.weight", "Mixed_5b.branch3x3dbl_3.bn.running_var", "Mixed_6a.branch3x3.bn.weight",
      "Mixed_6e.branch7x7dbl_5.conv.weight", "Mixed_7a.branch7x7x3_4.bn.bias",
      "Mixed_7c.branch3x3dbl_3b.conv.weight", "Mixed_7c.branch_pool.bn.running_mean", "fc.bias",
    ] { #expect(names.contains(name), "\(name)") }
    let image = RandomStream(seed: 1).uniform([1, 3, 32, 32]) * 2 - 1
    #expect(network.features(image).shape == [1, 2048])
    #expect(network.features(image).isFinite())
    #expect(network.logits(image).shape == [1, 1008])
    #expect(
      network.provenance.fields.map(\.value) == [
        "inception-2015-12-05", "drawn", "tf1-bilinear-299", "uint8",
      ])
    #expect(frechetDistanceName(for: network) == "FID")
  }

  @Test func anImportedInceptionIsFoundInTheStoreOfWeights() throws {
    try withFolder { folder in
      let file = folder.appending(path: "inception.safetensors")
      try Safetensors.write(InceptionFID(using: RandomStream(seed: 5)).hostState(), to: file)
      let store = WeightStore(folder.appending(path: "weights"))
      #expect(throws: PerceptionError.self) { try InceptionFID.load(from: store) }
      #expect(try store.importFile(file) == InceptionFID.storedName)
      let fingerprint = try InceptionFID.load(from: store).weightsFingerprint
      #expect(try fingerprint == InceptionFID.load(from: file).weightsFingerprint && fingerprint != nil)
    }
  }

  @Test func aFileThatHoldsNoInceptionWeightsIsAnError() throws {
    try withFolder { folder in
      let url = folder.appending(path: "weights.pth")
      #expect(throws: FileFormatError.self) { try InceptionFID.load(from: url) }
      try Data("nothing".utf8).write(to: url)
      #expect(throws: FileFormatError.self) { try InceptionFID.load(from: url) }
    }
  }
}
