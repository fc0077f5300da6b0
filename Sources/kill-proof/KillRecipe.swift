import AtelierCore
import AtelierModels
import Foundation
import TestSupport
import Torch

/// A training of a few seconds: a system, what it learns from, and the keys that make it tiny.
struct KillRecipe: Sendable {
  /// The system's name.
  let system: String
  /// One of ``Data``.
  let data: Data?
  /// Keys and their values, as `--set` takes them.
  let changes: [String]
  /// The preset that they are laid over; nil: the first.
  var preset: String? = "small"
  /// Further options of `atelier train`, with `{photographs}` for the folder of photographs, `{voices}` for
  /// that of voices, `{faces}` for that of faces and `{unpaired}` for that of two sets.
  var more: [String] = []

  /// Data of a few small files.
  enum Data: String, CaseIterable {
    case digits, words, pairs, unpaired, photographs, classes, maps, captions, sentences, sounds, voices,
      videos, frames, faces

    /// The path within a folder of data.
    func url(in folder: URL) -> URL {
      folder.appendingPathComponent(self == .words ? "words.txt" : rawValue)
    }

    func write(in folder: URL) throws {
      let place = url(in: folder)
      try FileManager.default.createDirectory(
        at: self == .words ? folder : place, withIntermediateDirectories: true)
      switch self {
      case .digits: try TinyData.writeIDX(to: place, perClass: 5)
      case .words: try TinyData.writeText(to: place)
      case .pairs: try TinyData.writePairs(to: place, size: 16)
      case .unpaired: try TinyData.writeUnpaired(to: place, size: 16)
      case .photographs: try TinyData.writePhotographs(to: place, size: 40)
      case .classes:
        try TinyData.writeClassFolders(to: place, classes: ["circle", "square", "star"], size: 16)
      case .maps: try TinyData.writeLabelled(to: place, count: 8, size: 32)
      case .captions: try TinyData.writeCaptioned(to: place)
      case .sentences: try TinyData.writeSentencePairs(to: place)
      case .sounds: try TinyData.writeSounds(to: place)
      case .voices: try TinyData.writeVoices(to: place, perSpeaker: 5)
      case .videos: try TinyData.writeVideos(to: place, count: 8)
      case .frames: try TinyData.writeFrames(to: place)
      case .faces: try TinyData.writeFaces(to: place)
      }
    }
  }

  /// The options of `atelier train`, without the run's folder and the limit.
  func arguments(data folder: URL) -> [String] {
    var arguments = ["train", system]
    if let preset { arguments += ["--preset", preset] }
    if let data { arguments += ["--data", data.url(in: folder).path] }
    let photographs = Data.photographs.url(in: folder).path
    let voices = Data.voices.url(in: folder).path
    let faces = Data.faces.url(in: folder).path
    arguments += more.map {
      $0.replacingOccurrences(of: "{photographs}", with: photographs)
        .replacingOccurrences(of: "{voices}", with: voices).replacingOccurrences(of: "{faces}", with: faces)
        .replacingOccurrences(of: "{unpaired}", with: Data.unpaired.url(in: folder).path)
    }
    return arguments + changes.flatMap { ["--set", $0] }
  }

  /// Weights of VGG16's first two convolutions that mean nothing, for the losses of some systems.
  static func writeWeights(to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var tensors: [(name: String, tensor: HostTensor)] = []
    for (layer, inputs) in [(0, 3), (2, 64)] {
      let weight = (0..<64 * inputs * 9).map {
        Float($0 * 7919 % 257 - 128) / Float(inputs == 3 ? 512 : 2048)
      }
      tensors.append(("features.\(layer).weight", HostTensor(weight, shape: [64, inputs, 3, 3])))
      tensors.append(("features.\(layer).bias", HostTensor([Float](repeating: 0, count: 64), shape: [64])))
    }
    try Safetensors.write(tensors, metadata: [:], to: folder.appendingPathComponent("vgg16.safetensors"))
  }

  /// Reference cases whose generator is imported, and their systems.
  static let imported = [
    (place: "fast-style-transfer", system: "fast-style-transfer"),
    (place: "pix2pix-unet-patch", system: "pix2pix"), (place: "spade", system: "spade"),
  ]

