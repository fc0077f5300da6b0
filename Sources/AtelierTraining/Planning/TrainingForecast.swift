public import AtelierGeneration
import Foundation

/// What a training will take, from probes at two batch sizes: straight lines in the number of examples.
public struct TrainingForecast: Sendable, Hashable, Encodable {
  /// Examples in a batch.
  public let batchSize: Int
  /// What was measured, the smaller batch first.
  public let probes: [TrainingProbe]
  /// Whether the batch size itself was measured, so that nothing had to be extrapolated.
  public let isMeasured: Bool
  /// Seconds of a step.
  public let secondsAStep: Double
  /// The most bytes that the process will hold.
  public let peakMemory: Int
  /// Bytes that do not depend on the batch: the program, weights, moments, the data that lie in memory.
  public let fixedMemory: Int
  /// Bytes that each example of a batch adds to a step's peak: activations and gradients of them.
  public let memoryAnExample: Int
  /// Bytes of one checkpoint on disk.
  public let checkpointBytes: Int
  /// Bytes that were available when it was made; nil for a device that does not tell.
  public let availableMemory: Int?
  /// The largest batch whose peak leaves a tenth of the available memory free; nil where that is not known.
  public let largestBatch: Int?

  /// The batch sizes to measure for a batch size: an eighth and a half of it, or where that is small the size itself
  /// and twice as much.
  public static func batchSizes(for batchSize: Int) -> [Int] {
    batchSize >= 8 ? [max(2, batchSize / 8), batchSize / 2] : [max(1, batchSize), 2 * max(1, batchSize)]
  }

  /// A forecast.
  ///
  /// - Parameters:
  ///   - probes: at two batch sizes.
  ///   - availableMemory: bytes that a training may take; nil: not known.
  /// - Throws: ``TrainingError/invalid(reason:)`` for other probes.
  public init(
    batchSize: Int, probes: [TrainingProbe], availableMemory: Int? = TrainingForecast.memoryOfThisMachine
  ) throws(TrainingError) {
    let sorted = probes.sorted { $0.batchSize < $1.batchSize }
    guard sorted.count == 2, sorted[0].batchSize < sorted[1].batchSize, sorted[0].batchSize > 0 else {
      throw .invalid(reason: "a forecast needs probes at two batch sizes")
    }
    let (small, large) = (sorted[0], sorted[1])
    let more = Double(large.batchSize - small.batchSize)
    func line(_ one: Double, _ two: Double) -> (at: (Int) -> Double, slope: Double) {
      // A larger batch takes no less; what looks so is noise.
      let slope = max(0, (two - one) / more)
      let base = slope == 0 ? max(one, two) : two - slope * Double(large.batchSize)
      return ({ base + slope * Double($0) }, slope)
    }
    let time = line(small.secondsAStep, large.secondsAStep)
    let step = line(
      Double(small.stepMemory ?? small.peakMemory), Double(large.stepMemory ?? large.peakMemory))
    // Checkpoints and previews hold memory too, which does not depend on the batch.
    let other = Double(min(small.peakMemory, large.peakMemory))
    let direct = sorted.first { $0.batchSize == batchSize }
    self.batchSize = batchSize
    self.probes = sorted
    isMeasured = direct != nil
    secondsAStep = direct?.secondsAStep ?? time.at(batchSize)
    peakMemory = direct?.peakMemory ?? Int(max(other, step.at(batchSize)))
    fixedMemory = Int(max(0, step.at(0)))
    memoryAnExample = Int(step.slope)
    checkpointBytes = large.checkpointBytes
    self.availableMemory = availableMemory
    let room = availableMemory.map { Double($0) * 0.9 }
    largestBatch = room.flatMap { room in
      guard room > other else { return 0 }
      return step.slope > 0 ? max(0, Int((room - step.at(0)) / step.slope)) : nil
    }
  }

  /// Bytes that a further process could take on this machine.
  public static var memoryOfThisMachine: Int? { ProcessMemory.available }

  /// Bytes on disk of the checkpoints that a run keeps, with the one that is being written.
  public func checkpoints(keeping count: Int) -> Int { (count + 1) * checkpointBytes }
}
