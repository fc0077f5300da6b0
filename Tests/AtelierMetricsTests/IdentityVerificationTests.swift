import AtelierMetrics
import Testing
import Torch

@Suite struct IdentityVerificationTests {
  /// Two people of two items each: on the axes, a little apart.
  private let gallery = Tensor([1, 0, 0.8, 0.6, 0, 1, 0, 2] as [Float], shape: [4, 2])
  private let people = [7, 7, 9, 9]

  @Test func aGalleryRecognisesItself() throws {
    let among = try IdentityVerification(probes: gallery, gallery: gallery, identities: people)
    #expect(among.own.allSatisfy { abs($0 - 1) < 1e-12 })
    #expect(among.rankOne == [1, 1, 1, 1] && among.accepted(from: 0.7) == [1, 1, 1, 1])
    // Of pairs of two people the cosines are 0, 0, 0.6 and 0.6, each seen from both sides.
    #expect(among.threshold(falseAccepts: 0).map { $0 > 0.6 && $0 < 0.601 } == true)
    #expect(among.threshold(falseAccepts: 0.5).map { $0 > 0 && $0 < 0.001 } == true)
    #expect(among.equalErrorRate() == 0)
  }

  @Test func aProbeIsNeverComparedWithWhatItIsMadeOf() throws {
    // The first one's probe is like its own item and the other person, not like its person's other item.
    let probes = Tensor([0.6, 0.8, 0, 1, 1, 0, 1, 0] as [Float], shape: [4, 2])
    let found = try IdentityVerification(probes: probes, gallery: gallery, identities: people)
    #expect(zip(found.own, [0.6, 0.6, 0, 0]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(found.rankOne == [1, 0, 0, 0])
    #expect(found.accepted(from: 0.9) == [1, 0, 0, 0])
    #expect(found.equalErrorRate().map { $0 > 0.5 } == true)
    #expect(found.equalErrorRate(of: [0]) == 0)
  }

  @Test func varianceIsTheMeanSquaredDistanceFromTheMean() throws {
    // Unit vectors at an angle whose cosine is 0.8: their mean has the squared length 0.9.
    let variances = try IdentityVerification.variances(gallery, identities: people)
    #expect(zip(variances, [0.1, 0]).allSatisfy { abs($0 - $1) < 1e-6 } && variances.count == 2)
    #expect(try IdentityVerification.variances(gallery, identities: [1, 2, 3, 3]).count == 1)
  }

  @Test func peopleOfOneImageAndDataOfOnePersonAreLeftOut() throws {
    let single = try IdentityVerification(probes: gallery, gallery: gallery, identities: [1, 2, 3, 3])
    #expect(single.rankOne.count == 2 && single.accepted(from: 0).count == 2)
    let alone = try IdentityVerification(probes: gallery, gallery: gallery, identities: [1, 1, 1, 1])
    #expect(alone.threshold(falseAccepts: 0.01) == nil && alone.equalErrorRate() == nil)
    for (probes, identities) in [(gallery, [1, 2]), (gallery.slice(0, 0, 3), people)] {
      #expect(throws: MetricError.self) {
        try IdentityVerification(probes: probes, gallery: gallery, identities: identities)
      }
    }
    let broken = Tensor([.nan, 0, 0, 1] as [Float], shape: [2, 2])
    #expect(throws: MetricError.self) {
      try IdentityVerification(probes: broken, gallery: broken, identities: [1, 2])
    }
  }
}
