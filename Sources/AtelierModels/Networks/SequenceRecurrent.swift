import Torch
import TorchNN

/// Recurrent layers over sentences of differing length, in one direction or both: `torch.nn.GRU` and its like over
/// packed sequences.
///
/// State as in PyTorch: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, then the same with `_reverse` where
/// there are both directions, then the next layer.
final class SequenceRecurrent: Module {
  let cell: RecurrentCell
  let hiddenSize: Int
  let layers: Int
  let isBidirectional: Bool
  private let dropoutProbability: Double
  private let drawName: String

  private struct Weights {
    let suffix: String
    let input: Parameter<Tensor>
    let hidden: Parameter<Tensor>
    let inputBias: Parameter<Tensor>
    let hiddenBias: Parameter<Tensor>
  }
  private let weights: [[Weights]]

  /// Layers with PyTorch's initialisation: all uniform within ±1/√hidden.
  ///
  /// - Parameter dropout: between layers.
  init(
    cell: RecurrentCell, inputSize: Int, hiddenSize: Int, layers: Int = 1, isBidirectional: Bool = false,
    dropout: Double = 0, drawName: String, using stream: RandomStream
  ) {
    (self.cell, self.hiddenSize, self.layers, self.isBidirectional) = (
      cell, hiddenSize, layers, isBidirectional
    )
    (dropoutProbability, self.drawName) = (dropout, drawName)
    let bound = 1 / Double(max(1, hiddenSize)).squareRoot()
    func drawn(_ shape: [Int]) -> Parameter<Tensor> {
      let tensor = Tensor.zeros(shape)
      stream.fillUniform(tensor, low: -bound, high: bound)
      return Parameter(wrappedValue: tensor)
    }
    let rows = cell.gates * hiddenSize
    let width = hiddenSize * (isBidirectional ? 2 : 1)
    weights = (0..<layers).map { layer in
      (isBidirectional ? ["", "_reverse"] : [""]).map { direction in
        Weights(
          suffix: "l\(layer)\(direction)", input: drawn([rows, layer == 0 ? inputSize : width]),
          hidden: drawn([rows, hiddenSize]), inputBias: drawn([rows]), hiddenBias: drawn([rows]))
      }
    }
    super.init()
  }

  override func members() -> [Member] {
    weights.flatMap { $0 }.flatMap { own -> [Member] in
      [
        .tensor(name: "weight_ih_\(own.suffix)", slot: own.input),
        .tensor(name: "weight_hh_\(own.suffix)", slot: own.hidden),
        .tensor(name: "bias_ih_\(own.suffix)", slot: own.inputBias),
        .tensor(name: "bias_hh_\(own.suffix)", slot: own.hiddenBias),
      ]
    }
  }

  /// The last layer's outputs `[time, batch, hidden · directions]` and the states at the ends of the sentences, `[layers
  /// · directions, batch, hidden]`, PyTorch's order.
  ///
  /// - Parameters:
  ///   - x: `[time, batch, inputs]`.
  ///   - state: where to begin, `[layers · directions, batch, hidden]`; nil: zeros.
  ///   - lengths: how much of each column is a sentence, the rest being padding, whose outputs are zeros; nil: all.
  func callAsFunction(
    _ x: Tensor, _ state: RecurrentState? = nil, lengths: [Int]? = nil
  ) -> (output: Tensor, state: RecurrentState) {
    let (time, batch) = (x.shape[0], x.shape[1])
    let isUneven = lengths.map { $0.contains { $0 != time } } ?? false
    let uneven = isUneven ? lengths : nil
    let zero = Tensor.zeros([1, batch, hiddenSize], device: x.device)
    var (output, hiddens, cells): (Tensor, [Tensor], [Tensor]) = (x, [], [])
    for (layer, directions) in weights.enumerated() {
      if layer > 0, isTraining, dropoutProbability > 0 {
        output = withExamples(along: 1) {
          dropout(output, probability: dropoutProbability, drawName: "\(drawName).\(layer - 1)")
        }
      }
      var parts: [Tensor] = []
      for (direction, own) in directions.enumerated() {
        let place = hiddens.count
        let hidden = state.map { $0.hidden.slice(0, place, place + 1) } ?? zero
        let cellState = cell == .lstm ? state?.cell.map { $0.slice(0, place, place + 1) } ?? zero : nil
        let input = direction == 0 ? output : Self.reversed(output, uneven)
        let result =
          uneven.map { packed(own, input, hidden, cellState, $0) } ?? run(own, input, hidden, cellState)
        parts.append(direction == 0 ? result.output : Self.reversed(result.output, uneven))
        hiddens.append(result.hidden)
        if let last = result.cellState { cells.append(last) }
      }
      output = parts.count == 1 ? parts[0] : .concatenated(parts, dim: 2)
    }
    return (
      output,
      RecurrentState(
        hidden: .concatenated(hiddens, dim: 0), cell: cells.isEmpty ? nil : .concatenated(cells, dim: 0))
    )
  }

