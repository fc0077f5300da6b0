import Foundation
import Testing
import TorchNN

@Suite struct ScheduleTests {
  @Test func linearDecayFollowsCycleGAN() {
    let schedule = Schedule.linearDecay(start: 100, length: 100)
    #expect(schedule.factor(at: 0) == 1 && schedule.factor(at: 99) == 1)
    #expect(abs(schedule.factor(at: 100) - (1 - 1.0 / 101)) < 1e-12)
    #expect(abs(schedule.factor(at: 199) - 1.0 / 101) < 1e-12)
    #expect(schedule.factor(at: 1000) == 0)
    #expect(Schedule.linearDecay(start: 2, length: 3, offset: 0).factor(at: 3) == 0.75)
  }

  @Test func stepsFallAtTheirPlaces() {
    #expect((0..<5).map { Schedule.step(every: 2, factor: 0.5).factor(at: $0) } == [1, 1, 0.5, 0.5, 0.25])
    let schedule = Schedule.multiStep(milestones: [1, 3], factor: 0.5)
    #expect((0..<5).map { schedule.factor(at: $0) } == [1, 0.5, 0.5, 0.25, 0.25])
  }

  @Test func cosineRisesAndFallsToItsMinimum() {
    let schedule = Schedule.cosine(length: 10, minimum: 0.1, warmup: 2)
    #expect(abs(schedule.factor(at: 0) - 1.0 / 3) < 1e-12)
    #expect(schedule.factor(at: 2) == 1)
    #expect(abs(schedule.factor(at: 6) - 0.55) < 1e-12)
    #expect(abs(schedule.factor(at: 10) - 0.1) < 1e-12)
    #expect(abs(schedule.factor(at: 99) - 0.1) < 1e-12)
  }

  @Test func exponentialStopsAtItsMinimum() {
    let schedule = Schedule.exponential(factor: 1 / 1.000004, minimum: 1e-5)
    #expect(schedule.factor(at: 0) == 1)
    #expect(abs(schedule.factor(at: 1000) - pow(1.000004, -1000)) < 1e-12)
    #expect(schedule.factor(at: 100_000_000) == 1e-5)
  }

  @Test func noamPeaksAtTheEndOfItsWarmup() {
    let schedule = Schedule.noam(modelSize: 512, warmup: 4000)
    #expect(abs(schedule.factor(at: 3999) - 1 / (512.0 * 4000).squareRoot()) < 1e-9)
    #expect(schedule.factor(at: 3998) < schedule.factor(at: 3999))
    #expect(schedule.factor(at: 4000) < schedule.factor(at: 3999))
    #expect(abs(schedule.learningRate(base: 2, at: 0) - 2 * pow(512, -0.5) * pow(4000, -1.5)) < 1e-12)
  }

  @Test func schedulesSurviveAFile() throws {
    let all: [Schedule] = [
      .constant, .linearDecay(start: 1, length: 2), .step(every: 3, factor: 0.1),
      .multiStep(milestones: [1], factor: 0.2), .cosine(length: 9), .exponential(factor: 0.9),
      .noam(modelSize: 8, warmup: 4),
    ]
    let data = try JSONEncoder().encode(all)
    #expect(try JSONDecoder().decode([Schedule].self, from: data) == all)
  }

  @Test func rampsMoveInAStraightLine() {
    let ramp = LinearRamp(from: 0.5, to: 0.7, start: 1, length: 250)
    #expect(ramp.value(at: 0) == 0.5 && ramp.value(at: 1) == 0.5)
    #expect(abs(ramp.value(at: 126) - 0.6) < 1e-12)
    #expect(abs(ramp.value(at: 400) - 0.7) < 1e-12)
    #expect(LinearRamp(from: 1, to: 2, length: 0).value(at: 0) == 2)
  }
}
