import AtelierData
import AtelierTraining
import Testing
import Torch

@Suite struct HealthTests {
  @Test func aNumberThatIsNoneIsFound() {
    var watch = HealthWatch(HealthPolicy())
    let findings = watch.observe(
      values: [("loss", .nan), ("other", 1)], gradientNorms: [("generator", .infinity)])
    #expect(findings.map(\.kind) == [.notANumber, .notANumber])
    #expect(findings[0].message.contains("loss"))
  }

  @Test func aGradientFarAboveItsMedianIsFound() {
    var watch = HealthWatch(HealthPolicy())
    for step in 0..<20 {
      #expect(watch.observe(values: [], gradientNorms: [("generator", 1 + Double(step % 3))]).isEmpty)
    }
    #expect(watch.observe(values: [], gradientNorms: [("generator", 150)]).isEmpty)
    let findings = watch.observe(values: [], gradientNorms: [("generator", 1000)])
    #expect(findings.map(\.kind) == [.explodingGradients])
  }

  @Test func aDiscriminatorThatIsAlwaysRightIsSaidOnce() {
    var watch = HealthWatch(HealthPolicy())
    var findings: [HealthFinding] = []
    for _ in 0..<50 { findings += watch.observe(values: [("discriminatorAccuracy", 1)], gradientNorms: []) }
    #expect(findings.map(\.kind) == [.discriminator])
    // Another accuracy, such as a classifier's, may be as high as it likes.
    for _ in 0..<50 { #expect(watch.observe(values: [("accuracy", 1)], gradientNorms: []).isEmpty) }
  }

  @Test func aDiscriminatorThatOnlyGuessesIsFound() {
    var watch = HealthWatch(HealthPolicy())
    var findings: [HealthFinding] = []
    for _ in 0..<70 { findings += watch.observe(values: [("realAccuracy", 0.505)], gradientNorms: []) }
    #expect(findings.count == 1)
  }

  @Test func samplesThatBecomeAlikeAreFoundOnce() {
    var watch = HealthWatch(HealthPolicy())
    #expect(watch.observe(diversity: 0.1).isEmpty)
    #expect(watch.observe(diversity: 1).isEmpty)
    #expect(watch.observe(diversity: 0.5).isEmpty)
    #expect(watch.observe(diversity: 0.1).map(\.kind) == [.diversity])
    #expect(watch.observe(diversity: 0.1).isEmpty)
    #expect(watch.observe(diversity: 0.9).isEmpty)
    #expect(watch.observe(diversity: 0.1).count == 1)
  }

  @Test func diversityComparesWithinAConditionOnly() {
    let pictures = Tensor([0, 0, 0, 2, 5, 5, 5, 5] as [Float], shape: [4, 1, 1, 2])
    // Pairs (0, 1) and (2, 3): sqrt((0 + 4) / 2) and 0.
    let within = HealthWatch.diversity(of: pictures, groups: [0, 0, 1, 1])
    #expect(abs(within - 2.0.squareRoot() / 2) < 1e-6)
    #expect(HealthWatch.diversity(of: pictures, groups: []) > within)
    #expect(HealthWatch.diversity(of: pictures, groups: [0, 1, 2, 3]).isNaN)
  }

  @Test func thePolicyAnswersEachKind() {
    let strict = HealthPolicy(.stop)
    #expect(strict.reaction(to: .notANumber) == .stop)
    #expect(strict.reaction(to: .explodingGradients) == .stop)
    #expect(strict.reaction(to: .diversity) == .warn)
    #expect(HealthPolicy(.ignore).reaction(to: .discriminator) == .ignore)
    #expect(HealthPolicy().reaction(to: .notANumber) == .rollBack)
  }

  @Test func memoryOfTheWatchGoesThroughItsState() {
    var watch = HealthWatch(HealthPolicy())
    for _ in 0..<20 { _ = watch.observe(values: [], gradientNorms: [("a", 1)]) }
    var other = HealthWatch(HealthPolicy(), state: watch.state)
    #expect(other.observe(values: [], gradientNorms: [("a", 101)]).count == 1)
  }

  @Test func aCodebookOfWhichHardlyACodeIsUsedIsNamedOnce() {
    var watch = HealthWatch(HealthPolicy())
    func findings(_ usage: Double) -> [HealthFinding] {
      watch.observe(values: [(name: "codebookUsage", value: usage)], gradientNorms: [])
    }
    #expect((0..<9).allSatisfy { _ in findings(0.01).isEmpty })
    #expect(findings(0.3).isEmpty)
    #expect((0..<9).allSatisfy { _ in findings(0.01).isEmpty })
    let found = findings(0.01)
    #expect(found.map(\.kind) == [.diversity] && found[0].message.contains("codebook has collapsed"))
    #expect(findings(0.01).isEmpty)
  }
}
