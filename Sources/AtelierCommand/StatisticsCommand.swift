public import ArgumentParser
public import Atelier
import Foundation

/// `atelier data statistics`: keeps the statistics of a set's features, which Fréchet distances are measured from.
struct StatisticsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "statistics", abstract: "Keeps the statistics of a part, for `evaluate --statistics`.",
    discussion: """
      Mean and covariance of every image's features: of the FID paper's Inception network where its weights are named, \
      else of the pixels. The file names the network, the data and their hashes.

        atelier data statistics /usr/share/datasets/fashion-mnist fashion-mnist.safetensors
      """)

  @Argument(help: "A folder, an archive or arrays of images.", completion: .file())
  var path: String

  @Argument(help: "The file to write.", completion: .file())
  var output: String

  @Option(help: "The part: train, validation or test.")
  var part = DatasetSplit.test

  @Option(help: "Bring the images to this side first.")
  var size: Int?

  @Option(help: "Bring the images to 1 channel, grey, or 3, colours.")
  var channels: Int?

  @Option(
    help: "Weights of the FID paper's Inception network (pt_inception-2015-12-05-*.pth).", completion: .file()
  )
  var inception: String?

  @Option(help: "How images come to that network's size: tensorflow, clean-fid or pytorch.")
  var resize = InceptionResize.tensorflow

  @Flag(help: "Write over a file that is there.")
  var force = false

  func run() throws {
    let target = URL(fileURLWithPath: output)
    try refuseExisting(target, force: force)
    let place = URL(fileURLWithPath: path)
    var data = try openDataset(at: place, split: part)
    guard let shape = try data.description.imageShape ?? data.example(at: 0)["image"]?.shape else {
      throw Refusal.data("\(path) holds no images")
    }
    let preparation = ImagePreparation(
      height: size ?? shape[shape.count - 2], width: size ?? shape[shape.count - 1],
      channels: channels ?? shape[0])
    if preparation.shape != shape || data.description.imageShape == nil {
      data = try openDataset(at: place, split: part, preparation: preparation)
    }
    let features: any FeatureSource =
      try inception.map { try InceptionFID.load(from: URL(fileURLWithPath: $0), resize: resize) }
      ?? RawPixels()
    let statistics = try ReferenceStatistics(of: data, by: features, part: part.rawValue)
    try statistics.save(to: target)
    print("The statistics of \(statistics.statistics.count) images are in \(target.path).")
    for fact in statistics.facts.fields { print("  \(fact.name) \(fact.value)") }
  }
}

extension DatasetSplit: ExpressibleByArgument {}
extension InceptionResize: ExpressibleByArgument {}
