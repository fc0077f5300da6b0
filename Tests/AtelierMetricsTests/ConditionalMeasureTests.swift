import AtelierMetrics
import Foundation
import Testing
import Torch

/// Measures of images that were made for a class or from an input.
@Suite struct ConditionalMeasureTests {
  private let labels = (0..<24).map { $0 % 2 }

  /// The first class moved by two in each of three columns, the second as it was.
  private func sets() -> (real: Tensor, fake: Tensor) {
    let real = waves(24, 3, 0.7, 0.3, 0)
    let shifts = labels.map { label -> [Double] in label == 0 ? [2, 2, 2] : [0, 0, 0] }
    let moved = matrix(shifts)
    return (real, real + moved)
  }

  @Test func aClassThatMovedHasTheSquaredShiftAndTheOtherNothing() throws {
    let (real, fake) = sets()
    let found = try groupedFrechetDistance(
      real: real, realLabels: labels, fake: fake, fakeLabels: labels, groups: [[0], [1]], fewest: 5)
    #expect(isClose(found.groups[0].distance ?? 0, 12))
    #expect((found.groups[1].distance ?? 1) < 1e-9)
    #expect(isClose(found.mean ?? 0, 6))
    #expect(found.groups.allSatisfy { $0.realCount == 12 && $0.fakeCount == 12 } && found.deficient.isEmpty)
  }

  @Test func aGroupOfClassesIsMeasuredAsOneSet() throws {
    let (real, fake) = sets()
    let found = try groupedFrechetDistance(
      real: real, realLabels: labels, fake: fake, fakeLabels: labels, groups: [[0, 1]], fewest: 5)
    let whole = try frechetDistance(real: real, fake: fake)
    #expect(isClose(found.groups[0].distance ?? 0, whole) && !isClose(whole, 6))
  }

  @Test func aClassWithTooFewPicturesHasNoDistanceAndOneBelowTheFeaturesIsNamed() throws {
    let (real, fake) = (waves(24, 3, 0.7, 0.3, 0), waves(9, 3, 1.1, 0.9, 0.2))
    // Of the class 0 there are three generated images for three features, of the class 1 six, of 2 none.
    let made = [0, 0, 0, 1, 1, 1, 1, 1, 1]
    let found = try groupedFrechetDistance(
      real: real, realLabels: labels, fake: fake, fakeLabels: made, groups: [[0], [1], [2]], fewest: 2)
    #expect(found.refused.map(\.classes) == [[2]] && found.deficient.map(\.classes) == [[0]])
    let sum: Double = found.groups.compactMap(\.distance).reduce(0, +)
    #expect(isClose(found.mean ?? 0, sum / 2))
    #expect(
      sentence {
        _ = try groupedFrechetDistance(
          real: real, realLabels: [0], fake: fake, fakeLabels: made, groups: [[0]])
      }?.contains("24 rows and 1 labels") == true)
  }

  @Test func classesAreGroupedByTheirTrainingPictures() throws {
    let groups = ShotGroups.usual.groups(trainingCounts: [300, 100, 20, 19, 0])
    #expect(groups.map(\.classes) == [[0], [1, 2], [3, 4]])
    #expect(groups.map { $0.name.prefix(3) } == ["man", "med", "few"])
    #expect(ShotGroups.usual.groups(trainingCounts: [500, 500]).map(\.classes) == [[0, 1]])
    #expect(throws: MetricError.self) { try ShotGroups(few: 5, many: 4) }
  }

  /// Logits of a classifier that is sure of a class for each output of each input.
  private func sure(_ classes: [[Int]], of count: Int) -> Tensor {
    var values: [Double] = []
    for chosen in classes.joined() {
      var row = [Double](repeating: 0, count: count)
      row[chosen] = 200
      values += row
    }
    return Tensor(HostTensor(values, shape: [classes.count, classes[0].count, count]))
  }

  @Test func conditionalInceptionScoresHaveTheirClosedForms() throws {
    // Two inputs with two kinds of outputs each, all four of them different.
    let varied = try conditionalInceptionScore(logits: sure([[0, 1], [2, 3]], of: 4))
    #expect(isClose(varied.withinInputs, log(2)) && isClose(varied.exponential, 2))
    #expect(isClose(varied.overall, log(4)) && isClose(varied.betweenInputs, log(2)))
    // The outputs of an input do not differ: all variety is the inputs'.
    let collapsed = try conditionalInceptionScore(logits: sure([[0, 0], [1, 1]], of: 2))
    #expect(collapsed.withinInputs < 1e-12 && isClose(collapsed.inceptionScore, 2))
    // Every input gives both kinds: all variety is the styles'.
    let styled = try conditionalInceptionScore(logits: sure([[0, 1], [1, 0]], of: 2))
    #expect(isClose(styled.withinInputs, log(2)) && styled.betweenInputs < 1e-12)
    // An output of which the classifier says nothing has no kind.
    #expect(try conditionalInceptionScore(logits: .zeros([3, 4, 5])).overall < 1e-12)
  }

  @Test func withoutInputsTheScoreIsTheInceptionScore() throws {
    let logits = waves(12, 3, 0.7, 0.3, 0.1)
    let score = try conditionalInceptionScore(logits: logits.reshaped([4, 3, 3]))
    #expect(isClose(score.inceptionScore, try inceptionScore(logits: logits, splits: 1).mean))
    let parts = try (0..<4).map {
      log(try inceptionScore(logits: logits.narrow(0, from: $0 * 3, length: 3), splits: 1).mean)
    }
    #expect(isClose(score.withinInputs, parts.reduce(0, +) / 4))
    #expect(throws: MetricError.self) { try conditionalInceptionScore(logits: logits) }
    #expect(throws: MetricError.self) { try conditionalInceptionScore(logits: logits.reshaped([12, 1, 3])) }
  }
}
