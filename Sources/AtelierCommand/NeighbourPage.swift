import ArgumentParser
import Atelier
import Foundation

/// `atelier neighbours`: what an instance-conditioned run takes for alike.
struct NeighbourPage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "neighbours",
    abstract: "Draws instances of a run beside their neighbours, to be looked through.",
    discussion: """
      The system is only as good as its neighbourhoods: each row shows an instance and, nearest first, the images \
      that stand for it in training. With labels, the share of neighbours of the instance's own class is printed, \
      which the features have to earn: the unlabelled form never saw a label.

        atelier neighbours runs/ic-gan-cifar-001 --rows 12 --output neighbours.png
      """)

  @Argument(help: ArgumentHelp("A run of a system with instances.", valueName: "run"), completion: .directory)
  var trained: String

  @Option(help: "The data, if they were moved.", completion: .file())
  var data: String?

  @Option(help: "Instances, drawn at random.")
  var rows: Int = 12

  @Option(help: "Neighbours of each that are shown.")
  var columns: Int = 10

  @Option(help: "What the choice of instances follows from.")
  var seed: UInt64 = 0

  @Option(help: "The page to write.", completion: .file())
  var output: String = "neighbours.png"

  @OptionGroup(title: "Computing") var machine: MachineOptions

  func validate() throws {
    if rows < 1 || columns < 1 { throw ValidationError("--rows and --columns must be at least 1.") }
  }

  func run() throws {
    let folder = URL(fileURLWithPath: trained)
    let binding = try Training.openData(
      of: folder, registry: AtelierTool.systems, dataPath: data.map { URL(fileURLWithPath: $0) },
      device: try machine.applied())
    guard let table = try InstanceTable(binding.facts.artefacts),
      let dataset = try binding.dataset(of: .train)
    else { throw Refusal.usage("\(trained) is not conditioned on instances, so it has no neighbourhoods") }
    let shown = min(columns, table.neighbours.shape[1])
    let chosen = RandomStream(seed: seed, purpose: "neighbour page").permutation(table.count).integers()
      .prefix(rows)
    let neighbours = table.neighbours.integers()
    let k = table.neighbours.shape[1]
    var pictures: [Image] = []
    for row in chosen {
      let members = [row] + (0..<shown).map { neighbours[row * k + $0] }
      let fields = try dataset.batch(at: members.map { binding.exampleNumber(ofInstance: $0) })
      guard let images = fields["image"] else { throw Refusal.data("the data have no images") }
      let signed = Tensor(images).asType(.float32) / 127.5 - 1
      pictures += try Image.images(of: signed.host())
    }
    let titles = ["instance"] + (1...shown).map(String.init)
    try ImageGrid(columns: shown + 1, columnTitles: titles).render(pictures)
      .write(to: URL(fileURLWithPath: output))
    print("\(chosen.count) instances with \(shown) of \(k) neighbours in \(output)")
    let labels = table.label.integers()
    if Set(labels).count > 1 {
      let same = neighbours.enumerated().filter { labels[$0.element] == labels[$0.offset / k] }.count
      var counts: [Int: Int] = [:]
      for label in labels { counts[label, default: 0] += 1 }
      let chance = counts.values.reduce(0.0) { $0 + pow(Double($1) / Double(labels.count), 2) }
      print(
        String(
          format: "neighbours of the instance's own class: %.4f (by chance %.4f), %d instances, k %d",
          Double(same) / Double(neighbours.count), chance, labels.count, k))
    }
    print(
      String(
        format: "distance to neighbour %d: mean %.4f, smallest %.4f, largest %.4f", k,
        table.radius.mean().item(), table.radius.min().item(), table.radius.max().item()))
  }
}
