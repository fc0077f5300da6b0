import AtelierCore
import AtelierData
import Foundation

extension DataPlan {
  /// A part of the data, of which shares may be held out.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` where there is no such part,
  ///   ``DatasetError/invalid(reason:)`` for a share of data that have a part to measure on.
  func open(
    _ path: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    // A test part of their own stays where only a validation part is held out.
    guard let holdOut = opening.reading.holdOut, holdOut.test != nil || holdOut.makes(split) else {
      return try arrangement.open(path, split, opening, artefacts)
    }
    return try holdOut.part(split, of: arrangement.open(path, .train, opening, artefacts))
  }

  /// The training part before the configuration is adapted to it.
  ///
  /// - Parameter say: told of a long search for copies.
  func survey(
    _ path: URL, _ opening: DataOpening, _ artefacts: inout Artefacts, say: (String) -> Void
  ) throws -> DataPart {
    let whole = try arrangement.survey(path, opening, &artefacts)
    guard let holdOut = opening.reading.holdOut else { return whole }
    let own = holdOut.test == nil ? [.validation] : [DatasetSplit.test, .validation]
    if let split = try heldOutPart(of: path, opening, artefacts, among: own) {
      let way =
        split == .test && holdOut.validation != nil
        ? "hold out a validation part alone" : "hold nothing out of it"
      throw DatasetError.invalid(
        reason: "\(path.lastPathComponent) has a \(split.rawValue) part to measure on already; \(way)")
    }
    return try holdOut.part(.train, of: whole, say: say)
  }

  /// The first of some parts that the data have themselves, which training leaves alone; nil where there is none.
  func heldOutPart(
    of path: URL, _ opening: DataOpening, _ artefacts: Artefacts,
    among splits: [DatasetSplit] = [.test, .validation]
  ) throws -> DatasetSplit? {
    // Texts and captions are always divided; reading their features twice would take long.
    guard !(arrangement is RunningText || arrangement is TaggedImages || arrangement is ClassPairs) else {
      return splits.first
    }
    var opening = opening
    opening.keepsSize = true
    for split in splits {
      do {
        _ = try arrangement.open(path, split, opening, artefacts)
        return split
      } catch DatasetError.missingSplit { continue }
    }
    return nil
  }
}
