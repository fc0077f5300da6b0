import Testing
import Torch
import TorchNN

@Suite struct KeyMapTests {
  @Test func theLongestPrefixOfWholeComponentsWins() {
    let map = KeyMap(["label_embedding": "label_emb", "layers": "main", "layers.0": "model.0", "to_rgb": ""])
    #expect(map.authorsName(for: "layers.0.weight") == "model.0.weight")
    #expect(map.authorsName(for: "layers.01.weight") == "main.01.weight")
    #expect(map.authorsName(for: "label_embedding") == "label_emb")
    #expect(map.authorsName(for: "label_embedding_2.weight") == "label_embedding_2.weight")
    #expect(map.ourName(for: "model.0.weight") == "layers.0.weight")
    #expect(map.ourName(for: "main.1.weight") == "layers.1.weight")
    #expect(KeyMap.identity.authorsName(for: "a.b") == "a.b")
  }

  @Test func anEmptyPrefixStandsBeforeEverything() throws {
    let map = KeyMap(["": "model"])
    #expect(map.authorsName(for: "0.weight") == "model.0.weight")
    #expect(map.ourName(for: "model.0.weight") == "0.weight")
  }

  @Test func componentsAreRenamedAnywhere() {
    let map = KeyMap(["blocks": "body"], components: ["running_mean": "stored_mean", "norm.gain": "bn.g"])
    #expect(map.authorsName(for: "blocks.3.norm.gain.running_mean") == "body.3.bn.g.stored_mean")
    #expect(map.ourName(for: "body.3.bn.g.stored_mean") == "blocks.3.norm.gain.running_mean")
  }

  private let spectral = ["a.weight", "a.bias", "a.spectral_u", "a.spectral_v", "b.weight"]

  @Test func normalisedWeightsTakeTheHooksNames() throws {
    let map = KeyMap(["a": "net.0"])
    let theirs = ["net.0.weight_orig", "net.0.bias", "net.0.weight_u", "net.0.weight_v", "b.weight"]
    #expect(try map.translate(names: spectral, toOurs: false) == theirs)
    #expect(try map.translate(names: theirs, toOurs: true) == spectral)
    let weight = ["weight", "weight_magnitude"]
    #expect(try map.translate(names: weight, toOurs: false) == ["weight_v", "weight_g"])
    #expect(
      try map.translate(names: ["weight_g", "weight_v"], toOurs: true) == ["weight_magnitude", "weight"])
  }

  @Test func normalisedWeightsTakeTheParametrisationsNames() throws {
    let map = KeyMap(normLayout: .parametrization)
    let theirs = [
      "a.parametrizations.weight.original", "a.bias", "a.parametrizations.weight.0._u",
      "a.parametrizations.weight.0._v", "b.weight",
    ]
    #expect(try map.translate(names: spectral, toOurs: false) == theirs)
    #expect(try map.translate(names: theirs, toOurs: true) == spectral)
    let weight = ["weight_magnitude", "weight"]
    let originals = ["parametrizations.weight.original0", "parametrizations.weight.original1"]
    #expect(try map.translate(names: weight, toOurs: false) == originals)
    #expect(try map.translate(names: originals, toOurs: true) == weight)
  }

  @Test func normalisedWeightsTakeBigGANsNames() throws {
    let map = KeyMap(normLayout: .bigGAN)
    let ours = ["conv.weight", "conv.spectral_u", "conv.spectral_value"]
    let theirs = ["conv.weight", "conv.u0", "conv.sv0"]
    #expect(try map.translate(names: ours, toOurs: false) == theirs)
    #expect(try map.translate(names: theirs, toOurs: true) == ours)
  }

  @Test func aLayersOwnStateSurvivesTheJourney() throws {
    let stream = RandomStream(seed: 1)
    for layout in [KeyMap.NormLayout.hook, .parametrization, .atelier] {
      let map = KeyMap(["": "net"], normLayout: layout)
      let layer = Linear(inputFeatures: 2, outputFeatures: 2, normalization: .spectral, using: stream)
      let file = try map.translate(layer.hostState(), toOurs: false)
      let other = Linear(inputFeatures: 2, outputFeatures: 2, normalization: .spectral, using: stream)
      try other.load(map.translate(file, toOurs: true))
      #expect(other.hostState().map(\.tensor) == layer.hostState().map(\.tensor))
    }
  }

  @Test func collisionsAreErrorsThatNameTheKeys() {
    let map = KeyMap(["a": "x", "b": "x"])
    #expect(throws: CheckpointError.self) {
      try map.translate(names: ["a.weight", "b.weight"], toOurs: false)
    }
    // "c" is taken over by a rule of another name, so that it could not come back.
    #expect(throws: CheckpointError.ambiguousNames(["x.w"], source: "f.pth")) {
      try KeyMap(["a": "x"]).translate(names: ["x.w"], toOurs: false, source: "f.pth")
    }
  }
}
