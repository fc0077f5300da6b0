import Torch

/// A norm that remembers the statistics of the batches it has seen in training.
public protocol RunningStatistics: Module {
  /// The weight of a new batch in the running statistics; nil averages all batches alike.
  var momentum: Double? { get set }
}

extension Module {
  /// Replaces the running statistics of all batch norms below by the plain mean over some passes in training
  /// mode: BigGAN's standing statistics, and what moving averages of weights need, whose own statistics no
  /// pass has ever produced.
  ///
  /// Only the norms themselves are in training mode meanwhile: spectral vectors and the like stay as they are.
  /// Modes come back afterwards.
  ///
  /// - Parameters:
  ///   - passes: how many passes.
  ///   - body: one pass, given its number; its result is not needed.
  /// - Source: Brock et al. 2019, appendix C; ajbrock/BigGAN-PyTorch utils.py `accumulate_standing_stats`.
  public func reestimateStatistics(passes: Int, _ body: (Int) throws -> Void) rethrows {
    let modules = allModules()
    let norms = modules.compactMap { $0 as? any RunningStatistics }
    let modes = modules.map(\.isTraining)
    let momenta = norms.map(\.momentum)
    defer {
      for (module, mode) in zip(modules, modes) { module.setOwnMode(mode) }
      for (norm, momentum) in zip(norms, momenta) { norm.momentum = momentum }
    }
    eval()
    for norm in norms { norm.setOwnMode(true) }
    try withoutGradients {
      for pass in 0..<passes {
        // The first pass overwrites what was there, the later ones average.
        for norm in norms { norm.momentum = 1 / Double(pass + 1) }
        try body(pass)
      }
    }
  }
}
