import Atelier
import Foundation
import TestSupport
import Testing

/// Requests are checked against the plan before a system sees them.
@Suite struct ConditionTests {
  private func plan(_ system: String, _ values: [String: ConfigurationValue] = [:]) throws -> SystemPlan {
    try SystemRegistry.standard.system(named: system).plan(values)
  }

  private func refusal(
    _ system: String, _ inputs: [String: [Int]], labels: [Int]? = nil, prompt: String? = nil,
    _ values: [String: ConfigurationValue] = [:]
  ) throws -> String? {
    var request = Request(
      conditions: inputs.mapValues { .tensor(.zeros($0)) }, draws: StreamDraws(RandomStream(seed: 1)))
    if let labels { request.conditions["label"] = .labels(labels) }
    if let prompt { request.conditions["prompt"] = .text(prompt) }
    do {
      try plan(system, values).check(request, for: system)
      return nil
    } catch let error as ConfigurationError {
      return error.description
    }
  }

  @Test func whatFitsPasses() throws {
    #expect(try refusal("gan", [:]) == nil)
    #expect(try refusal("cgan", [:], labels: [0, 9]) == nil)
    // Any size, which the network's multiple is reached from by reflection.
    #expect(try refusal("pix2pix", ["source": [2, 3, 21, 13]]) == nil)
    #expect(try refusal("munit", ["B": [1, 3, 8, 8], "style": [4, 3, 16, 8]]) == nil)
    #expect(try refusal("rnn-language-model", [:], prompt: "To be") == nil)
    #expect(try refusal("oasis", ["label": [1, 8, 8], "noise": [1, 3]], ["latent": 3]) == nil)
    #expect(try refusal("oasis", ["label": [1, 8, 8], "noise": [1, 3, 8, 8]], ["latent": 3]) == nil)
    // The label map stands in for the map of instances.
    #expect(try refusal("pix2pix-hd", ["label": [1, 8, 8]], ["classes": 4]) == nil)
    #expect(try refusal("ic-gan", ["features": [3, 7]], ["featureSize": 7]) == nil)
  }

  @Test func whatIsMissingIsNamed() throws {
    let cases: [(String, [String: [Int]], [String])] = [
      ("pix2pix", [:], ["'source' is missing"]), ("cyclegan", [:], ["'A' or 'B' is missing"]),
      ("sean", ["style": [1, 3, 8, 8]], ["'label' is missing"]),
      ("funit", ["content": [1, 3, 8, 8]], ["'style' of funit is missing", "class"]),
      ("image-tagging", [:], ["'feature' of image-tagging is missing"]),
    ]
    for (system, inputs, words) in cases {
      let sentence = try #require(try refusal(system, inputs), "\(system)")
      for word in words { #expect(sentence.contains(word), "\(sentence)") }
    }
    let sentence = try #require(
      try refusal("pix2pix-hd", ["label": [1, 3, 8, 8]], ["classes": 0, "instanceEdges": true]))
    #expect(sentence.contains("'instance' of pix2pix-hd is missing"), "\(sentence)")
  }

