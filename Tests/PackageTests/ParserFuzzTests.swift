import AtelierCore
import ParserFuzzing
import Testing
import Torch

/// Damaged files of every kind: read, or refused in one sentence. `parser-fuzz` tries a million of each.
@Suite struct ParserFuzzTests {
  #if DEBUG
    private let count = 150
  #else
    private let count = 2000
  #endif

  @Test(arguments: FuzzedParser.all.map(\.name))
  func damagedFilesAreReadOrRefusedInOneSentence(_ name: String) throws {
    let parser = try #require(FuzzedParser.named(name))
    let mutation = try Mutation(of: parser, seed: 7)
    let folder = try FuzzFolder()
    defer { folder.remove() }
    var accepted = 0
    for number in 0..<count {
      switch parser.outcome(of: mutation.input(number), in: folder) {
      case .accepted: accepted += 1
      case .refused: break
      case .wrong(let problem): Issue.record("input \(number) of \(name): \(problem)")
      }
    }
    // Inputs begin with valid files; none read would mean that the parser is never reached.
    #expect(accepted > 0)
  }

  @Test func anInputFollowsFromItsNumber() throws {
    let parser = try #require(FuzzedParser.named("pickle"))
    let (one, other) = (try Mutation(of: parser, seed: 3), try Mutation(of: parser, seed: 4))
    let numbers = 100..<140
    #expect(try numbers.map { one.input($0) } == numbers.map { try Mutation(of: parser, seed: 3).input($0) })
    #expect(numbers.map { one.input($0) } != numbers.map { other.input($0) })
  }

  @Test func aTableOfInstancesThatNamesTheLargestRowIsRefused() throws {
    let table = { (neighbour: Int) throws in
      try InstanceTable(
        features: Tensor.zeros([1, 2]) + 1, neighbours: Tensor(HostTensor([neighbour], shape: [1, 1])),
        radius: Tensor.zeros([1]), label: Tensor(HostTensor([0], shape: [1])))
    }
    #expect(try table(0).count == 1)
    for row in [Int.max, Int.max - 1, 1, -1, Int.min] {
      #expect(throws: ConfigurationError.self, "row \(row)") { _ = try table(row) }
    }
  }

  @Test func parsersHaveNamesOfTheirOwn() {
    let names = FuzzedParser.all.map(\.name)
    #expect(Set(names).count == names.count)
  }
}
