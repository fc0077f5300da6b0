import Foundation
import ParserFuzzing
import Testing

/// An input of the parsers' proof that computes without end is ended, and one that waits is not.
@Suite struct ProcessorTimeTests {
  @Test func whatComputesLongerEndsTheProcess() async {
    await #expect(processExitsWith: .signal(SIGPROF)) {
      ProcessorTime.limit(seconds: 0.05)
      // A call of the system each time, which no optimisation takes away.
      while getppid() >= 0 {}
    }
  }

  @Test func whatWaitsOrBeginsAnewIsLeftAlone() async {
    await #expect(processExitsWith: .success) {
      ProcessorTime.limit(seconds: 0.2)
      usleep(400_000)
      var sum = 0
      for _ in 0..<40 {
        ProcessorTime.limit(seconds: 0.2)
        for number in 0..<50_000 { sum &+= number }
      }
      precondition(sum > 0)
    }
  }
}
