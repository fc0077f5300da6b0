internal import AtelierMedia
internal import Foundation
internal import Torch

/// Images with their classes from shards that commands write, decoded while the commands run.
struct PipedImages: Dataset {
  let description: DatasetDescription
  let labels: [Int]
  private let counts: [Int]
  private let streams: ShardStreams
  private let order: ShardOrder
  private let preparation: ImagePreparation?
  private let codec: ImageCodec
  private let depth: Int

  /// The training part of what commands give; they give no other.
  init(
    _ piped: PipedShards, at path: URL, _ split: DatasetSplit, preparation: ImagePreparation?,
    codec: ImageCodec,
    depth: Int
  ) throws(DatasetError) {
    guard split == .train else {
      throw .missingSplit(
        path: path.path, split: split, reason: "shards from commands are not divided into parts")
    }
    let own = piped.survey.shards.flatMap(\.labels)
    var description = DatasetDescription(
      layout: .shards, name: "pipe", split: split, count: own.count, fingerprint: piped.survey.fingerprint)
    labels = try LabelledShards.numbered(own, of: own, path, &description)
    description.imageShape = preparation?.shape
    description.labelHistogram = [Int](repeating: 0, count: description.classNames.count)
    for label in labels { description.labelHistogram[label] += 1 }
    self.description = description
    counts = piped.survey.shards.map(\.labels.count)
    streams = ShardStreams(piped.commands, counts: counts)
    // What waits in the buffer has to fit into memory, half of which is for what is read ahead.
    let mean = max(1, piped.survey.shards.reduce(0) { $0 + $1.bytes } / max(1, own.count))
    order = ShardOrder(counts: counts, buffer: min(ShardOrder.buffer, max(1, ShardStreams.most / 2 / mean)))
    (self.preparation, self.codec, self.depth) = (preparation, codec, depth)
  }

  var count: Int { labels.count }

  func example(at index: Int) throws(DatasetError) -> Example {
    guard labels.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(labels.count)")
    }
    var (shard, number) = (0, index)
    while number >= counts[shard] {
      number -= counts[shard]
      shard += 1
    }
    let bytes = try streams.image(number, of: shard)
    do throws(ImageError) {
      let image = try codec.decode(bytes, named: "image \(number) of shard \(shard)")
      return Example([
        "image": (try preparation?(image, depth: depth) ?? image).hostTensor(depth: depth),
        "label": HostTensor([labels[index]], shape: []),
      ])
    } catch { throw .unreadable("image \(number) of shard \(shard)", error) }
  }

  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    order.batches(of: batchSize, using: &generator)
  }
}
