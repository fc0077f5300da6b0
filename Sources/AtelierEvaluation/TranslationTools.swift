import AtelierCore
import AtelierData
import Torch
import TorchNN

// What the evaluation of translations asks of systems whose type is known only at run time.

/// The range of a field of a system.
func range(_ system: any TranslatingSystem, _ field: String) -> ImageRange { system.range(of: field) }

/// Images in a range as the bytes a file would hold.
func bytes(_ pictures: Tensor, _ range: ImageRange) -> Tensor {
  let scaled = range == .unit ? pictures * 255 : (pictures + 1) * 127.5
  return scaled.round().clamped(min: 0, max: 255).asType(.uint8).to(.cpu)
}

/// A condition as bytes where it is an image of one or three channels, or of three and alpha, which is left
/// out: what inpainting starts from. Nil where it is none.
func imageBytes(_ source: Tensor, _ system: any TranslatingSystem, _ field: String) -> Tensor? {
  guard source.rank == 4, [1, 3, 4].contains(source.shape[1]), source.dtype.isFloatingPoint else {
    return nil
  }
  let picture = source.shape[1] == 4 ? source.slice(1, 0, 3) : source
  return bytes(picture, range(system, field))
}

/// What a system makes of one condition of any size, as bytes.
func translated(
  _ system: any TranslatingSystem, _ source: Tensor, _ direction: TranslationDirection, _ draws: any Draws
) throws -> Tensor {
  let output = try system.translateWhole(source.to(system.device), direction: direction, draws: draws)
  return bytes(output, range(system, direction.target)).contiguous()
}