  private typealias Result = (output: Tensor, hidden: Tensor, cellState: Tensor?)

  private func run(_ own: Weights, _ x: Tensor, _ hidden: Tensor, _ cellState: Tensor?) -> Result {
    recurrent(
      cell, x.contiguous(), hidden: hidden.contiguous(), cellState: cellState?.contiguous(),
      inputWeight: own.input.wrappedValue,
      hiddenWeight: own.hidden.wrappedValue, inputBias: own.inputBias.wrappedValue,
      hiddenBias: own.hiddenBias.wrappedValue)
  }

  /// The longest sentences first; from one length to the next longer one only those that go on are computed.
  private func packed(
    _ own: Weights, _ x: Tensor, _ hidden: Tensor, _ cellState: Tensor?, _ lengths: [Int]
  ) -> Result {
    let order = lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
    let indices = Tensor(order, device: x.device)
    let sorted = x.indexSelected(1, indices)
    var (hidden, cellState) = (hidden.indexSelected(1, indices), cellState?.indexSelected(1, indices))
    var (outputs, ends, cellEnds): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
    var (begin, rows) = (0, order.count)
    while rows > 0 {
      let end = lengths[order[rows - 1]]
      if end > begin {
        let piece = run(own, sorted.slice(0, begin, end).slice(1, 0, rows), hidden, cellState)
        (hidden, cellState) = (piece.hidden, piece.cellState)
        let missing = order.count - rows
        outputs.append(
          missing == 0
            ? piece.output
            : .concatenated(
              [piece.output, .zeros([end - begin, missing, hiddenSize], device: x.device)], dim: 1))
        begin = end
      }
      // Those that end here keep their state.
      let left = (0..<rows).first { lengths[order[$0]] == end } ?? 0
      ends.insert(hidden.slice(1, left, rows), at: 0)
      hidden = hidden.slice(1, 0, left)
      if let own = cellState {
        cellEnds.insert(own.slice(1, left, rows), at: 0)
        cellState = own.slice(1, 0, left)
      }
      rows = left
    }
    if begin < x.shape[0] {
      outputs.append(.zeros([x.shape[0] - begin, order.count, hiddenSize], device: x.device))
    }
    var back = [Int](repeating: 0, count: order.count)
    for (place, row) in order.enumerated() { back[row] = place }
    let backwards = Tensor(back, device: x.device)
    return (
      Tensor.concatenated(outputs, dim: 0).indexSelected(1, backwards),
      Tensor.concatenated(ends, dim: 1).indexSelected(1, backwards),
      cellEnds.isEmpty ? nil : Tensor.concatenated(cellEnds, dim: 1).indexSelected(1, backwards)
    )
  }

  /// Sentences `[time, batch, …]` from their ends to their beginnings, padding where it is.
  static func reversed(_ x: Tensor, _ lengths: [Int]?) -> Tensor {
    guard let lengths else { return x.flipped([0]) }
    let (time, batch) = (x.shape[0], x.shape[1])
    var places: [Int] = []
    places.reserveCapacity(time * batch)
    for t in 0..<time {
      for column in 0..<batch { places.append(t < lengths[column] ? lengths[column] - 1 - t : t) }
    }
    var indices = Tensor(places, shape: [time, batch], device: x.device)
    if x.rank == 3 { indices = indices.unsqueezed(2).expanded(x.shape) }
    return x.gathered(0, indices.contiguous())
  }
}
