public import AtelierData
import Foundation

extension ModelDescription {
  /// What is known of the licences of weights that came from elsewhere; models that are trained on from them keep it.
  public var weightLicences: [WeightLicence] {
    data.licences
      ?? data.notes.filter { $0.localizedStandardContains("licence") }.map(WeightLicence.init(named:))
  }

  /// The same, a sentence each.
  public var licences: [String] { weightLicences.map(\.sentence) }

  /// Those that forbid commercial use, a sentence each.
  public var restrictingLicences: [String] {
    weightLicences.filter { !$0.allowsCommercialUse }.map(\.sentence)
  }
}
