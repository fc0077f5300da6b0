public import AtelierCore
import Torch
import TorchNN

extension GenerativeSystem {
  /// Runs `body` with the networks ready to draw: in evaluation mode, with moving averages in place of their weights,
  /// and without gradients. Afterwards each part of a network is in its own mode again, with its own weights.
  ///
  /// Weights are exchanged once, for everything that is drawn within. It is free within another such call, and for the
  /// system of a ``Generator``.
  public func drawing<Result>(_ body: () throws -> Result) rethrows -> Result {
    func averaged(_ rest: ArraySlice<(network: String, average: MovingAverage)>) throws -> Result {
      guard let first = rest.first else { return try withoutGradients(body) }
      return try first.average.applied { try averaged(rest.dropFirst()) }
    }
    func evaluating(_ rest: ArraySlice<Network>) throws -> Result {
      guard let first = rest.first else { return try averaged(averages[...]) }
      return try first.module.evaluating { try evaluating(rest.dropFirst()) }
    }
    do { return try evaluating(networks[...]) }
  }
}
