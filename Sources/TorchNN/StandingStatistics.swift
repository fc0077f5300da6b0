import Torch

/// A norm with running statistics.
public protocol RunningStatistics: Module {
  /// The weight of a new batch in the running statistics; nil gives all batches equal weight.
  var momentum: Double? { get set }
}

extension Module {
  /// Replaces the running statistics of all batch norms in the module by the mean over some passes in
  /// training mode: BigGAN's standing statistics, also for moving averages of weights, which have no
  /// statistics of their own.
  ///
  /// Only the norms are in training mode during the passes, so that spectral vectors do not change. Modes are
  /// restored afterwards.
  ///
  /// - Parameters:
  ///   - passes: the number of passes.
  ///   - body: one pass; gets its index.
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
        // The first pass overwrites the statistics, later ones are averaged.
        for norm in norms { norm.momentum = 1 / Double(pass + 1) }
        try body(pass)
      }
    }
  }
}
