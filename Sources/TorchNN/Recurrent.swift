public import Torch

/// The state of a recurrent network between calls.
public struct RecurrentState {
  /// `[layers, batch, hidden]`.
  public var hidden: Tensor
  /// `[layers, batch, hidden]`, for an LSTM only.
  public var cell: Tensor?

  /// A state of the given tensors.
  public init(hidden: Tensor, cell: Tensor? = nil) {
    self.hidden = hidden
    self.cell = cell
  }

  /// The same values without history, for truncated back-propagation.
  public func detached() -> RecurrentState {
    RecurrentState(hidden: hidden.detached(), cell: cell?.detached())
  }
}

/// Recurrent layers over whole sequences: Elman's network, the LSTM or the GRU.
///
/// State as in PyTorch: `weight_ih_l0` `[gates * hidden, inputs]`, `weight_hh_l0` `[gates * hidden,
/// hidden]`, `bias_ih_l0`, `bias_hh_l0`, then those of the next layer.
public final class Recurrent: Module {
  /// The kind of cell.
  public let cell: RecurrentCell
  /// The number of hidden features.
  public let hiddenSize: Int
  /// The number of stacked layers.
  public let layers: Int
  /// The dropout probability between layers, in training.
  public let dropoutProbability: Double
  /// Layer k's dropout is drawn as `<drawName>.<k>`.
  public let drawName: String

  private struct Weights {
    let input: Parameter<Tensor>
    let hidden: Parameter<Tensor>
    let inputBias: Parameter<Tensor>?
    let hiddenBias: Parameter<Tensor>?
  }
  private let weights: [Weights]

  /// Layers with PyTorch's initialisation: all uniform within ±1/√hidden.
  ///
  /// - Parameter dropout: applied between layers, so without effect for a single layer.
  public init(
    cell: RecurrentCell, inputSize: Int, hiddenSize: Int, layers: Int = 1, dropout: Double = 0,
    hasBias: Bool = true, drawName: String = "dropout", using stream: RandomStream
  ) {
    check((0...1).contains(dropout), "a dropout probability is in 0 … 1, not \(dropout)")
    self.cell = cell
    self.hiddenSize = hiddenSize
    self.layers = layers
    dropoutProbability = dropout
    self.drawName = drawName
    let bound = hiddenSize > 0 ? 1 / Double(hiddenSize).squareRoot() : 0
    func drawn(_ shape: [Int]) -> Parameter<Tensor> {
      let tensor = initialTensor(shape)
      stream.fillUniform(tensor, low: -bound, high: bound)
      return Parameter(wrappedValue: tensor)
    }
    let rows = cell.gates * hiddenSize
    weights = (0..<layers).map { layer in
      Weights(
        input: drawn([rows, layer == 0 ? inputSize : hiddenSize]), hidden: drawn([rows, hiddenSize]),
        inputBias: hasBias ? drawn([rows]) : nil, hiddenBias: hasBias ? drawn([rows]) : nil)
    }
    super.init()
  }

  /// The weights under PyTorch's names, which are not valid property names.
  public override func members() -> [Member] {
    var members: [Member] = []
    for (layer, weights) in weights.enumerated() {
      members.append(.tensor(name: "weight_ih_l\(layer)", slot: weights.input))
      members.append(.tensor(name: "weight_hh_l\(layer)", slot: weights.hidden))
      if let slot = weights.inputBias { members.append(.tensor(name: "bias_ih_l\(layer)", slot: slot)) }
      if let slot = weights.hiddenBias { members.append(.tensor(name: "bias_hh_l\(layer)", slot: slot)) }
    }
    return members
  }

  /// A zero state, for the start of sequences.
  public func initialState(batch: Int) -> RecurrentState {
    let like = weights.first?.hidden.wrappedValue
    func zeros() -> Tensor {
      .zeros([layers, batch, hiddenSize], dtype: like?.dtype ?? .float32, device: like?.device ?? .cpu)
    }
    return RecurrentState(hidden: zeros(), cell: cell == .lstm ? zeros() : nil)
  }

  /// Runs the layers over sequences.
  ///
  /// - Parameters:
  ///   - x: `[time, batch, inputs]`.
  ///   - state: the state after an earlier part of the same sequences; zeros by default.
  /// - Returns: the last layer's outputs `[time, batch, hidden]`, and the final state.
  public func callAsFunction(_ x: Tensor, _ state: RecurrentState? = nil) -> (
    output: Tensor, state: RecurrentState
  ) {
    guard check(x.rank == 3, "Recurrent takes [time, batch, inputs], not \(x.shape)") else {
      return (x, state ?? initialState(batch: 1))
    }
    let state = state ?? initialState(batch: x.shape[1])
    let expected = [layers, x.shape[1], hiddenSize]
    guard
      check(
        state.hidden.shape == expected && (cell != .lstm || state.cell?.shape == expected),
        "Recurrent needs a state of shape \(expected), not \(state.hidden.shape)")
    else { return (x, state) }
    var output = x
    var hiddens: [Tensor] = []
    var cells: [Tensor] = []
    for (layer, weights) in weights.enumerated() {
      if layer > 0, isTraining, dropoutProbability > 0 {
        output = dropout(output, probability: dropoutProbability, drawName: "\(drawName).\(layer - 1)")
      }
      let result = recurrent(
        cell, output, hidden: state.hidden.slice(0, layer, layer + 1),
        cellState: state.cell?.slice(0, layer, layer + 1), inputWeight: weights.input.wrappedValue,
        hiddenWeight: weights.hidden.wrappedValue, inputBias: weights.inputBias?.wrappedValue,
        hiddenBias: weights.hiddenBias?.wrappedValue)
      output = result.output
      hiddens.append(result.hidden)
      if let last = result.cellState { cells.append(last) }
    }
    return (
      output,
      RecurrentState(
        hidden: .concatenated(hiddens, dim: 0), cell: cell == .lstm ? .concatenated(cells, dim: 0) : nil)
    )
  }
}
