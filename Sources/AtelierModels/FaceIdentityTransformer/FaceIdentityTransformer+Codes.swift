import AtelierCore
import Torch
import TorchNN

/// The passcodes of a step as numbers `[batch]`, int64.
struct StepPasscodes {
  /// The one that anonymises.
  let own: Tensor
  /// Another one that anonymises.
  let random: Tensor
  /// The one that recovers: all bits of the first turned over.
  let inverse: Tensor
  /// One that does not.
  let wrong: Tensor
  /// Another one that does not.
  let secondWrong: Tensor

  /// Recorded ones, `[4, batch]`: own, random, wrong, second wrong.
  init(_ recorded: Tensor, length: Int) {
    let rows = (0..<4).map { recorded.selected(dim: 0, index: $0) }
    (own, random, wrong, secondWrong) = (rows[0], rows[1], rows[2], rows[3])
    inverse = PasscodeBits.inverse(of: own, length: length)
  }

  /// Drawn ones, of which no two that are to differ are equal.
  init(count: Int, length: Int, draws: any Draws) {
    let all = 1 << length
    func other(_ name: String, than taken: [Tensor]) -> Tensor {
      // One of the numbers that are left, counted over those that are not.
      taken.reduce(draws.integers(name, below: all - taken.count, [count])) { number, taken in
        number + number.greaterOrEqual(taken).asType(.int64)
      }
    }
    own = draws.integers("password", below: all, [count])
    random = other("randomPassword", than: [own])
    inverse = PasscodeBits.inverse(of: own, length: length)
    wrong = other("wrongPassword", than: [inverse])
    let (low, high) = (inverse.minimum(wrong), inverse.maximum(wrong))
    secondWrong = other("secondWrongPassword", than: [low, high])
  }
}

/// The bits of passcodes, the most significant first.
enum PasscodeBits {
  /// All bits turned over.
  static func inverse(of numbers: Tensor, length: Int) -> Tensor {
    (Tensor.full(numbers.shape, Double((1 << length) - 1), device: numbers.device) - numbers.asType(.float32))
      .asType(.int64)
  }

  /// The digits `[batch, count]` of numbers below 2²⁴ in a base, float32.
  private static func digits(of numbers: Tensor, base: Int, count: Int) -> Tensor {
    let values = numbers.asType(.float32)
    return .stacked(
      (0..<count).map { place in
        let shifted = (values / Double(power(base, count - 1 - place))).floor()
        return shifted - (shifted / Double(base)).floor() * Double(base)
      }, dim: 1)
  }

  private static func power(_ base: Int, _ exponent: Int) -> Int {
    (0..<exponent).reduce(1) { value, _ in value * base }
  }

  /// Bits `[batch, length]`, 0 and 1.
  static func bits(of numbers: Tensor, length: Int) -> Tensor { digits(of: numbers, base: 2, count: length) }

  /// Groups of four bits `[batch, length / 4]`, int64.
  static func groups(of numbers: Tensor, length: Int) -> Tensor {
    digits(of: numbers, base: 16, count: length / 4).asType(.int64)
  }
}
