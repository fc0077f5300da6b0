import AtelierMedia
import Foundation

/// Sounds from closed forms, and sound files written byte by byte.
enum SoundFiles {
  /// A sine of `amplitude` at `frequency`.
  static func sine(
    _ frequency: Double, rate: Int, frames: Int, amplitude: Double = 0.5, channels: Int = 1
  ) -> Audio {
    let wave = (0..<frames).map { Float(amplitude * sin(2 * .pi * frequency * Double($0) / Double(rate))) }
    return Audio(
      sampleRate: rate, channels: channels,
      samples: (0..<channels).flatMap { channel in wave.map { $0 / Float(channel + 1) } })
  }

  /// Every whole number of `bits` bits that a small generator hits, both ends and zero, over two channels.
  static func levels(bits: Int, rate: Int = 8000, count: Int = 2000) -> Audio {
    let scale = Double(1 << (bits - 1))
    var state: UInt64 = 1
    var values = [-scale, scale - 1, 0, 1, -1]
    while values.count < count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      values.append(Double(Int64(bitPattern: state) >> Int64(64 - bits)))
    }
    return Audio(sampleRate: rate, channels: 2, samples: values.map { Float($0 / scale) })
  }

  static func little(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// A WAV; `announced` is what its header calls the size of the samples.
  static func wav(
    _ data: [UInt8], rate: Int = 8000, channels: Int = 1, bits: Int = 16, format: Int = 1,
    announced: Int? = nil
  ) -> [UInt8] {
    let align = channels * bits / 8
    let header =
      Array("fmt ".utf8) + little(16, 4) + little(format, 2) + little(channels, 2) + little(rate, 4)
      + little(rate * align, 4) + little(align, 2) + little(bits, 2)
    let body = Array("WAVE".utf8) + header + Array("data".utf8) + little(announced ?? data.count, 4) + data
    return Array("RIFF".utf8) + little(body.count, 4) + body
  }

  /// 16-bit samples as bytes.
  static func samples(_ values: [Int]) -> [UInt8] { values.flatMap { little($0, 2) } }
}

/// A small generator of numbers for tests that damage files.
struct TestNumbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 31)
  }
}
