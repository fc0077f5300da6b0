import AtelierCore
import Torch

extension ExportedFunction {
  /// Square images of any size into images in -1 … 1, with further arguments behind the image.
  ///
  /// - Parameter side: the size that is recorded.
  static func translation(
    _ direction: TranslationDirection, channels: Int, side: Int, with further: [Input],
    compute: @escaping ([Tensor]) throws -> Tensor
  ) -> ExportedFunction {
    let multiple = direction.sizeMultiple
    let image = Input(
      direction.source, "an image of \(channels) channels in -1 … 1", sizeMultiple: multiple
    ) { batch, size, stream in stream.uniform([batch, channels] + size) * 2 - 1 }
    return ExportedFunction(
      [image] + further, output: "an image in -1 … 1",
      // Sides that differ show whether a recording mixed them up.
      sizes: [[side, side], [side + multiple, side + 2 * multiple]], compute: compute)
  }
}
