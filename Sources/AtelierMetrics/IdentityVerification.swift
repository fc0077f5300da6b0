public import Torch

/// Whether probes are recognised among a gallery by the cosines of their features: who hides in an image, or speaks in a
/// sound.
///
/// Probe `i` is made of item `i` of the gallery, which is never compared with it as another one's.
public struct IdentityVerification: Sendable {
  /// The cosine of each probe with the item that it is made of.
  public let own: [Double]
  /// Who each item is.
  private let identities: [Int]
  /// The cosines of each probe with each item.
  private let cosines: [[Double]]

  /// Compares probes with a gallery.
  ///
  /// - Parameters:
  ///   - probes: features `[n, features]`, of any length.
  ///   - gallery: features of the items that the probes are made of, in the same order; the probes themselves for a gallery
  ///     among itself.
  ///   - identities: who each item is.
  /// - Throws: `MetricError` for shapes or numbers that do not fit.
  public init(probes: Tensor, gallery: Tensor, identities: [Int]) throws {
    guard probes.rank == 2, probes.shape == gallery.shape, probes.shape[0] == identities.count,
      !identities.isEmpty
    else {
      throw MetricError(
        "probes \(probes.shape) and gallery \(gallery.shape) must be features of \(identities.count) items each"
      )
    }
    func unit(_ x: Tensor) -> Tensor {
      let x = x.asType(.float64)
      return x / (x.square().sum(dims: [1], keepDim: true) + 1e-24).sqrt()
    }
    let values = withoutGradients {
      unit(probes).matmul(unit(gallery).transposed(0, 1)).contiguous().doubles()
    }
    guard values.allSatisfy(\.isFinite) else { throw MetricError("features of an image are not finite") }
    let count = identities.count
    cosines = (0..<count).map { Array(values[($0 * count)..<(($0 + 1) * count)]) }
    own = (0..<count).map { values[$0 * count + $0] }
    self.identities = identities
  }

  /// 1 for each probe whose nearest other item is of its own identity, else 0; probes whose identity has no other item are
  /// left out.
  public var rankOne: [Double] {
    identities.indices.compactMap { probe in
      guard hasOthers(probe) else { return nil }
      let nearest = identities.indices.filter { $0 != probe }.max { cosines[probe][$0] < cosines[probe][$1] }
      return nearest.map { identities[$0] == identities[probe] ? 1 : 0 }
    }
  }

  /// For each probe the share of its identity's other items whose cosine is the threshold or higher; probes without others
  /// are left out.
  public func accepted(from threshold: Double) -> [Double] {
    identities.indices.compactMap { probe in
      let scores = self.scores(of: probe, same: true)
      return scores.isEmpty ? nil : Double(scores.count { $0 >= threshold }) / Double(scores.count)
    }
  }

  /// The lowest threshold at which no more than a share of pairs of two identities are taken for one; nil without such
  /// pairs.
  public func threshold(falseAccepts share: Double) -> Double? {
    let scores = identities.indices.flatMap { self.scores(of: $0, same: false) }.sorted(by: >)
    guard !scores.isEmpty else { return nil }
    let allowed = min(Int(share * Double(scores.count)), scores.count - 1)
    // Just above the first score that may not be accepted.
    return scores[allowed].nextUp
  }

  /// The equal error rate over all pairs of some probes, by default of all; nil where pairs of one kind are missing.
  public func equalErrorRate(of probes: [Int]? = nil) -> Double? {
    var (scores, isSame) = ([Double](), [Bool]())
    for probe in probes ?? Array(identities.indices) {
      for same in [true, false] {
        let own = self.scores(of: probe, same: same)
        scores += own
        isSame += own.map { _ in same }
      }
    }
    return AtelierMetrics.equalErrorRate(scores, isSame)
  }

  /// How far the features of each identity lie apart: their mean squared distance from their mean, at length 1; identities
  /// of one item are left out.
  public static func variances(_ features: Tensor, identities: [Int]) throws -> [Double] {
    let among = try IdentityVerification(probes: features, gallery: features, identities: identities)
    return Set(identities).sorted().compactMap { identity in
      let items = identities.indices.filter { identities[$0] == identity }
      guard items.count > 1 else { return nil }
      let sum = items.reduce(0.0) { sum, one in sum + items.reduce(0) { $0 + among.cosines[one][$1] } }
      return 1 - sum / Double(items.count * items.count)
    }
  }

  private func hasOthers(_ probe: Int) -> Bool {
    identities.indices.contains { $0 != probe && identities[$0] == identities[probe] }
  }

  private func scores(of probe: Int, same: Bool) -> [Double] {
    identities.indices.compactMap { item in
      item != probe && (identities[item] == identities[probe]) == same ? cosines[probe][item] : nil
    }
  }
}
