public import Torch

/// A parameter of a metric in a reference case.
public enum MetricParameter: Sendable, Hashable, Codable {
  /// `null`: the metric's default.
  case null
  /// A number.
  case number(Double)
  /// A text.
  case string(String)
  /// true or false.
  case bool(Bool)
  /// A list.
  case list([MetricParameter])

  /// Reads a JSON value.
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else {
      self = .list(try value.decode([MetricParameter].self))
    }
  }

  /// Writes the JSON value.
  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .null: try value.encodeNil()
    case .number(let number): try value.encode(number)
    case .string(let string): try value.encode(string)
    case .bool(let bool): try value.encode(bool)
    case .list(let list): try value.encode(list)
    }
  }
}

/// Metrics by the names that reference cases use.
public enum MetricRegistry {
  /// The names, in alphabetical order.
  public static var names: [String] { metrics.keys.sorted() }

  /// Computes a metric of the given tensors.
  ///
  /// Strict: a missing or unknown input or parameter is an error. Results are float64: scalars, one value per
  /// image for measures of pairs, and tensors where those are the result.
  ///
  /// - Throws: `MetricError` that names the input or parameter.
  public static func run(
    _ metric: String, inputs: [String: Tensor], parameters: [String: MetricParameter] = [:]
  ) throws -> [String: Tensor] {
    guard let body = metrics[metric] else {
      throw MetricError("there is no metric “\(metric)”; the metrics are \(names.joined(separator: ", "))")
    }
    let arguments = MetricArguments(metric: metric, inputs: inputs, parameters: parameters)
    // Errors of the engine (a huge allocation, a failed decomposition) are thrown as well.
    return try withTensorErrors { try body(arguments) }
  }

  private static let metrics = featureMetrics.merging(pairMetrics) { first, _ in first }
    .merging(segmentationMetrics) { first, _ in first }.merging(soundMetrics) { first, _ in first }
    .merging(detectionMetrics) { first, _ in first }

  /// The measures of sets of features.
  private static let featureMetrics: [String: @Sendable (MetricArguments) throws -> [String: Tensor]] = [
    "frechetDistance": { arguments in
      try arguments.allow(inputs: ["real", "fake"], parameters: [])
      let value = try frechetDistance(real: arguments.input("real"), fake: arguments.input("fake"))
      return ["value": scalar(value)]
    },
    "kernelDistance": { arguments in
      try arguments.allow(
        inputs: ["real", "fake", "subsetReal", "subsetFake"],
        parameters: ["kernel", "degree", "gamma", "offset", "sigma"])
      let distance = try kernelDistance(
        real: arguments.input("real"), fake: arguments.input("fake"), kernel: arguments.kernel(),
        subsetReal: arguments.input("subsetReal"), subsetFake: arguments.input("subsetFake"))
      return ["mean": scalar(distance.mean), "deviation": scalar(distance.deviation)]
    },
    "inceptionScore": { arguments in
      try arguments.allow(inputs: ["logits"], parameters: ["splits"])
      let score = try inceptionScore(
        logits: arguments.input("logits"), splits: arguments.count("splits", otherwise: 10))
      return ["mean": scalar(score.mean), "deviation": scalar(score.deviation)]
    },
    "precisionRecall": { arguments in
      try arguments.allow(inputs: ["real", "fake"], parameters: ["neighbours"])
      let result = try precisionRecall(
        real: arguments.input("real"), fake: arguments.input("fake"),
        neighbours: arguments.count("neighbours", otherwise: 3))
      return ["precision": scalar(result.precision), "recall": scalar(result.recall)]
    },
    "precisionRecallDensityCoverage": { arguments in
      try arguments.allow(inputs: ["real", "fake"], parameters: ["neighbours"])
      let result = try precisionRecallDensityCoverage(
        real: arguments.input("real"), fake: arguments.input("fake"),
        neighbours: arguments.count("neighbours", otherwise: 5))
      return [
        "precision": scalar(result.precision), "recall": scalar(result.recall),
        "density": scalar(result.density), "coverage": scalar(result.coverage),
      ]
    },
    "cosineNeighbours": { arguments in
      try arguments.allow(inputs: ["query", "database"], parameters: ["neighbours"])
      let result = try cosineNeighbours(
        query: arguments.input("query"), database: arguments.input("database"),
        k: arguments.count("neighbours", otherwise: 5))
      return ["indices": result.indices, "distance": result.distances]
    },
  ]

  private static func scalar(_ value: Double) -> Tensor { Tensor(scalar: value, dtype: .float64) }
}

/// The arguments of a metric, read strictly.
struct MetricArguments {
  let metric: String
  let inputs: [String: Tensor]
  let parameters: [String: MetricParameter]

  func allow(inputs allowedInputs: Set<String>, parameters allowedParameters: Set<String>) throws {
    for (given, allowed, kind) in [
      (Set(inputs.keys), allowedInputs, "input"), (Set(parameters.keys), allowedParameters, "parameter"),
    ] {
      guard let unknown = given.subtracting(allowed).min() else { continue }
      let known = allowed.isEmpty ? "it has none" : "it knows \(allowed.sorted().joined(separator: ", "))"
      throw MetricError("the metric “\(metric)” has no \(kind) “\(unknown)”; \(known)")
    }
  }

  func input(_ name: String) throws -> Tensor {
    guard let tensor = inputs[name] else {
      throw MetricError("the metric “\(metric)” needs the input “\(name)”; name a tensor for it")
    }
    return tensor
  }

  /// A number, or nil where the parameter is absent or null.
  func number(_ name: String) throws -> Double? {
    switch parameters[name] {
    case nil, .null?: return nil
    case .number(let value)? where value.isFinite: return value
    case .some: throw MetricError("the parameter “\(name)” of “\(metric)” must be a number or null")
    }
  }

  /// A text, or nil where the parameter is absent or null.
  func text(_ name: String) throws -> String? {
    switch parameters[name] {
    case nil, .null?: return nil
    case .string(let value)?: return value
    case .some: throw MetricError("the parameter “\(name)” of “\(metric)” must be a text or null")
    }
  }

  /// A truth value, or nil where the parameter is absent or null.
  func flag(_ name: String) throws -> Bool? {
    switch parameters[name] {
    case nil, .null?: return nil
    case .bool(let value)?: return value
    case .some: throw MetricError("the parameter “\(name)” of “\(metric)” must be true, false or null")
    }
  }

  func count(_ name: String, otherwise standard: Int) throws -> Int {
    guard let value = try number(name) else { return standard }
    guard let count = Int(exactly: value), count >= 1 else {
      throw MetricError(
        "the parameter “\(name)” of “\(metric)” is \(value), but must be a whole number above 0")
    }
    return count
  }

  func kernel() throws -> DistanceKernel {
    switch parameters["kernel"] {
    case nil, .null?, .string("poly")?, .string("polynomial")?:
      return .polynomial(
        degree: try number("degree") ?? 3, gamma: try number("gamma"), offset: try number("offset") ?? 1)
    case .string("rbf")?, .string("gaussian")?:
      let sigma = try number("sigma") ?? 10
      guard sigma > 0 else {
        throw MetricError("the parameter “sigma” of “\(metric)” is \(sigma), but must be above 0")
      }
      return .gaussian(sigma: sigma)
    case .some:
      throw MetricError("the parameter “kernel” of “\(metric)” must be “poly” or “rbf”")
    }
  }
}