  @Test func whatIsUnknownIsNamed() throws {
    let cases: [(String, [String: [Int]], [String])] = [
      ("gan", ["style": [1, 3, 8, 8]], ["'style'", "takes no tensors"]),
      ("pix2pix", ["source": [1, 3, 8, 8], "style": [1, 3, 8, 8]], ["no condition 'style'", "source"]),
      ("spade", ["label": [1, 8, 8], "image": [1, 3, 8, 8]], ["no condition 'image'", "label"]),
      ("cyclegan", ["A": [1, 3, 8, 8], "B": [1, 3, 8, 8]], ["one of", "'A' or 'B'"]),
      // A class is no tensor.
      ("cgan", ["label": [1]], ["'label'"]),
    ]
    for (system, inputs, words) in cases {
      let sentence = try #require(try refusal(system, inputs), "\(system)")
      for word in words { #expect(sentence.contains(word), "\(sentence)") }
    }
    let plain = try refusal("oasis", ["label": [1, 8, 8], "noise": [1, 3]], ["latent": 0])
    #expect(plain?.contains("'noise'") == true)
    #expect(try refusal("gan", [:], labels: [0])?.contains("no classes") == true)
    #expect(try refusal("cgan", [:], labels: [3, 10])?.contains("no class 10") == true)
    #expect(try refusal("gan", [:], prompt: "a")?.contains("no text") == true)
  }

  private func refusal(
    _ system: String, sampling: any Settings, _ values: [String: ConfigurationValue] = [:]
  ) throws -> String? {
    let request = Request(sampling: sampling, draws: StreamDraws(RandomStream(seed: 1)))
    do {
      try plan(system, values).check(request, for: system)
      return nil
    } catch let error as ConfigurationError { return error.description }
  }

  @Test func settingsOfDrawingAreThePlansOwn() throws {
    #expect(try refusal("vae", sampling: NoSettings()) == nil)
    #expect(try refusal("vae", sampling: LatentSampling(truncation: 0.5)) == nil)
    #expect(try refusal("rnn-language-model", sampling: TextSampling(temperature: 0, length: 3)) == nil)
    let other = try #require(try refusal("vae", sampling: TextSampling()))
    #expect(other.contains("path, truncation") && other.contains("temperature, length"), "\(other)")
    #expect(try refusal("neural-style", sampling: LatentSampling())?.contains("no settings") == true)
    #expect(try refusal("vae", sampling: LatentSampling(truncation: 0))?.contains("above 0") == true)
    #expect(
      try refusal("vae", sampling: LatentSampling(path: .interpolation(steps: 1)))?.contains("2 steps")
        == true)
    // The paper's latent vectors are uniform.
    #expect(
      try refusal("cgan", sampling: LatentSampling(truncation: 1), ["model": "maxout"])?.contains(
        "not normally") == true)
    #expect(try refusal("rnn-language-model", sampling: TextSampling(length: 0))?.contains("length") == true)
    let endless = try refusal("rnn-language-model", sampling: TextSampling(length: 1_000_000_000_000))
    #expect(endless?.contains("length is at most 1000000 tokens") == true, "\(endless ?? "")")
  }

  @Test func settingsOfDrawingAreChangedByTheirKeys() throws {
    let changed = try plan("vae").sampling(
      changing: ["path": "traversal:2", "truncation": 0.5], for: "vae")
    #expect(
      changed as? LatentSampling
        == LatentSampling(path: .traversal(dimension: 2, from: -3, to: 3, steps: 10), truncation: 0.5))
    for (changes, words) in [
      (["beams": 3], "no setting of drawing 'beams'; it has path, truncation"),
      (["path": "backwards"], "'path'"), (["truncation": "much"], "'truncation'"),
    ] as [([String: ConfigurationValue], String)] {
      #expect {
        _ = try plan("vae").sampling(changing: changes, for: "vae")
      } throws: { "\($0)".contains(words) }
    }
    for text in ["random", "interpolation:4", "traversal:1:-2.0:2.0:7"] {
      #expect(LatentPath(text)?.description == text)
    }
    for text in ["", "interpolation", "interpolation:a", "traversal:1:2", "random:1", "traversal:1:2:3:4:5"] {
      #expect(LatentPath(text) == nil)
    }
  }

  @Test func aTextStandsForAConditionsValue() throws {
    let folder = try TemporaryFolder()
    func condition(_ kind: Condition.Kind) -> Condition { Condition("c", kind, help: "") }
    let names = FieldNames(classes: ["cat", "dog", "a, b"])
    func labels(_ text: String) throws -> [Int]? {
      let value = try condition(.label(classes: 3)).value(of: text, names: names)
      if case .labels(let labels) = value { return labels } else { return nil }
    }
    #expect(try labels("Dog") == [1])
    #expect(try labels("2, cat") == [2, 0])
    #expect(try labels("a, b") == [2])
    #expect(throws: ConfigurationError.self) { try labels("bird") }
    guard case .text("a = b")? = try? condition(.text).value(of: "a = b") else {
      Issue.record("a text is itself")
      return
    }
    func tensor(_ kind: Condition.Kind, _ text: String) throws -> Tensor {
      let request = Request(
        conditions: ["c": try condition(kind).value(of: text)], draws: StreamDraws(RandomStream(seed: 1)))
      return try request.required("c")
    }
    let image = folder("images/a.png")
    try FileManager.default.createDirectory(
      at: image.deletingLastPathComponent(), withIntermediateDirectories: true)
    for name in ["a.png", "b.png"] {
      try Image(width: 2, height: 1, channels: 1, bytes: name == "a.png" ? [0, 255] : [255, 0])
        .write(to: folder("images").appendingPathComponent(name))
    }
    let kind = Condition.Kind.field(.image(channels: 1, height: 1, width: 2, range: .signed))
    #expect(try tensor(kind, image.path).floats() == [-1, 1])
    let both = try tensor(kind, folder("images").path)
    #expect(both.shape == [2, 1, 1, 2] && both.floats() == [-1, 1, 1, -1])
    #expect(throws: (any Error).self) { try tensor(kind, folder("none.png").path) }
    let file = folder("codes.safetensors")
    try Safetensors.write([("codes", Tensor([1, 2, 3, 4], shape: [2, 2]).host())], metadata: [:], to: file)
    #expect(try tensor(.tensor([[nil, 2]]), file.path).shape == [2, 2])
    #expect(try tensor(.field(.features(size: 3)), "1 2 3").floats() == [1, 2, 3])
  }

  @Test func aWrongShapeIsNamed() throws {
    let cases: [(String, [String: [Int]], [String: ConfigurationValue], [String])] = [
      ("pix2pix", ["source": [1, 1, 8, 8]], [:], ["'source'", "[any, 3, any, any]", "[1, 1, 8, 8]"]),
      ("pix2pix", ["source": [3, 8, 8]], [:], ["'source'", "[3, 8, 8]"]),
      ("pix2pix", ["source": [0, 3, 8, 8]], [:], ["'source'"]),
      ("oasis", ["label": [1, 4, 8, 8]], [:], ["'label'", "[any, any, any]"]),
      (
        "oasis", ["label": [1, 8, 8], "noise": [1, 4]], ["latent": 3],
        ["'noise'", "[any, 3] or [any, 3, any, any]", "[1, 4]"]
      ),
      (
        "sean", ["label": [1, 8, 8], "styleCodes": [1, 4, 3]], ["classes": 5, "styleLength": 3],
        ["'styleCodes'", "[any, 5, 3]", "[1, 4, 3]"]
      ),
      ("ic-gan", ["features": [1, 8]], ["featureSize": 7], ["'features'", "[any, 7]"]),
    ]
    for (system, inputs, values, words) in cases {
      let sentence = try #require(try refusal(system, inputs, values), "\(system)")
      for word in words { #expect(sentence.contains(word), "\(sentence)") }
    }
  }

  @Test func stylesOfDomainsWithDifferentChannelsMayHaveEither() throws {
    let values: [String: ConfigurationValue] = ["channelsA": 1, "channelsB": 3]
    #expect(try refusal("munit", ["A": [1, 1, 8, 8], "style": [1, 3, 8, 8]], values) == nil)
    #expect(try refusal("munit", ["B": [1, 3, 8, 8], "style": [1, 1, 8, 8]], values) == nil)
    let neither = try refusal("munit", ["B": [1, 3, 8, 8], "style": [1, 2, 8, 8]], values)
    #expect(neither?.contains("'style'") == true)
  }

  @Test func drawingRefusesBeforeTheSystemIsCalled() throws {
    let registry = SystemRegistry.standard
    func refuses<System: GenerativeSystem>(_ type: System.Type) throws -> String? {
      let values: [String: ConfigurationValue] = [
        "imageSize": 16, "width": 2, "downsamplings": 2, "layers": 1, "discriminatorWidth": 2,
      ]
      let system = try System(
        System.Configuration().overlaid(with: values), artefacts: Artefacts(), using: RandomStream(seed: 1))
      let request = Request(
        conditions: ["source": .tensor(.zeros([1, 2, 8, 8]))], draws: StreamDraws(RandomStream(seed: 1)))
      do {
        try system.draw(request) { _ in }
        return nil
      } catch let error as ConfigurationError { return error.description }
    }
    #expect(try refuses(registry.system(named: "pix2pix"))?.contains("'source' of pix2pix") == true)
  }
}
