import Foundation
import Torch
import TorchNN

/// What a place of the sequence of text and image codes looks at. Every place sees itself and what stands before it;
/// text sees text only.
public enum ImageAttentionKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// All of it.
  case full
  /// Of the image its own row.
  case axialRow
  /// Of the image its own column.
  case axialColumn
  /// Of the image the square of 5 by 5 that it ends.
  case convolutional
}

/// The sequence of a caption and an image: a start token, `textLength` tokens of text, `side`² codes row by row; the
/// last code is not fed.
struct TextImageLayout {
  let textLength: Int
  let side: Int

  /// Tokens of text with the start token.
  var prefix: Int { textLength + 1 }
  var codes: Int { side * side }
  /// The tokens that are fed.
  var length: Int { textLength + codes }

  /// What each place may look at, bool `[length, length]`.
  func mask(_ kind: ImageAttentionKind) -> Tensor {
    var seen = [Float](repeating: 0, count: length * length)
    for query in 0..<length {
      for key in 0...query where sees(query, key, kind) { seen[query * length + key] = 1 }
    }
    return Tensor(seen, shape: [length, length]).greater(0.5)
  }

  private func sees(_ query: Int, _ key: Int, _ kind: ImageAttentionKind) -> Bool {
    guard query >= prefix, key >= prefix else { return true }
    let (row, column) = (query - prefix).quotientAndRemainder(dividingBy: side)
    let (keyRow, keyColumn) = (key - prefix).quotientAndRemainder(dividingBy: side)
    switch kind {
    case .full: return true
    case .axialRow: return row == keyRow
    case .axialColumn: return column == keyColumn
    case .convolutional:
      return (0...4).contains(row - keyRow) && (0...4).contains(column - keyColumn)
    }
  }

  /// Angles of rotary positions `[1, length + 1, angles]` in three parts: the place in the text, the row and the column
  /// of the image. An image is far from any text, text far from any row and column.
  func rotaryAngles(headSize: Int) -> Tensor {
    let pairs = headSize / 3 / 2
    let textual = (0..<pairs).map { Float(1) / powf(10_000, Float(2 * $0) / Float(headSize / 3)) }
    let axial = (0..<pairs).map { index in
      (pairs > 1 ? Float(1) + Float(index) * (Float(4) / Float(pairs - 1)) : 1) * Float.pi
    }
    var angles: [Float] = []
    for place in 0...length {
      let code = place - prefix
      let isText = code < 0
      let coordinate = { (index: Int) -> Float in
        isText ? -10 : side > 1 ? -1 + Float(index) * (Float(2) / Float(side - 1)) : -1
      }
      let positions: [(Float, [Float])] = [
        (isText ? Float(place) : 8192, textual), (coordinate(isText ? 0 : code / side), axial),
        (coordinate(isText ? 0 : code % side), axial),
      ]
      for (position, frequencies) in positions {
        for frequency in frequencies { angles += [position * frequency, position * frequency] }
      }
    }
    return Tensor(angles, shape: [1, length + 1, 6 * pairs])
  }
}

/// What an attention layer and the shifted tokens remember of the places before.
final class TextImageCache {
  var keys: Tensor?
  var values: Tensor?
  /// What entered the layers with shifted tokens, of the image alone: attention, feed-forward.
  var entered: [Tensor?] = [nil, nil]
}

/// Self-attention over text and image codes.
final class TextImageAttention: Module {
  private let projection: Linear
  private let joining: Linear
  private let heads: Int
  private let headSize: Int
  private let isStable: Bool

  init(features: Int, heads: Int, headSize: Int, isStable: Bool, using stream: RandomStream) {
    (self.heads, self.headSize, self.isStable) = (heads, headSize, isStable)
    projection = Linear(
      inputFeatures: features, outputFeatures: 3 * heads * headSize, hasBias: false, using: stream)
    joining = Linear(inputFeatures: heads * headSize, outputFeatures: features, using: stream)
    super.init()
  }

  /// `[batch, places, features]` for the same.
  ///
  /// - Parameters:
  ///   - mask: bool `[places, keys]`, keys with those of the cache.
  ///   - angles: rotary positions of the places `[1, places, angles]`.
  func callAsFunction(_ x: Tensor, mask: Tensor, angles: Tensor?, cache: TextImageCache?) -> Tensor {
    let (batch, places) = (x.shape[0], x.shape[1])
    var parts = projection(x).chunked(3, dim: 2).map {
      $0.reshaped([batch, places, heads, headSize]).transposed(1, 2)
    }
    if let angles { parts = parts.map { Self.rotated($0, angles) } }
    var (keys, values) = (parts[1], parts[2])
    if let cache {
      if let before = cache.keys { keys = .concatenated([before, keys], dim: 2) }
      if let before = cache.values { values = .concatenated([before, values], dim: 2) }
      (cache.keys, cache.values) = (keys, values)
    }
    let read =
      isStable
      ? stable(parts[0], keys, values, mask)
      : scaledDotProductAttention(
        parts[0], keys, values, mask: mask)
    return joining(read.transposed(1, 2).reshaped([batch, places, heads * headSize]))
  }

  /// The reference's form for 16 bits: scores are made small before the largest is subtracted.
  private func stable(_ query: Tensor, _ key: Tensor, _ value: Tensor, _ mask: Tensor) -> Tensor {
    let scores = (query * (1 / Double(headSize).squareRoot())).matmul(key.transposed(2, 3))
    let hidden = Tensor.full([1, 1], -Double(Float.greatestFiniteMagnitude), device: query.device)
    let small = Tensor.select(mask, scores, hidden) / 1024
    return ((small - small.max(dim: -1, keepDim: true).values.detached()) * 1024).softmax(-1).matmul(value)
  }

  /// Neighbouring pairs of a head's first features turned by an angle each.
  private static func rotated(_ x: Tensor, _ angles: Tensor) -> Tensor {
    let turned = angles.shape[2]
    let first = x.slice(3, 0, turned)
    let pairs = first.reshaped(Array(first.shape.dropLast()) + [turned / 2, 2])
    let swapped = Tensor.stacked(
      [-pairs.selected(dim: 4, index: 1), pairs.selected(dim: 4, index: 0)], dim: 4
    ).reshaped(first.shape)
    let result = first * angles.cos() + swapped * angles.sin()
    return turned == x.shape[3] ? result : .concatenated([result, x.slice(3, turned, x.shape[3])], dim: 3)
  }
}
