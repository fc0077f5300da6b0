internal import AtelierMedia
internal import Foundation

extension DataCheck {
  /// Judges how the images store numbers: scales that differ, numbers that are clipped, a scale hardly used.
  mutating func judgeNumbers(_ pictures: [SurveyedImage]) {
    let maps = NumberSurvey.mapFolders(at: path)
    let entries = pictures.compactMap { picture -> NumberSurvey.Entry? in
      guard case .success(let facts) = picture.outcome, !maps.contains(where: { picture.name.hasPrefix($0) })
      else { return nil }
      return NumberSurvey.Entry(name: picture.name, facts: facts.numbers)
    }
    for remark in NumberSurvey(entries).remarks(options.codec.scale, isGiven: givenScale != nil) {
      find(remark.kind == .remark ? .note : .warning, remark.kind, remark.sentence)
    }
  }
}
