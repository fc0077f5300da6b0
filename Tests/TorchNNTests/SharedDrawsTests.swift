import Testing
import Torch
import TorchNN

@Suite struct SharedDrawsTests {
  private func whole() -> StreamDraws { StreamDraws(RandomStream(seed: 5)) }
  private func shared(_ lower: Int, _ count: Int, of total: Int) -> SharedDraws {
    SharedDraws(whole()) { BatchPart(lower: lower, count: count, total: total) }
  }

  @Test func partsTogetherAreWhatOneProcessDraws() {
    let all = whole().normal("z", [6, 2]).floats()
    let parts = [shared(0, 3, of: 6), shared(3, 3, of: 6)].map { $0.normal("z", [3, 2]).floats() }
    #expect(parts[0] + parts[1] == all)
  }

  @Test func theBatchMayBeTheSecondOrThirdAxis() {
    let all = whole().uniform("mask", [4, 6, 5])
    let part = shared(4, 2, of: 6).uniform("mask", [4, 2, 5])
    #expect(part.floats() == all.narrow(1, from: 4, length: 2).floats())
    let third = whole().bernoulli("kept", probability: 0.5, [4, 7, 9])
    #expect(
      shared(0, 3, of: 9).bernoulli("kept", probability: 0.5, [4, 7, 3]).floats()
        == third.narrow(2, from: 0, length: 3).floats())
  }

  @Test func batchesBehindEachOtherAreDividedEach() {
    let all = whole().integers("both", below: 100, [12]).integers()
    #expect(
      shared(3, 3, of: 6).integers("both", below: 100, [6]).integers() == Array(all[3..<6] + all[9..<12]))
  }

  @Test func theKnownAxisComesFirst() {
    let all = whole().normal("state", [3, 6])
    let part = SharedDraws(whole()) { BatchPart(lower: 3, count: 3, total: 6, axis: 1) }
    #expect(part.normal("state", [3, 3]).floats() == all.narrow(1, from: 3, length: 3).floats())
  }

  @Test func whatIsNoExamplesOwnIsTheSameEverywhere() {
    let all = whole().gumbel("noise", [7]).floats()
    #expect(shared(0, 3, of: 6).gumbel("noise", [7]).floats() == all)
    #expect(shared(3, 3, of: 6).gumbel("noise", [7]).floats() == all)
  }

  @Test func aNamedAxisIsTakenWhateverTheOthersMeasure() {
    let all = whole().normal("styles", [3, 6, 2])
    let part = shared(3, 3, of: 6)
    #expect(
      part.along(1).normal("styles", [3, 3, 2]).floats() == all.narrow(1, from: 3, length: 3).floats())
    // By size the first axis would be that of the examples.
    #expect(
      shared(3, 3, of: 6).normal("styles", [3, 3, 2]).floats() != all.narrow(1, from: 3, length: 3).floats())
  }

  @Test func theMasksOfLayersFollowTheNamedAxis() {
    // Three steps of three of six sentences.
    let layer = Dropout(probability: 0.5)
    let all = withDraws(whole()) { layer(.ones([3, 6, 4])) }
    let part = withDraws(shared(3, 3, of: 6)) { withExamples(along: 1) { layer(.ones([3, 3, 4])) } }
    #expect(part.floats() == all.narrow(1, from: 3, length: 3).floats())
    #expect(withExamples(along: 1) { currentDraws == nil })
  }

  @Test func anExampleMayHaveSeveralRows() {
    // Four frames of each of six examples, one example after the other.
    let all = whole().uniform("frames", [24, 2])
    #expect(
      shared(2, 2, of: 6).along(0).uniform("frames", [8, 2]).floats()
        == all.narrow(0, from: 8, length: 8).floats())
  }

  @Test func aNamedAxisOfAnotherBatchIsDividedEqually() {
    // The batch that was served last had other examples than what is drawn for.
    let all = whole().integers("label", below: 50, [2, 10])
    #expect(
      shared(3, 3, of: 6).along(1).integers("label", below: 50, [2, 5]).integers()
        == all.narrow(1, from: 5, length: 5).contiguous().integers())
  }

  @Test func commonNumbersAreTheSameEverywhere() {
    let all = whole().integers("sentence", below: 100, [6]).integers()
    #expect(shared(3, 3, of: 6).common.integers("sentence", below: 100, [6]).integers() == all)
    let alone = whole()
    #expect(alone.common === alone && alone.along(1) === alone)
  }

  @Test func partsOfDifferentSizesFitTogether() {
    let all = whole().normal("z", [5]).floats()
    let parts = [BatchShare(rank: 0, count: 2), BatchShare(rank: 1, count: 2)].map { share in
      SharedDraws(whole()) { share.part(of: 5) }.normal("z", [share.part(of: 5).count]).floats()
    }
    #expect(parts.map(\.count) == [2, 3])
    #expect(parts[0] + parts[1] == all)
  }
}
