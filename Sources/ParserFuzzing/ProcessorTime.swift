import Foundation

/// A limit of the processor time of one input: a machine that does other work, or halts the process, makes no input
/// slow.
package enum ProcessorTime {
  /// Lets SIGPROF end the process once it has computed for so many seconds more, all threads together. Another call
  /// begins anew.
  package static func limit(seconds: Double) {
    let (whole, part) = (seconds.rounded(.down), seconds.truncatingRemainder(dividingBy: 1))
    var timer = itimerval()
    timer.it_value.tv_sec = numericCast(Int(whole))
    timer.it_value.tv_usec = numericCast(Int(part * 1e6))
    #if canImport(Darwin)
      setitimer(ITIMER_PROF, &timer, nil)
    #else
      // glibc's numbers are an enumeration of their own.
      setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    #endif
  }
}
