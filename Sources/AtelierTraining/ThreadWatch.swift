import Torch

/// Keeps a training's steps fast beside other programs, by what ``ThreadChooser`` finds.
struct ThreadWatch {
  /// The threads that the run is recorded with.
  let threads: Int
  private var chooser: ThreadChooser
  private var hasSpoken = false
  private let adapts: Bool

  /// - Parameter adapts: whether the number of threads may be changed.
  init(adapts: Bool) {
    threads = Engine.threadCount
    self.adapts = adapts
    chooser = ThreadChooser(threads: threads, adapts: adapts)
  }

  /// Takes note of a step's time, and sets what is to be in force from now on.
  ///
  /// - Returns: what is to be said of it; nil: nothing.
  mutating func observe(_ step: Duration) -> String? {
    guard let setting = chooser.observe(step.seconds) else { return nil }
    apply(setting)
    guard !hasSpoken, chooser.isSettled, setting != chooser.settings.first else { return nil }
    hasSpoken = true
    return adapts
      ? "Other programs use the processors: an operation has \(setting.threads) of \(threads) threads until they end."
      : "Other programs use the processors: threads sleep while they wait for each other, which changes no number; "
        + "a training that may change its threads also takes fewer, which changes the last bits."
  }

  /// Puts the run's own setting back.
  func end() { apply(ThreadSetting(threads: threads, isBrief: false)) }

  private func apply(_ setting: ThreadSetting) {
    if Engine.threadCount != setting.threads { Engine.threadCount = setting.threads }
    _ = Engine.setBriefWaiting(setting.isBrief)
  }
}
