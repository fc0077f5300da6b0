public import AtelierCore
public import AtelierData

extension UNIT: ImportingSystem {
  /// The authors' generators and discriminators of the later form.
  public static var foreignFiles: String {
    "gen_*.pt and dis_*.pt of mingyuliutw/UNIT, branch master, or NVlabs/MUNIT with the trainer UNIT"
  }

  /// The licence of the authors' repository.
  public static var foreignLicence: WeightLicence? {
    WeightLicence(
      "CC BY-NC-SA 4.0 (mingyuliutw/UNIT and NVlabs/MUNIT), not for commercial use",
      allowsCommercialUse: false)
  }

  /// Tells widths and depths from shapes; `padding` and `activation` do not show in a file.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    try recogniseDomains(files, encoder: "enc")
  }
}
