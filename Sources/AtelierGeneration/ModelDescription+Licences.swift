import AtelierData
import Foundation

extension ModelDescription {
  /// What is known of the licences of weights that came from elsewhere, a sentence each; models that are trained on from
  /// them keep it.
  public var licences: [String] { data.notes.filter { $0.localizedStandardContains("licence") } }

  /// Those that forbid commercial use.
  public var restrictingLicences: [String] {
    licences.filter { sentence in
      let text = sentence.lowercased()
      return [
        "not for commercial", "non-commercial", "noncommercial", "non commercial", "by-nc", "research only",
      ]
      .contains { text.contains($0) }
    }
  }
}
