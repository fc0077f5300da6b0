import AtelierCore
import TorchNN

/// Runs `body` with a generator as its authors test it: dropout drawing or not, batch norms, and
/// instance norms that have running statistics, with the statistics of what they are given or with the running ones.
///
/// Every part has its own mode again afterwards, and running statistics stay what they were, so that
/// drawing an image never changes a training. Source: junyanz/pytorch-CycleGAN-and-pix2pix `test.py`,
/// which does not call `eval()`.
func testing<Result>(
  _ generator: Module, dropout: Bool, batchStatistics: Bool, _ body: () throws -> Result
) rethrows -> Result {
  try generator.evaluating {
    let norms = generator.allModules().compactMap { $0 as? BatchNorm }
    let instanceNorms = generator.allModules().compactMap { $0 as? InstanceNorm2d }
    for norm in norms { norm.usesBatchStatistics = batchStatistics }
    for norm in instanceNorms { norm.usesOwnStatistics = batchStatistics }
    defer {
      for norm in norms { norm.usesBatchStatistics = false }
      for norm in instanceNorms { norm.usesOwnStatistics = false }
    }
    for part in generator.allModules() where part is Dropout { part.setTraining(dropout) }
    return try body()
  }
}
