import AtelierCore
import AtelierData
import Foundation

extension DataPlan {
  /// A part of the data, of which a share may be held out.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` where there is no such part,
  ///   ``DatasetError/invalid(reason:)`` for a share of data that have a part to measure on.
  func open(
    _ path: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    guard let holdOut = opening.reading.holdOut else {
      return try arrangement.open(path, split, opening, artefacts)
    }
    return try holdOut.part(split, of: arrangement.open(path, .train, opening, artefacts))
  }

  /// The training part before the configuration is adapted to it.
  func survey(_ path: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let whole = try arrangement.survey(path, opening, &artefacts)
    guard let holdOut = opening.reading.holdOut else { return whole }
    if let split = try heldOutPart(of: path, opening, artefacts) {
      throw DatasetError.invalid(
        reason:
          "\(path.lastPathComponent) has a \(split.rawValue) part to measure on already; hold nothing out of it"
      )
    }
    return try holdOut.part(.train, of: whole)
  }

  /// The part of the data themselves that training leaves alone; nil where there is none.
  func heldOutPart(
    of path: URL, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DatasetSplit? {
    // Texts and captions are always divided; reading their features twice would take long.
    guard !(arrangement is RunningText || arrangement is TaggedImages || arrangement is ClassPairs) else {
      return .test
    }
    var opening = opening
    opening.keepsSize = true
    for split in [DatasetSplit.test, .validation] {
      do {
        _ = try arrangement.open(path, split, opening, artefacts)
        return split
      } catch DatasetError.missingSplit { continue }
    }
    return nil
  }
}
