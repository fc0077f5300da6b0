import Testing
import Torch
import TorchNN

/// PyTorch 2.13: `torch.manual_seed(3)`, two layers from 3 to 2 features, `ramp(3, 2, 3)`.
@Suite struct RecurrentTests {
  private func network(_ cell: RecurrentCell, dropout: Double = 0) -> Recurrent {
    Recurrent(
      cell: cell, inputSize: 3, hiddenSize: 2, layers: 2, dropout: dropout, using: RandomStream(seed: 3))
  }

  @Test func lstmEqualsPyTorch() {
    let lstm = network(.lstm)
    expectClose(
      tensor("bias_hh_l1", of: lstm),
      [-0.4776614, 0.3902245, -0.1651051, -0.3518152, 0.1202747, 0.2942887, 0.0748838, -0.2473894])
    let (output, state) = lstm(ramp(3, 2, 3))
    expectClose(
      output,
      [
        -0.0703838, 0.1867392, -0.0669094, 0.1879586, -0.1109584, 0.253998, -0.1234401, 0.2585026, -0.1485552,
        0.2844855, -0.144939, 0.2824806,
      ])
    expectClose(
      state.hidden,
      [0.1358284, 0.2241141, 0.1283583, 0.1711089, -0.1485552, 0.2844855, -0.144939, 0.2824806])
    expectClose(
      state.cell, [0.6408511, 0.4190698, 0.2784811, 0.3989484, -0.2943579, 0.6630545, -0.2912038, 0.6742778])
  }

  @Test func gruEqualsPyTorch() {
    let (output, state) = network(.gru)(ramp(3, 2, 3))
    expectClose(
      output,
      [
        0.0053798, 0.2385022, 0.0164409, 0.2352685, 0.0179683, 0.3610894, 0.1374552, 0.3473643, 0.1083711,
        0.4419305, 0.1183307, 0.4193476,
      ])
    expectClose(
      state.hidden,
      [0.2949349, -0.1136326, -0.2526248, -0.2044018, 0.1083711, 0.4419305, 0.1183307, 0.4193476])
    #expect(state.cell == nil)
  }

  @Test func tanhNetworkEqualsPyTorch() {
    let (output, _) = network(.tanh)(ramp(3, 2, 3))
    expectClose(
      output,
      [
        0.6637538, -0.7907407, 0.6813591, -0.8120819, 0.5741007, -0.397578, 0.0134547, -0.243288, 0.0052335,
        -0.459074, 0.2500986, -0.5135999,
      ])
  }

  @Test func stateNamesAreThoseOfPyTorch() {
    let names = network(.gru).state().map(\.name)
    #expect(
      names == [
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l1", "weight_hh_l1",
        "bias_ih_l1", "bias_hh_l1",
      ])
    let plain = Recurrent(
      cell: .tanh, inputSize: 1, hiddenSize: 1, hasBias: false, using: RandomStream(seed: 1))
    #expect(plain.state().map(\.name) == ["weight_ih_l0", "weight_hh_l0"])
  }

  @Test func aSequenceMayBeReadInParts() {
    let lstm = network(.lstm)
    let x = ramp(3, 2, 3)
    let (whole, _) = lstm(x)
    let (first, state) = lstm(x.slice(0, 0, 1))
    let (rest, _) = lstm(x.slice(0, 1, 3), state.detached())
    expectClose(Tensor.concatenated([first, rest], dim: 0), whole.detached().doubles(), tolerance: 1e-6)
  }

  @Test func dropoutStandsBetweenLayersOnly() {
    let network = network(.lstm, dropout: 1)
    let x = ramp(3, 2, 3)
    // With everything dropped between the layers the last output cannot depend on the input.
    let (a, b) = withDraws(StreamDraws(RandomStream(seed: 1))) { (network(x).output, network(x * 2).output) }
    #expect(a.floats() == b.floats())
    network.eval()
    #expect(network(x).output.floats() != network(x * 2).output.floats())
  }

  @Test func aStateOfAnotherShapeIsAnError() {
    let lstm = network(.lstm)
    #expect(throws: TensorError.self) {
      try withTensorErrors { lstm(ramp(3, 2, 3), RecurrentState(hidden: .zeros([2, 1, 2]))).output }
    }
  }
}
