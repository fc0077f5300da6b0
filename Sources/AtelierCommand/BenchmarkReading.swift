import ArgumentParser
import Atelier
import Foundation

extension Benchmark {
  /// What opening and reading images takes.
  private struct Reading: Encodable {
    let images: Int
    /// Until the first batch could be asked for: the folder or its index is read, and the first pass shuffled.
    let openingSeconds: Double
    /// The growth of the memory in use by that, at its peak.
    let openingBytes: Int
    let imagesPerSecond: Double
  }

  /// Opens images as a training does, and reads batches of them in `threads` at a time; with 0 steps it only opens them.
  func readImages() throws {
    guard let data else { throw Refusal.usage("reading needs --data, the images that are read") }
    func seconds(since start: ContinuousClock.Instant) -> Double {
      let parts = (ContinuousClock.now - start).components
      return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    }
    let before = Engine.memory()?.peak ?? 0
    var start = ContinuousClock.now
    let images = try openDataset(
      at: PipedData.place(data), preparation: ImagePreparation(height: 64, width: 64, channels: 3))
    let loader = try Loader(images, batchSize: 64, workers: threads)
    let opening = seconds(since: start)
    let growth = (Engine.memory()?.peak ?? 0) - before
    for _ in 0..<(steps > 0 ? warmup : 0) { _ = try loader.next() }
    start = ContinuousClock.now
    var read = 0
    for _ in 0..<steps { read += try loader.next().indices.count }
    let line = Reading(
      images: images.count, openingSeconds: opening, openingBytes: growth,
      imagesPerSecond: steps > 0 ? Double(read) / seconds(since: start) : 0)
    print(String(decoding: try JSONEncoder().encode(line), as: UTF8.self))
  }
}
