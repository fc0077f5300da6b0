public import Torch

/// A strict two-way map between our names of weights and the names in the authors' files.
///
/// A name is split at its dots. The longest rule of `prefixes` that matches whole leading components is
/// applied, then `components` rename components in the rest. Names without a rule are unchanged. The mapping
/// must be one to one; anything else is an error.
///
/// Normalised weights are `weight` with companions here; files use four layouts:
///
/// | ours | ``NormLayout/hook`` | ``NormLayout/parametrization`` | ``NormLayout/bigGAN`` |
/// |---|---|---|---|
/// | `weight` (spectral) | `weight_orig` | `parametrizations.weight.original` | `weight` |
/// | `spectral_u` | `weight_u` | `parametrizations.weight.0._u` | `u0` |
/// | `spectral_v` | `weight_v` | `parametrizations.weight.0._v` | |
/// | `spectral_value` | | | `sv0` |
/// | `weight` (weight norm) | `weight_v` | `parametrizations.weight.original1` | |
/// | `weight_magnitude` | `weight_g` | `parametrizations.weight.original0` | |
///
/// All of them can be read; `normLayout` is the one written.
public struct KeyMap: Sendable, Hashable {
  /// The names of the tensors of normalised weights in a file.
  public enum NormLayout: String, Sendable, Hashable, Codable {
    /// `torch.nn.utils.spectral_norm` and `weight_norm`, which are hooks.
    case hook
    /// `torch.nn.utils.parametrizations`, since PyTorch 1.10 (spectral) and 2.0 (weight norm).
    case parametrization
    /// BigGAN's `layers.py`.
    case bigGAN
    /// Our own names.
    case atelier
  }

  private struct Rule: Sendable, Hashable {
    let from: [String]
    let to: [String]

    var reversed: Rule { Rule(from: to, to: from) }
  }

  private let prefixes: [Rule]
  private let components: [Rule]
  private let otherNames: [String: String]
  /// The layout that ``translate(_:toOurs:source:)`` writes.
  public let normLayout: NormLayout

  /// A map of rules from our names to the authors'.
  ///
  /// - Parameters:
  ///   - prefixes: leading components, for example `["layers.0": "model.0"]`; an empty key adds a prefix to
  ///     every name, an empty value removes the prefix.
  ///   - components: components anywhere after the prefix, `["running_mean": "stored_mean"]`.
  ///   - normLayout: the names of normalised weights in the authors' files.
  ///   - otherNames: whole names that other versions of the authors' code write, with the authors' name of each; they are
  ///     read and never written.
  public init(
    _ prefixes: [String: String] = [:], components: [String: String] = [:], normLayout: NormLayout = .hook,
    otherNames: [String: String] = [:]
  ) {
    func rules(_ table: [String: String]) -> [Rule] {
      table.map { Rule(from: partsOfPath($0.key), to: partsOfPath($0.value)) }
    }
    self.prefixes = rules(prefixes)
    self.components = rules(components)
    self.normLayout = normLayout
    self.otherNames = otherNames
  }

  /// The map that changes only the names of normalised weights.
  public static let identity = KeyMap()

  /// Translates one of our names by the rules alone.
  ///
  /// Whether a `weight` is normalised depends on its companions, so normalised weights are left to
  /// ``translate(_:toOurs:source:)``, here and in ``ourName(for:)``.
  public func authorsName(for name: String) -> String { renamed(name, prefixes, components) }

  /// Translates an authors' name by the rules alone.
  public func ourName(for name: String) -> String {
    renamed(name, prefixes.map(\.reversed), components.map(\.reversed))
  }

  /// Renames a whole list, keeping its order.
  ///
  /// - Parameters:
  ///   - toOurs: the direction: from the authors' names to ours, or the other way.
  ///   - source: the source named in errors, for example the file's path.
  public func translate(
    _ tensors: [(name: String, tensor: HostTensor)], toOurs: Bool, source: String = "the key map"
  ) throws(CheckpointError) -> [(name: String, tensor: HostTensor)] {
    let names = try translate(names: tensors.map(\.name), toOurs: toOurs, source: source)
    return zip(names, tensors).map { ($0, $1.tensor) }
  }

  /// Renames a whole list of names, keeping its order.
  public func translate(
    names: [String], toOurs: Bool, source: String = "the key map"
  ) throws(CheckpointError) -> [String] {
    let given = names
    let names = toOurs ? given.map { otherNames[$0] ?? $0 } : given
    let all = Set(names)
    var results: [String] = []
    var ambiguous: [String] = []
    var taken: [String: String] = [:]
    for (name, own) in zip(names, given) {
      let (stem, leaf) = toOurs ? NormNames.read(name, among: all) : NormNames.own(name)
      let plain = stem.isEmpty ? leaf : stem + "." + leaf
      let mapped = toOurs ? ourName(for: plain) : authorsName(for: plain)
      let back = toOurs ? authorsName(for: mapped) : ourName(for: mapped)
      let result = toOurs ? mapped : NormNames.written(mapped, for: name, among: all, in: normLayout)
      if back != plain || taken.updateValue(name, forKey: result) != nil { ambiguous.append(own) }
      results.append(result)
    }
    guard ambiguous.isEmpty else { throw .ambiguousNames(ambiguous, source: source) }
    return results
  }

