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
    "melCepstralDistortion": { arguments in
      try arguments.allow(inputs: ["signal", "target"], parameters: ["order", "silence"])
      let measure = MelCepstralDistortion(
        order: try arguments.count("order", otherwise: 24), silence: try arguments.number("silence"))
      let found = try measure(arguments.input("signal"), arguments.input("target"))
      return [
        "value": Tensor(scalar: found.value, dtype: .float64),
        "pathLength": Tensor([found.alignment.path.count], shape: []),
      ]
    },
    "fundamentalFrequency": { arguments in
      try arguments.allow(
        inputs: ["signal"], parameters: ["sampleRate", "hop", "lowest", "highest", "threshold"])
      let measure = FundamentalFrequency(
        sampleRate: try arguments.count("sampleRate", otherwise: 16_000),
        hop: try arguments.number("hop") == nil ? nil : try arguments.count("hop", otherwise: 1),
        lowest: try arguments.number("lowest") ?? 60, highest: try arguments.number("highest") ?? 500,
        threshold: try arguments.number("threshold") ?? 0.15)
      return ["value": Tensor(HostTensor(try measure(arguments.input("signal"))))]
    },
    "pitchError": { arguments in
      try arguments.allow(inputs: ["signal", "target"], parameters: [])
      func course(_ name: String) throws -> [Double] {
        try arguments.input(name).asType(.float64).to(.cpu).flattened(from: 0).contiguous().doubles()
      }
      let error = try PitchError(course("signal"), course("target"))
      func number(_ value: Double?) -> Tensor { Tensor(scalar: value ?? .nan, dtype: .float64) }
      return [
        "cents": number(error.cents), "voicing": number(error.voicing),
        "correlation": number(error.correlation), "voiced": Tensor([error.voiced], shape: []),
      ]
    },
  ]
}
