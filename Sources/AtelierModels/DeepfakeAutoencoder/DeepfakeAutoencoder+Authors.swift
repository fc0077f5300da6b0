public import AtelierCore
import Torch
import TorchNN

extension DeepfakeAutoencoder: ReferenceAnswering {
  /// The name in the reference cases.
  public static var caseModel: String? { "deepfake" }

  /// The reference cases' names of the layers; the authors' files are Keras's, which are not read.
  private static let authorsNames = KeyMap(
    ["face_out": "faceOut", "mask_out": "maskOut"], components: ["convolution": "conv"])

  /// The networks with the names of the reference cases: the encoder gives the code and what both decoders make of it.
  static func describe(_ encoder: FaceEncoder, _ decoders: [(name: String, decoder: FaceDecoder)])
    -> [Network]
  {
    let first = Network("encoder", encoder, authorsNames: authorsNames) { _, inputs in
      let latent = encoder(try inputs.required("image"))
      var outputs = ["latent": latent]
      for (name, decoder) in decoders {
        let made = decoder(latent)
        outputs["image" + name] = made.image
        outputs["mask" + name] = made.mask
      }
      return outputs
    }
    return [first]
      + decoders.map { name, decoder in
        Network("decoder" + name, decoder, authorsNames: authorsNames) { _, inputs in
          let made = decoder(try inputs.required("latent"))
          return ["image": made.image].merging(made.mask.map { ["mask": $0] } ?? [:]) { one, _ in one }
        }
      }
  }
}
