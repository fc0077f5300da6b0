import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Images that keep their proportions, in batches of one frame.
@Suite struct AspectBucketTests {
  private func preparation(_ multiple: Int?) -> JointPreparation {
    JointPreparation(
      [
        ImageField("source", .picture(channels: 3), height: 32, width: 32),
        ImageField("target", .picture(channels: 3), height: 32, width: 32),
      ], source: "source", target: "target", bucketMultiple: multiple)
  }

  @Test func imagesKeepTheirProportionsAndBatchesHoldOneFrame() throws {
    try withTemporaryFolder { folder in
      let sizes = [(40, 40), (80, 40), (40, 80), (81, 40), (44, 44), (82, 41), (60, 40)]
      for (number, size) in sizes.enumerated() {
        for side in ["A", "B"] {
          try folder.picture("\(side)/\(number).png", tone: UInt8(number), width: size.0, height: size.1)
        }
      }
      let data = try openPairs(at: folder, preparation(4))
      var shapes: [[Int]] = []
      for index in 0..<data.count {
        let example = try data.example(at: index)
        #expect(example["source"]?.shape == example["target"]?.shape)
        let shape = try #require(example["target"]?.shape)
        #expect(shape[1] % 4 == 0 && shape[2] % 4 == 0)
        // About the area of 32 x 32.
        #expect(abs(shape[1] * shape[2] - 1024) < 200, "\(shape)")
        let own = Double(sizes[index].0) / Double(sizes[index].1)
        #expect(abs(log(own * Double(shape[1]) / Double(shape[2]))) < 0.25, "\(shape)")
        shapes.append(shape)
      }
      #expect(shapes[0] == [3, 32, 32] && shapes[1] == shapes[3] && shapes[1] == shapes[5])
      var generator = SeededGenerator(seed: 1)
      let batches = try #require(data.order(pass: 0, batchSize: 2, using: &generator))
      #expect(batches.flatMap { $0 }.sorted() == Array(0..<data.count))
      #expect(batches.allSatisfy { Set($0.map { shapes[$0] }).count == 1 && $0.count <= 2 })
      var again = SeededGenerator(seed: 1)
      #expect(data.order(pass: 0, batchSize: 2, using: &again) == batches)
      for batch in batches { #expect(try data.batch(at: batch)["target"]?.shape.first == batch.count) }
      // Without it all have the fields' size.
      let plain = try openPairs(at: folder, preparation(nil))
      #expect(try plain.example(at: 1)["target"]?.shape == [3, 32, 32])
      #expect(plain.order(pass: 0, batchSize: 2, using: &again) == nil)
    }
  }
}
