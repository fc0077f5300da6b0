internal import Foundation

/// The licence of weights that came from elsewhere, as a fact that travels with everything that is made of them.
public struct WeightLicence: Sendable, Hashable, Codable {
  /// Its name and whose weights they are: `MIT (ajbrock/BigGAN-PyTorch)`.
  public var name: String
  /// Whether it allows commercial use.
  public var allowsCommercialUse: Bool

  /// A licence whose terms are known.
  public init(_ name: String, allowsCommercialUse: Bool) {
    self.name = name
    self.allowsCommercialUse = allowsCommercialUse
  }

  /// A licence that a person names, or that files from before it was a field of its own say in a sentence: the words
  /// tell whether it forbids commercial use.
  public init(named name: String) {
    let text = name.lowercased()
    let words = [
      "not for commercial", "non-commercial", "noncommercial", "non commercial", "by-nc", "research only",
    ]
    self.init(name, allowsCommercialUse: !words.contains { text.contains($0) })
  }

  /// The sentence for people.
  public var sentence: String {
    name.hasSuffix(".") ? name : "The licence of the imported weights: \(name)."
  }
}