  private static let dense = [
    "imageSize=8", "batchSize=4", "latentSize=5", "generatorHidden=[6, 6]", "discriminatorHidden=[6, 6]",
  ]
  private static let big = [
    "imageSize=8", "bottomWidth=1", "batchSize=4", "latentSize=8", "generatorChannels=2",
    "discriminatorChannels=2", "sharedEmbeddingSize=3", "generatorAttention=[4]",
    "discriminatorAttention=[4]",
    "standingStatistics=2", "averageDecay=0.9", "averageStart=1",
  ]
  private static let translating = ["imageSize=16", "width=2", "discriminatorWidth=2", "layers=1"]
  private static let crossing = ["imageSize=16", "width=2", "blocks=1", "discriminatorWidth=2"]
  private static let mapped = [
    "imageWidth=32", "imageHeight=32", "width=1", "spadeHidden=1", "spadeKernel=1", "discriminatorWidth=1",
    "batchSize=2",
  ]
  private static let enlarging = [
    "width=4", "blocks=1", "imageSize=32", "batchSize=2", "averageDecay=0.9", "features=vgg16",
    "perceptualLayers={conv1_2: 1}",
  ]
  private static let sharpening = enlarging + ["discriminatorWidth=2", "pretrainingSteps=5"]

  /// One for each system, by name.
  private static let known: [String: KillRecipe] = {
    let all = [
      KillRecipe(system: "gan", data: .digits, changes: dense),
      KillRecipe(system: "cgan", data: .digits, changes: dense),
      KillRecipe(
        system: "dcgan", data: .digits,
        changes: [
          "imageSize=8", "batchSize=4", "latentSize=5", "generatorChannels=2", "discriminatorChannels=2",
          "diffAugment=[color, translation]", "augmentationTarget=0.6",
        ]),
      KillRecipe(system: "lsgan", data: .digits, changes: dense),
      KillRecipe(system: "wgan-gp", data: .digits, changes: dense + ["discriminatorSteps=2"]),
      KillRecipe(system: "acgan", data: .digits, changes: dense),
      KillRecipe(
        system: "autoencoder", data: .digits,
        changes: ["imageSize=8", "hidden=[6]", "latentSize=3", "batchSize=4"]),
      KillRecipe(
        system: "vae", data: .digits,
        changes: ["imageSize=16", "hidden=[3, 4]", "latentSize=4", "batchSize=4"]),
      KillRecipe(
        system: "conditional-vae", data: .digits,
        changes: ["imageSize=16", "hidden=[3, 4]", "latentSize=4", "batchSize=4"]),
      KillRecipe(
        system: "rnn-language-model", data: .words,
        changes: [
          "cell=lstm", "tokenUnit=word", "embeddingSize=6", "hiddenSize=8", "layers=2", "sequenceLength=5",
          "batchSize=3", "learningRate=1", "dropout=0.2",
        ], preset: nil),
      KillRecipe(
        system: "pix2pix", data: .pairs,
        changes: translating + ["downsamplings=4", "batchSize=2", "testBatchStatistics=false"]),
      KillRecipe(
        system: "cyclegan", data: .unpaired,
        changes: translating + ["downsamplings=1", "blocks=1", "poolSize=3", "batchSize=1"]),
      KillRecipe(
        system: "pix2pix-hd", data: .pairs,
        changes: [
          "imageWidth=16", "imageHeight=16", "downsamplings=1", "blocks=1", "width=2", "discriminatorWidth=2",
          "layers=1", "batchSize=2",
        ]),
      KillRecipe(system: "srresnet", data: .photographs, changes: enlarging),
      KillRecipe(system: "srgan", data: .photographs, changes: sharpening),
      KillRecipe(system: "esrgan", data: .photographs, changes: sharpening),
      KillRecipe(
        system: "fast-style-transfer", data: .photographs,
        changes: [
          "imageSize=32", "styleSize=32", "width=2", "blocks=1", "batchSize=2",
          "styleLayers=[relu1_1, relu1_2]", "contentLayer=relu1_2",
        ], more: ["--style", "{photographs}/train/1.png"]),
      KillRecipe(
        system: "neural-style", data: nil,
        changes: [
          "imageSize=28", "contentLayers=[conv1_2]", "styleLayers=[conv1_1, conv1_2]", "start=noise",
          "features=vgg16",
        ],
        more: ["--content", "{photographs}/train/0.png", "--style", "{photographs}/train/1.png"]),
      KillRecipe(system: "biggan", data: .classes, changes: big),
      KillRecipe(
        system: "ic-gan", data: .classes,
        changes: big + [
          "featureSize=6", "featureEpochs=1", "neighbours=3", "sharedFeatureSize=4", "selectedInstances=5",
        ]),
      KillRecipe(
        system: "spade", data: .maps, changes: mapped + ["instanceEdges=true", "layers=2", "scales=1"]),
      KillRecipe(
        system: "oasis", data: .maps,
        changes: mapped + ["latent=2", "statisticsEvery=2", "statisticsBatches=2"]),
      KillRecipe(
        system: "sean", data: .maps,
        changes: mapped + ["styleLength=2", "encoderWidth=1", "layers=2", "scales=1"]),
      KillRecipe(
        system: "deepfake-autoencoder", data: .unpaired,
        changes: [
          "imageSize=16", "encoderChannels=[3, 4]", "innerChannels=4", "latentSize=6",
          "decoderChannels=[4, 3]",
          "batchSize=2",
        ], more: ["--consent", "{unpaired}/consent.yaml"]),
      KillRecipe(
        system: "face-identity-transformer", data: .classes,
        changes: [
          "imageSize=32", "generatorChannels=2", "residualBlocks=1", "discriminatorChannels=2",
          "discriminatorLayers=2", "classifierLayers=1", "recognizerChannels=2", "featureSize=4",
          "batchSize=2",
          "poolSize=3",
        ]),
      KillRecipe(system: "unit", data: .unpaired, changes: crossing + ["batchSize=1"]),
      KillRecipe(
        system: "munit", data: .unpaired,
        changes: crossing + [
          "batchSize=1", "mlpWidth=2", "styleLength=2", "loadSize=18", "scales=2", "layers=2",
        ]),
      KillRecipe(
        system: "funit", data: .classes,
        changes: crossing + [
          "batchSize=2", "mlpWidth=2", "styleLength=2", "discriminatorBlocks=4", "heldOutClasses=[star]",
        ]),
      KillRecipe(
        system: "ciagan", data: .faces,
        changes: [
          "channels=[2, 2, 3, 3, 4]", "identityHidden=4", "identityChannels=2", "criticChannels=[2, 2, 3, 3]",
          "criticHidden=4", "siameseChannels=[2, 2, 3, 3]", "siameseHidden=4", "featureSize=3",
          "adversarialLoss=wasserstein", "batchSize=2",
        ], more: ["--consent", "{faces}/consent.yaml"]),
      KillRecipe(
        system: "deep-privacy", data: .faces,
        changes: [
          "imageSize=16", "widths=[4, 3, 3]", "latentChannels=2", "growthImages=8", "batchSize=2",
          "penaltyInterval=2", "averageDecay=0.9",
        ]),
      KillRecipe(
        system: "playable-video", data: .videos,
        changes: [
          "imageSize=32", "frames=3", "groundTruthFrames=2", "representationChannels=[2, 3]",
          "stateFeatures=4", "hiddenSize=4", "pretrainingSteps=3", "temperatureSteps=5", "batchSize=2",
        ]),
      KillRecipe(
        system: "image-tagging", data: .captions,
        changes: [
          "features=pixels", "wordSize=4", "minimumCount=1", "subsampling=0", "wordSteps=4",
          "wordBatchSize=8",
          "latentSize=3", "generatorHidden=[3, 4]", "discriminatorHidden=[3, 4]", "maxoutUnits=3",
          "batchSize=8",
        ]),
      KillRecipe(
        system: "dall-e", data: .captions,
        changes: [
          "imageSize=8", "imageVocabularySize=6", "codebookSize=5", "downsamplings=1", "hiddenChannels=4",
          "autoencoderSteps=6", "autoencoderBatchSize=4", "textLength=6", "layers=2", "embeddingSize=12",
          "heads=2",
          "headSize=6", "batchSize=4", "scorerSteps=5", "scorerBatchSize=4", "scorerSize=8", "scorerHeads=2",
          "scorerChannels=2",
        ]),
      KillRecipe(
        system: "seq2seq", data: .sentences,
        changes: ["embeddingSize=6", "hiddenSize=4", "decoderHiddenSize=8", "batchSize=3"], preset: nil),
      KillRecipe(
        system: "audio-super-resolution", data: .sounds,
        changes: [
          "filters=[3, 4]", "kernelSizes=[5, 3]", "length=64", "hop=32", "sampleRate=8000", "batchSize=2",
          "factor=2",
        ]),
      KillRecipe(
        system: "speaker-encoder", data: .voices,
        changes: [
          "hiddenSize=6", "embeddingSize=5", "layers=2", "frames=20", "batchSize=6", "utterances=3",
        ]),
      KillRecipe(
        system: "vocoder", data: .sounds,
        changes: [
          "mels=6", "sampleRate=8000", "transform=32", "window=32", "hop=8", "maximumFrequency=null",
          "upsampleRates=[4, 2]", "upsampleKernels=[8, 4]", "initialChannels=8", "periods=[2, 3]",
          "periodChannels=[2, 2, 3, 3]", "scaleChannels=[16, 16, 16, 16]", "segment=64", "segmentHop=32",
          "batchSize=2",
        ]),
      KillRecipe(
        system: "stargan-vc", data: .voices,
        changes: [
          "mels=6", "bottleneckSize=3", "generatorChannels=4", "embeddingSize=2", "discriminatorChannels=3",
          "sampleRate=8000", "transform=256", "hop=64", "maximumFrequency=4000", "norm=batch", "batchSize=2",
        ], more: ["--consent", "{voices}/consent.yaml"]),
      KillRecipe(
        system: "cyclegan-vc2", data: .voices,
        changes: [
          "mels=8", "frames=8", "blocks=1", "generatorWidth=2", "discriminatorWidth=2", "constantSteps=4",
          "decaySteps=20", "identitySteps=6",
        ], more: ["--consent", "{voices}/consent.yaml"]),
      KillRecipe(
        system: "autovc", data: .voices,
        changes: [
          "mels=6", "encoderChannels=4", "bottleneckSize=2", "codeDownsampling=4", "decoderInputChannels=4",
          "decoderChannels=5", "postnetChannels=3", "frames=8", "batchSize=3",
        ], more: ["--consent", "{voices}/consent.yaml"]),
      KillRecipe(
        system: "deepfake-detection", data: .frames,
        changes: ["imageSize=16", "channels=[2, 3, 4, 5]", "batchSize=4", "headSteps=4", "dropout=0.2"]),
      KillRecipe(
        system: "transformer", data: .sentences,
        changes: [
          "embeddingSize=8", "heads=2", "encoderLayers=1", "decoderLayers=1", "hiddenSize=12",
          "maximumLength=20",
          "averagedWeights=3", "averageInterval=2", "batchSize=3",
        ], preset: nil),
      KillRecipe(
        system: "gpt", data: .words,
        changes: ["contextLength=8", "layers=1", "heads=2", "embeddingSize=8", "batchSize=2", "dropout=0.2"]),
      KillRecipe(
        system: "electra", data: .words,
        changes: [
          "embeddingSize=8", "maximumLength=16", "sequenceLength=12", "layers=1", "hiddenSize=12", "heads=2",
          "intermediateSize=16", "generatorHiddenSize=8", "generatorHeads=2", "generatorIntermediateSize=16",
          "batchSize=3",
        ], preset: nil),
      KillRecipe(
        system: "first-order-motion", data: .videos,
        changes: [
          "imageSize=32", "keypoints=3", "scaleFactor=0.5", "detector={width: 2, maximumWidth: 4, blocks: 2}",
          "denseMotion={width: 2, maximumWidth: 4, blocks: 2}",
          "generator={width: 2, maximumWidth: 4, blocks: 1}",
          "discriminator={width: 2, maximumWidth: 4, blocks: 2}", "pyramid=[1, 0.5]",
          "lossWeights={adversarial: 1, featureMatching: [1, 1]}", "batchSize=2", "faces=false",
        ]),
      KillRecipe(
        system: "everybody-dance-now", data: .videos,
        changes: [
          "imageWidth=16", "imageHeight=16", "width=2", "downsamplings=1", "blocks=1", "discriminatorWidth=2",
          "layers=1", "scales=1", "batchSize=2", "faceGenerator=global", "faceWidth=2", "faceBlocks=1",
          "faceBox=[0, 8, 4, 12]", "faces=false",
        ]),
      KillRecipe(
        system: "vid2vid", data: .videos,
        changes: [
          "imageWidth=16", "imageHeight=16", "width=2", "downsamplings=1", "blocks=1", "discriminatorWidth=2",
          "layers=1", "scales=1", "temporalScales=2", "sequenceLength=2", "longestSequence=4",
          "lengthenEpochs=1", "batchSize=2",
        ]),
      KillRecipe(
        system: "wav2lip", data: .videos,
        changes: [
          "channels=[2, 2, 3, 3, 4, 4, 5]", "syncChannels=[2, 2, 3, 3, 4]", "qualityChannels=[2, 2, 2, 3, 3]",
          "expertSteps=5", "expertBatchSize=2", "batchSize=2", "syncThreshold=100", "faces=false",
        ]),
    ]
    return Dictionary(all.map { ($0.system, $0) }) { first, _ in first }
  }()

  /// A recipe for every registered system, and the systems that have none.
  static func all() -> (recipes: [KillRecipe], missing: [String]) {
    let names = SystemRegistry.standard.systems.map { $0.identity.name }
    return (names.compactMap { known[$0] }, names.filter { known[$0] == nil })
  }
}
