public import Torch

/// The colour space CIE L*a*b* of red, green and blue: lightness apart from colour, and distances as people see them.
///
/// sRGB with the white of D65, as in OpenCV's conversion of floats (its page on colour conversions).
public enum LabColour {
  private static let white = [0.950456, 1, 1.088754]
  private static let matrix = [
    [0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227],
  ]
  private static let inverse = [
    [3.240479, -1.53715, -0.498535], [-0.969256, 1.875991, 0.041556], [0.055648, -0.204043, 1.057311],
  ]

  /// Lightness 0 … 100 and two colours around 0, `[n, 3, height, width]`, of red, green and blue in 0 … 1.
  public static func lab(of rgb: Tensor) -> Tensor {
    let light = rgb.clamped(min: 0, max: 1)
    let linear = Tensor.select(
      light.lessOrEqual(0.04045), light / 12.92, ((light + 0.055) / 1.055).pow(2.4))
    let scaled = product(matrix.enumerated().map { row, values in values.map { $0 / white[row] } }, linear)
    let root = scaled.clamped(min: 1e-9).pow(1.0 / 3)
    let f = Tensor.select(scaled.greater(0.008856), root, scaled * 7.787 + 16.0 / 116)
    let (x, y, z) = (
      f.narrow(1, from: 0, length: 1), f.narrow(1, from: 1, length: 1), f.narrow(1, from: 2, length: 1)
    )
    return .concatenated([y * 116 - 16, (x - y) * 500, (y - z) * 200], dim: 1)
  }

  /// Red, green and blue `[n, 3, height, width]` in 0 … 1 of what ``lab(of:)`` gives; colours that screens do not have
  /// become the nearest value of each channel.
  public static func rgb(of lab: Tensor) -> Tensor {
    let y = (lab.narrow(1, from: 0, length: 1) + 16) / 116
    let x = y + lab.narrow(1, from: 1, length: 1) / 500
    let z = y - lab.narrow(1, from: 2, length: 1) / 200
    let f = Tensor.concatenated([x, y, z], dim: 1)
    let scaled = Tensor.select(f.greater(0.2068966), f * f * f, (f - 16.0 / 116) / 7.787)
    let columns = inverse.map { row in row.enumerated().map { column, value in value * white[column] } }
    let linear = product(columns, scaled).clamped(min: 0, max: 1)
    let light = Tensor.select(
      linear.lessOrEqual(0.0031308), linear * 12.92, linear.clamped(min: 1e-9).pow(1 / 2.4) * 1.055 - 0.055)
    return light.clamped(min: 0, max: 1)
  }

  private static func product(_ matrix: [[Double]], _ x: Tensor) -> Tensor {
    let weight = Tensor(matrix.flatMap { $0.map { Float($0) } }, shape: [3, 3, 1, 1], device: x.device)
    return conv2d(x, weight.asType(x.dtype))
  }
}
