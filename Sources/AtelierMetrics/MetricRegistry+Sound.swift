public import Torch

extension MetricRegistry {
  /// The measures of sounds against given ones.
  static let soundMetrics: [String: @Sendable (MetricArguments) throws -> [String: Tensor]] = [
    "snr": { arguments in
      try arguments.allow(inputs: ["signal", "target"], parameters: ["floor"])
      return [
        "value": try signalToNoise(
          arguments.input("signal"), arguments.input("target"), floor: arguments.number("floor") ?? 1e-6)
      ]
    },
    "segmentalSnr": { arguments in
      try arguments.allow(inputs: ["signal", "target"], parameters: ["floor"])
      return [
        "value": try signalToNoise(
          arguments.input("signal"), arguments.input("target"), floor: arguments.number("floor") ?? 1e-6
        ).mean()
      ]
    },
    "siSdr": { arguments in
      try arguments.allow(inputs: ["signal", "target"], parameters: [])
      return ["value": try scaleInvariantDistortion(arguments.input("signal"), arguments.input("target"))]
    },
    "lsd": { arguments in
      try arguments.allow(
        inputs: ["signal", "target"], parameters: ["transformSize", "hop", "window", "padding", "variant"])
      let window = try arguments.text("window") ?? "hann"
      guard window == "hann" else {
        throw MetricError("the parameter “window” of “lsd” is “\(window)”; it knows hann")
      }
      let padding = try arguments.text("padding") ?? "constant"
      guard ["reflect", "constant"].contains(padding) else {
        throw MetricError("the parameter “padding” of “lsd” is “\(padding)”; it knows reflect and constant")
      }
      let name = try arguments.text("variant") ?? LogSpectralDistance.repository.rawValue
      guard let form = LogSpectralDistance(rawValue: name) else {
        throw MetricError(
          "the parameter “variant” of “lsd” is “\(name)”; it knows "
            + LogSpectralDistance.allCases.map(\.rawValue).joined(separator: ", "))
      }
      return [
        "value": try form(
          arguments.input("signal"), arguments.input("target"),
          size: arguments.count("transformSize", otherwise: 2048),
          hop: arguments.count("hop", otherwise: 512),
          reflects: padding == "reflect")
      ]
    },
  ]
}
