import AtelierCore
import Torch

extension PlayableVideo {
  /// The model with the names of the reference case.
  static func describe(_ model: PlayableModel, _ configuration: Configuration) -> Network {
    Network("model", model, authorsNames: PlayableModel.authorsNames) { part, inputs in
      let image = try inputs.required("image")
      switch part {
      case "representation":
        let found = model.seen(image)
        return ["state": found.state, "attention": found.attention]
      case "full":
        return values(
          model.repeated(
            image, given: configuration.groundTruthFrames, temperature: configuration.temperature,
            noise: try noise(inputs)))
      case "pretraining":
        return values(
          model.pretrained(image, temperature: configuration.temperature, noise: try noise(inputs)))
      case "play":
        var (observation, memory) = (image.unsqueezed(0), DynamicsMemory())
        let frames = try inputs.required("action").to(.cpu).integers().map { action in
          model.next(
            &observation, action: Tensor([action]).oneHot(configuration.actions), memory: &memory)
        }
        return ["frames": .concatenated(frames, dim: 0)]
      default:
        throw ConfigurationError(
          "playable-video's parts are representation, full, pretraining and play, not '\(part ?? "none")'")
      }
    }
  }

  private static func noise(_ inputs: [String: Tensor]) throws -> PlayableModel.Noise {
    PlayableModel.Noise(
      given: ActionNoise(
        states: try inputs.required("stateNoise"), directions: try inputs.required("directionNoise")),
      reconstructed: ActionNoise(
        states: try inputs.required("reconstructedStateNoise"),
        directions: try inputs.required("reconstructedDirectionNoise")),
      gumbel: try inputs.required("gumbel"))
  }

  private static func values(_ sequence: PlayableModel.Sequence) -> [String: Tensor] {
    let (actions, again) = (sequence.actions, sequence.reconstructed)
    var values = [
      "images": sequence.images[0], "middleResolution": sequence.images[1],
      "lowResolution": sequence.images[2], "states": sequence.states, "groundStates": sequence.groundStates,
      "hidden": sequence.hidden, "actions": sequence.samples.argmax(dim: 2), "logits": actions.logits,
      "samples": sequence.samples, "attention": sequence.attention, "directions": actions.directions,
      "sampledDirections": actions.sampledDirections, "actionStates": actions.states,
      "sampledActionStates": actions.sampledStates, "variations": sequence.variations,
      "reconstructedLogits": again.logits, "reconstructedDirections": again.directions,
      "reconstructedSampledDirections": again.sampledDirections,
      "reconstructedActionStates": again.states, "reconstructedSampledActionStates": again.sampledStates,
    ]
    values["reconstructedAttention"] = sequence.reconstructedAttention
    values["reconstructedHidden"] = sequence.reconstructedHidden
    return values
  }
}