  private func renamed(_ name: String, _ prefixes: [Rule], _ components: [Rule]) -> String {
    var rest = partsOfPath(name)[...]
    var result: [String] = []
    // Among rules of equal length the lexicographically first target wins, so that the order of the
    // dictionary does not matter.
    let best = prefixes.filter { rest.starts(with: $0.from) }.max { a, b in
      (a.from.count, b.to.joined(separator: ".")) < (b.from.count, a.to.joined(separator: "."))
    }
    if let best {
      result = best.to
      rest = rest.dropFirst(best.from.count)
    }
    while let first = rest.first {
      let rule = components.filter { !$0.from.isEmpty && rest.starts(with: $0.from) }.max { a, b in
        (a.from.count, b.to.joined(separator: ".")) < (b.from.count, a.to.joined(separator: "."))
      }
      result += rule?.to ?? [first]
      rest = rest.dropFirst(rule?.from.count ?? 1)
    }
    return result.joined(separator: ".")
  }

}

private func partsOfPath(_ name: String) -> [String] {
  name.split(separator: ".", omittingEmptySubsequences: true).map(String.init)
}

/// The names of a normalised weight's tensors, by layout.
private enum NormNames {
  private static let original = "parametrizations.weight.original"

  /// Splits one of our names into the layer and the tensor's name in it.
  static func own(_ name: String) -> (stem: String, leaf: String) { cut(name, 1) }

  /// Splits an authors' name and gives the tensor our name.
  static func read(_ name: String, among names: Set<String>) -> (stem: String, leaf: String) {
    func has(_ stem: String, _ leaf: String) -> Bool {
      names.contains(stem.isEmpty ? leaf : stem + "." + leaf)
    }
    let (stem, leaf) = cut(name, 1)
    switch leaf {
    case "weight_orig": return (stem, "weight")
    case "weight_u" where has(stem, "weight_orig"): return (stem, "spectral_u")
    case "weight_v" where has(stem, "weight_orig"): return (stem, "spectral_v")
    case "weight_g" where has(stem, "weight_v"): return (stem, "weight_magnitude")
    case "weight_v" where has(stem, "weight_g"): return (stem, "weight")
    case "u0" where has(stem, "weight"): return (stem, "spectral_u")
    case "sv0" where has(stem, "u0"): return (stem, "spectral_value")
    case "original", "original0", "original1":
      let (outer, path) = cut(name, 3)
      if path == original { return (outer, "weight") }
      if path == original + "0" { return (outer, "weight_magnitude") }
      if path == original + "1" { return (outer, "weight") }
    case "_u", "_v":
      let (outer, path) = cut(name, 4)
      if path == "parametrizations.weight.0" + "." + leaf { return (outer, "spectral" + leaf) }
    default: break
    }
    return (stem, leaf)
  }

  /// Replaces the last component of a renamed name of ours by the layout's.
  static func written(
    _ mapped: String, for own: String, among names: Set<String>, in layout: KeyMap.NormLayout
  ) -> String {
    guard layout != .atelier else { return mapped }
    let (ownStem, leaf) = cut(own, 1)
    func has(_ companion: String) -> Bool {
      names.contains(ownStem.isEmpty ? companion : ownStem + "." + companion)
    }
    let target: String? =
      switch (leaf, layout) {
      case ("weight", .hook): has("spectral_u") ? "weight_orig" : has("weight_magnitude") ? "weight_v" : nil
      case ("spectral_u", .hook): "weight_u"
      case ("spectral_v", .hook): "weight_v"
      case ("weight_magnitude", .hook): "weight_g"
      case ("weight", .parametrization):
        has("spectral_u") ? original : has("weight_magnitude") ? original + "1" : nil
      case ("spectral_u", .parametrization): "parametrizations.weight.0._u"
      case ("spectral_v", .parametrization): "parametrizations.weight.0._v"
      case ("weight_magnitude", .parametrization): original + "0"
      case ("spectral_u", .bigGAN): "u0"
      case ("spectral_value", .bigGAN): "sv0"
      default: nil
      }
    guard let target else { return mapped }
    let (stem, _) = cut(mapped, 1)
    return stem.isEmpty ? target : stem + "." + target
  }

  /// The name without, and of, its last `count` components.
  private static func cut(_ name: String, _ count: Int) -> (String, String) {
    let parts = partsOfPath(name)
    return (
      parts.dropLast(count).joined(separator: "."), parts.suffix(count).joined(separator: ".")
    )
  }
}
