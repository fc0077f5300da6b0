public import AtelierCore
import AtelierHashing
import Foundation
import Torch

/// A passcode of so many bits, as a person types it: the bits themselves, or any other text, of which they are made.
public struct Passcode: Sendable, Hashable {
  /// The bits, the most significant first.
  public let bits: [Bool]

  /// A passcode of bits.
  public init(bits: [Bool]) { self.bits = bits }

  /// Reads a text: zeros and ones are the bits; of anything else the first bits of its SHA-256 are.
  ///
  /// - Throws: ``ConfigurationError`` for no text, and for another number of zeros and ones than `length`; the error does
  ///   not hold the text.
  public init(parsing text: String, length: Int) throws(ConfigurationError) {
    let text = text.trimmingCharacters(in: .newlines)
    guard !text.isEmpty else {
      throw ConfigurationError("the passcode is empty; type \(length) zeros and ones, or a phrase")
    }
    if text.allSatisfy({ $0 == "0" || $0 == "1" }) {
      guard text.count == length else {
        throw ConfigurationError(
          "the passcode has \(text.count) bits, and this model's have \(length); type \(length) zeros and ones, or a phrase"
        )
      }
      bits = text.map { $0 == "1" }
      return
    }
    var hasher = SHA256Hasher()
    hasher.update(Array("passcode:".utf8) + Array(text.precomposedStringWithCanonicalMapping.utf8))
    let digits = hasher.hexDigest().prefix((length + 3) / 4).compactMap(\.hexDigitValue)
    bits = Array(digits.flatMap { digit in (0..<4).map { digit >> (3 - $0) & 1 == 1 } }.prefix(length))
  }

  /// The passcode that undoes this one: all bits turned over.
  public var undoing: Passcode { Passcode(bits: bits.map { !$0 }) }

  /// What a request's condition takes, `[1, length]`.
  public var condition: ConditionValue {
    .tensor(Tensor(bits.map { $0 ? 1 : 0 } as [Float], shape: [1, bits.count]))
  }
}
