import Testing
import Torch
import TorchNN

/// PyTorch's `spectral_norm` and `weight_norm`, and BigGAN's `SN`, after `torch.manual_seed(3)`.
@Suite struct WeightNormalizationTests {
  private func linear(_ normalization: WeightNormalization) -> Linear {
    Linear(inputFeatures: 3, outputFeatures: 2, normalization: normalization, using: RandomStream(seed: 3))
  }

  @Test func spectralNormEqualsPyTorch() {
    let layer = linear(.spectral)
    #expect(layer.state().map(\.name) == ["weight", "bias", "spectral_u", "spectral_v"])
    expectClose(layer.spectralU, [0.0337335, -0.9994309])
    expectClose(layer.spectralV, [0.1887836, 0.5655847, -0.8027918])
    let y = layer(ramp(2, 3))
    expectClose(y, [-0.5825241, -0.5217767, -0.9063208, -0.6996526])
    y.square().sum().backward()
    expectClose(
      layer.weight.gradient, [0.110647, -2.5871902, -0.0464346, 1.2564119, -2.0715072, 1.0003116],
      tolerance: 1e-5)
    expectClose(layer.spectralU, [-0.6241447, -0.7813088])
    expectClose(layer.spectralV, [0.7254592, 0.0239628, 0.687848])
    _ = layer(ramp(2, 3))
    layer.eval()
    expectClose(layer(ramp(2, 3)), [-0.5305411, -0.4752024, -0.8355616, -0.6427636])
  }

  @Test func evaluationLeavesTheVectorsAlone() {
    for kind in [WeightNormalization.spectral, .spectralBigGAN] {
      let layer = linear(kind)
      layer.eval()
      let before = layer.hostState().map(\.tensor)
      _ = layer(ramp(2, 3))
      #expect(layer.hostState().map(\.tensor) == before)
    }
  }

  @Test func foldedWeightsAreThoseOfAPass() {
    for kind in [WeightNormalization.weight, .spectral] {
      let layer = linear(kind)
      layer.eval()
      withoutGradients { layer.weightMagnitude?.multiplyInPlace(3) }
      let expected = withoutGradients { layer(ramp(2, 3)) }
      let folded = layer.withFoldedWeights {
        // What is kept does not follow the weight.
        withoutGradients { layer.weight.addInPlace(.ones([2, 3])) }
        return withoutGradients { layer(ramp(2, 3)) }
      }
      #expect(folded.floats() == expected.floats())
      #expect(withoutGradients { layer(ramp(2, 3)) }.floats() != expected.floats())
    }
  }

  @Test func spectralNormOfTransposedConvolutionsTakesTheSecondDimension() {
    let layer = ConvTranspose2d(
      inputChannels: 2, outputChannels: 3, kernelSize: 2, normalization: .spectral,
      using: RandomStream(seed: 3))
    expectClose(layer.spectralU, [0.270642, -0.877976, -0.3948559])
    expectClose(
      layer(ramp(1, 2, 1, 1)),
      [
        -0.6925481, -0.4502242, -0.6303037, -0.4435924, -0.4434021, -0.0470803, 0.2178549, 0.2254437,
        0.0399078, -0.1519196, 0.2021786, -0.3503451,
      ])
  }

  @Test func spectralNormConvergesToTheLargestSingularValue() {
    let layer = Conv2d(
      inputChannels: 3, outputChannels: 4, kernelSize: 3, normalization: .spectral(iterations: 100),
      using: RandomStream(seed: 3))
    let weight = layer.effectiveWeight().flattened(from: 1)
    expectClose(weight.singularValues().slice(0, 0, 1), [1], tolerance: 1e-5)
  }

  /// The quotient rule on W / (u·W·v) with the vectors of the pass behind.
  @Test func munitsSpectralNormTakesTheLastVectorsIntoEveryGradient() throws {
    let layer = linear(.spectralOverwriting())
    layer.eval()
    let weight = layer.weight.detached()
    var (sigmas, products): ([Tensor], [Tensor]) = ([], [])
    let factors = [ramp(2, 3), ramp(2, 3).square() - 1]
    for factor in factors {
      products.append((layer.effectiveWeight() * factor).sum())
      let (u, v) = (try #require(layer.spectralU), try #require(layer.spectralV))
      sigmas.append((u.cloned() * weight.matmul(v.cloned())).sum())
    }
    let (u, v) = (try #require(layer.spectralU), try #require(layer.spectralV))
    (products[0] + products[1]).backward()
    let outer = u.unsqueezed(1) * v.unsqueezed(0)
    var expected = Tensor.zeros([2, 3])
    for (factor, sigma) in zip(factors, sigmas) {
      expected = expected + factor / sigma - outer * ((factor * weight).sum() / sigma.square())
    }
    #expect(abs(sigmas[0].item() - sigmas[1].item()) > 1e-3)
    expectClose(layer.weight.gradient, expected.floats().map(Double.init), tolerance: 1e-5)
  }

  @Test func bigGANsSpectralNormEqualsTheAuthors() {
    let layer = linear(.spectralBigGAN)
    #expect(layer.state().map(\.name) == ["weight", "bias", "spectral_u", "spectral_value"])
    #expect(layer.spectralU?.shape == [1, 2])
    expectClose(layer.spectralU, [0.0461824, -1.3682592])
    _ = layer(ramp(2, 3))
    let y = layer(ramp(2, 3))
    expectClose(y, [-0.5305411, -0.4752024, -0.8355616, -0.6427636])
    y.square().sum().backward()
    expectClose(
      layer.weight.gradient, [0.4296451, -1.2926238, -0.3496832, 0.8340131, -0.871408, 0.0044475],
      tolerance: 1e-5)
    expectClose(layer.spectralU, [-0.7109395, -0.7032533])
    expectClose(layer.spectralValue, [1.0141692])
    layer.eval()
    // Evaluation makes an iteration of its own, so that its numbers are the next step's.
    expectClose(layer(ramp(2, 3)), [-0.529761, -0.4745035, -0.8344997, -0.6419099])
    expectClose(layer.spectralU, [-0.7109395, -0.7032533])
  }

  @Test func weightNormEqualsPyTorch() {
    let layer = linear(.weight)
    #expect(layer.state().map(\.name) == ["weight", "bias", "weight_magnitude"])
    #expect(layer.weightMagnitude?.shape == [2, 1])
    layer.weightMagnitude?.multiplyInPlace(2)
    let y = layer(ramp(2, 3))
    expectClose(y, [-1.3989366, -1.2532456, -2.0176213, -1.5931163])
    y.square().sum().backward()
    expectClose(layer.weightMagnitude?.gradient, [9.19524, 6.5758281], tolerance: 1e-5)
    expectClose(
      layer.weight.gradient, [2.8861194, -0.8340033, -5.1448002, 0.8508692, -9.1005421, -0.3277548],
      tolerance: 1e-5)
  }

  @Test func twoPassesBeforeBackwardKeepTheirOwnVectors() {
    let layer = linear(.spectral)
    let first = layer(ramp(2, 3)).sum()
    let second = layer(ramp(2, 3)).sum()
    (first + second).backward()
    #expect(layer.weight.gradient?.isFinite() == true)
  }

  @Test func embeddingsCanBeNormalised() {
    let table = Embedding(count: 4, features: 3, normalization: .spectralBigGAN, using: RandomStream(seed: 3))
    #expect(table.spectralU?.shape == [1, 4])
    #expect(table(Tensor([1, 3])).shape == [2, 3])
  }
}
