public import AtelierCore
public import AtelierData

extension MUNIT: ImportingSystem {
  /// The authors' generators and discriminators.
  public static var foreignFiles: String { "gen_*.pt and dis_*.pt of NVlabs/MUNIT (both domains in each)" }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence("CC BY-NC-SA 4.0 (NVlabs/MUNIT), not for commercial use", allowsCommercialUse: false)
  }

  /// Tells widths and depths from shapes; `padding` and `activation` do not show in a file.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    try recogniseDomains(files, encoder: "enc_content") {
      try ContentPlan.styleKeys(of: $0, encoder: "enc_style", downsamplings: "styleDownsamplings")
    }
  }
}
