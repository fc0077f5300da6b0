import Atelier
import AtelierTraining
import Foundation
import TestSupport
import Testing

/// What a training will take, by a few steps of it.
@Suite struct PlanningTests {
  @Test func aForecastIsTheLineThroughTwoProbes() throws {
    func probe(_ batch: Int, _ seconds: Double, _ step: Int?, peak: Int) -> TrainingProbe {
      TrainingProbe(
        batchSize: batch, steps: 9, secondsAStep: seconds, stepMemory: step, peakMemory: peak, idleMemory: 50,
        checkpointBytes: 1000, stateBytes: 900, parameters: [])
    }
    #expect(
      TrainingForecast.batchSizes(for: 64) == [8, 32] && TrainingForecast.batchSizes(for: 1) == [1, 2])
    let forecast = try TrainingForecast(
      batchSize: 64, probes: [probe(32, 0.5, 420, peak: 420), probe(16, 0.3, 260, peak: 300)],
      availableMemory: 1000)
    #expect(forecast.secondsAStep == 0.9 && forecast.peakMemory == 740 && !forecast.isMeasured)
    #expect(forecast.memoryAnExample == 10 && forecast.fixedMemory == 100)
    // (900 - 100) / 10.
    #expect(forecast.largestBatch == 80 && forecast.checkpoints(keeping: 2) == 3000)
    // What is held apart from steps is held whatever the batch; less memory for a larger batch is noise.
    let flat = try TrainingForecast(
      batchSize: 64, probes: [probe(16, 0.3, 260, peak: 800), probe(32, 0.2, 250, peak: 790)],
      availableMemory: nil)
    #expect(flat.secondsAStep == 0.3 && flat.peakMemory == 790 && flat.memoryAnExample == 0)
    #expect(flat.largestBatch == nil)
    let direct = try TrainingForecast(
      batchSize: 2, probes: [probe(2, 0.3, 260, peak: 270), probe(4, 0.5, 300, peak: 310)],
      availableMemory: 100)
    #expect(direct.isMeasured && direct.secondsAStep == 0.3 && direct.peakMemory == 270)
    #expect(direct.largestBatch == 0)
    #expect(throws: TrainingError.self) { try TrainingForecast(batchSize: 2, probes: []) }
  }
}
