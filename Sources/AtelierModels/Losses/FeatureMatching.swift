import AtelierCore
import Torch

/// pix2pixHD's feature matching: the mean absolute differences of what the stages of a multiscale
/// discriminator made of a generated and of a real image, all but the scores, summed over stages and
/// averaged over scales, times 4 / (layers + 1). The real side gets no gradient.
///
/// Source: Wang et al. 2018, equation 4; NVIDIA/pix2pixHD `models/pix2pixHD_model.py` `forward`.
func featureMatching(_ fake: [[Tensor]], _ real: [[Tensor]], layers: Int) -> Tensor {
  featureDistance(fake, real) * (4 / Double(layers + 1))
}

/// The same without the factor, as in spade and sean: mean absolute differences summed over stages, averaged
/// over scales. Source: NVlabs/SPADE `models/pix2pix_model.py` `compute_generator_loss`.
func featureDistance(_ fake: [[Tensor]], _ real: [[Tensor]]) -> Tensor {
  let terms = zip(fake, real).flatMap { fake, real in
    zip(fake, real).dropLast().map { meanAbsoluteError($0, $1.detached()) }
  }
  guard check(!terms.isEmpty, "a discriminator without stages has no features to match") else {
    return Tensor(scalar: 0)
  }
  return terms.dropFirst().reduce(terms[0], +) / Double(fake.count)
}

/// An adversarial loss summed over the scales of a multiscale discriminator, each by its last output.
func summedOverScales(_ outputs: [[Tensor]], _ loss: (Tensor) -> Tensor) -> Tensor {
  let terms = outputs.compactMap { $0.last.map(loss) }
  guard check(!terms.isEmpty, "a discriminator without scales has no loss") else { return Tensor(scalar: 0) }
  return terms.dropFirst().reduce(terms[0], +)
}

/// An adversarial loss averaged over the scales of a multiscale discriminator, each by its last output.
func meanOverScales(_ outputs: [[Tensor]], _ loss: (Tensor) -> Tensor) -> Tensor {
  summedOverScales(outputs, loss) / Double(max(1, outputs.count))
}
