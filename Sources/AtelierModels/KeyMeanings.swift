public import AtelierCore

/// What each key of a configuration, and each setting of drawing, means: the sentences that stand above its
/// declaration, collected from the sources, so that `atelier systems` shows them.
///
/// `KeyMeaningTests` fails where a key has none, or where a sentence was changed and this file was not;
/// `ATELIER_RECORD_MEANINGS=1` writes it anew.
public enum KeyMeanings {
  /// The meaning of a key of a configuration; with a dot that of a key of its tables. Nil for configurations of
  /// other packages.
  public static func meaning(of key: String, in configuration: any Settings) -> String? {
    var path = key.split(separator: ".").map(String.init)
    guard let last = path.popLast() else { return nil }
    var owner: Any = configuration
    for step in path {
      guard let next = child(step, of: owner) else { return nil }
      owner = next
    }
    return owners(of: last, in: owner).lazy.compactMap { table["\($0).\(last)"] }.first
  }

  /// The value of a key, which may be one of a fragment.
  private static func child(_ key: String, of value: Any) -> Any? {
    for child in Mirror(reflecting: value).children {
      if child.label == key { return child.value }
      if child.value is any ConfigurationFragment, let found = self.child(key, of: child.value) {
        return found
      }
    }
    return nil
  }

  /// The names of the types that declare a key: the configuration's, or its fragments'.
  private static func owners(of key: String, in value: Any) -> [String] {
    Mirror(reflecting: value).children.flatMap { child -> [String] in
      if child.label == key { return [name(of: value)] }
      return child.value is any ConfigurationFragment ? owners(of: key, in: child.value) : []
    }
  }

  /// `LSGAN.Configuration`: without the module, and without what a generic type is generic over.
  private static func name(of value: Any) -> String {
    var depth = 0
    let plain = String(reflecting: type(of: value)).filter { character in
      if character == "<" { depth += 1 }
      defer { if character == ">" { depth -= 1 } }
      return depth == 0
    }
    return plain.split(separator: ".").dropFirst().joined(separator: ".")
  }

  private static let table = Dictionary(
    lines.split(separator: "\n").compactMap { line -> (String, String)? in
      let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
      return parts.count == 2 ? (parts[0], parts[1]) : nil
    }, uniquingKeysWith: { first, _ in first })

  private static let lines = #"""
    ACGAN.Configuration.adam	Adam's decays and ε.
    ACGAN.Configuration.augmentation	Discriminator augmentation.
    ACGAN.Configuration.batchSize	Images in a batch.
    ACGAN.Configuration.classes	The number of classes.
    ACGAN.Configuration.discriminatorHidden	The discriminator's widths, input side first; the image halves once for each.
    ACGAN.Configuration.dropout	The share of channels that the discriminator drops.
    ACGAN.Configuration.generatorHidden	The generator's widths, input side first; the image doubles once for each.
    ACGAN.Configuration.imageChannels	Number of channels.
    ACGAN.Configuration.imageSize	Height and width of the images.
    ACGAN.Configuration.latentSize	The length of a latent vector and of a label's embedding.
    ACGAN.Configuration.leakySlope	The slope of leaky relus.
    ACGAN.Configuration.learningRate	The learning rate of both optimisers.
    ACGAN.Configuration.loss	The adversarial loss, beside the class.
    ACGAN.Configuration.model	Which networks.
    ACGAN.Configuration.normEpsilon	The epsilon of batch norms, the generator's first excepted.
    AdamSettings.adamEpsilon	Adam's ε.
    AdamSettings.beta1	Adam's β₁, the decay of the first moment.
    AdamSettings.beta2	Adam's β₂, the decay of the second moment.
    AdamSettings.updateRule	What takes Adam's place: adamW, sgd (momentum beta1) or rmsprop (decay beta2, momentum beta1).
    AdversarialEnlargement.Configuration.adam	Adam's decays and ε.
    AdversarialEnlargement.Configuration.adversarialLoss	The adversarial loss.
    AdversarialEnlargement.Configuration.augmentation	Random changes of what the discriminator sees of large images.
    AdversarialEnlargement.Configuration.averageDecay	Decay of the generator's moving average; 0: there is none.
    AdversarialEnlargement.Configuration.batchSize	Examples in one batch.
    AdversarialEnlargement.Configuration.cropSize	What generator and discriminator can take of ``imageSize``.
    AdversarialEnlargement.Configuration.decayFactor	What the learning rate is multiplied by at each milestone.
    AdversarialEnlargement.Configuration.discriminator	The form of the discriminator.
    AdversarialEnlargement.Configuration.discriminatorWidth	Channels of the discriminator's first map.
    AdversarialEnlargement.Configuration.flips	Whether training images are flipped horizontally half of the time.
    AdversarialEnlargement.Configuration.imageSize	Height and width of the large images in training, crops of whole ones; the side of what `vgg-style` and `ledig` judge.
    AdversarialEnlargement.Configuration.learningRate	The learning rate of both optimisers.
    AdversarialEnlargement.Configuration.losses	How images are compared.
    AdversarialEnlargement.Configuration.milestones	Steps from which the learning rate is multiplied by ``decayFactor`` once more, counted from the discriminator's first.
    AdversarialEnlargement.Configuration.network	The generator.
    AdversarialEnlargement.Configuration.openTables	Layers are named freely.
    AdversarialEnlargement.Configuration.pretrainingSteps	Steps of plain regression by the pixel loss before the discriminator joins in; the authors start from a trained regressor.
    AdversarialEnlargement.Configuration.turns	Whether training images are rotated by multiples of 90 degrees.
    AdversarialEnlargement.Configuration.weightDecay	Adam's L2 term.
    AdversarialEnlargement.Configuration.weights	Factors of the generator's loss terms.
    AdversarialLoss.takesProbabilities	Whether scores are probabilities, so that the discriminator ends in a sigmoid.
    AnimationDrawing.adaptScale	Whether relative motion is enlarged by as much as the source's keypoints lie further apart than the driving ones.
    AnimationDrawing.bestFrame	Whether motion counts from the driving frame whose pose is nearest to the source's, and not from the first.
    AnimationDrawing.relative	Whether the source moves as the driving video does since its first frame, whatever that shows; false: it takes the video's own poses, which has to show a likeness of about the same build and place.
    AudioSuperResolution.Configuration.adam	Adam's decays and ε.
    AudioSuperResolution.Configuration.batchSize	Sounds in one batch.
    AudioSuperResolution.Configuration.dilation	Samples from one tap of a kernel to the next, in the form temporal-film.
    AudioSuperResolution.Configuration.dropout	The share of activations that are dropped at the bottleneck and on the way up.
    AudioSuperResolution.Configuration.factor	How many times fewer samples the given sound has: it keeps what lies below that share of half the sample rate.
    AudioSuperResolution.Configuration.filmBlock	Samples of a block behind the first layer, in the form temporal-film; half as many behind each further one.
    AudioSuperResolution.Configuration.filters	Channels of the layers on the way down, from the signal; the last are the bottleneck's.
    AudioSuperResolution.Configuration.form	The form of the network.
    AudioSuperResolution.Configuration.hop	Samples from one clip to the next.
    AudioSuperResolution.Configuration.kernelSizes	Samples of the layers' kernels, from the signal; the last is the bottleneck's.
    AudioSuperResolution.Configuration.learningRate	Adam's learning rate.
    AudioSuperResolution.Configuration.length	Samples of a clip in training.
    AudioSuperResolution.Configuration.loss	What is made small.
    AudioSuperResolution.Configuration.sampleRate	Samples a second of the enlarged sound.
    AudioSuperResolution.optimizers	The generator's optimiser.
    AugmentationSettings.augmentationPipeline	ADA's own pipeline in place of diffAugment: the groups blit, geometry, color, filter, noise and cutout, together eighteen transformations, each applied with ADA's probability; empty: none.
    AugmentationSettings.augmentationRamp	ADA's ramp: real images over which the probability of a change can rise from 0 to 1.
    AugmentationSettings.augmentationTarget	ADA's target for the mean sign of real scores; 0 turns the adaptation off: images are always changed.
    AugmentationSettings.diffAugment	Discriminator augmentation (DiffAugment): the changes of real and generated images; empty: none.
    AugmentationSettings.regularization	Terms that stabilise the discriminator and the generator.
    AutoVC.Configuration.Weights.code	Of the code's difference from the code of the reconstruction.
    AutoVC.Configuration.adam	Adam's decays and ε.
    AutoVC.Configuration.batchSize	Crops in one batch.
    AutoVC.Configuration.bottleneckSize	Features of a code in each direction of time; too many let the speaker through, too few lose words.
    AutoVC.Configuration.codeDownsampling	Frames of a code.
    AutoVC.Configuration.decoderChannels	Features of the decoder's second LSTM.
    AutoVC.Configuration.decoderInputChannels	Features of the decoder's first LSTM, and channels of its convolutions.
    AutoVC.Configuration.embedding	What tells speakers apart.
    AutoVC.Configuration.embeddingSize	The length of a speaker's embedding; one-hot embeddings have as many entries as the data have speakers.
    AutoVC.Configuration.encoderChannels	Channels of the encoder's convolutions.
    AutoVC.Configuration.frames	Frames of a crop, a multiple of codeDownsampling.
    AutoVC.Configuration.learningRate	Adam's learning rate.
    AutoVC.Configuration.lossWeights	The factors of the loss terms.
    AutoVC.Configuration.mels	Mel bands.
    AutoVC.Configuration.postnetChannels	Channels of the postnet.
    AutoVC.Configuration.reconstruction	What a reconstruction is compared with.
    AutoVC.Configuration.speakerEncoderHidden	Features of the authors' speaker encoder.
    AutoVC.Configuration.speakerEncoderLayers	Layers of the authors' speaker encoder.
    AutoVC.Configuration.speakers	How many speakers there are, taken from the data.
    AutoVC.Configuration.trimsSilence	Whether long silences are cut out of utterances that are learned from, and out of those that embed a speaker: windows of 30 ms that are 30 dB quieter than the loudest part, but for three beside speech.
    AutoVC.optimizers	The generator's optimiser.
    AutoVCFrontEnd.spectrogram	The spectrogram.
    Autoencoder.Configuration.adam	Adam's decays and ε.
    Autoencoder.Configuration.batchSize	Images in a batch.
    Autoencoder.Configuration.corruption	What is done to an image before it is encoded.
    Autoencoder.Configuration.corruptionAmount	How much of it.
    Autoencoder.Configuration.hidden	Widths from the image to the code; `convolutional` takes exactly two.
    Autoencoder.Configuration.imageChannels	Colour channels.
    Autoencoder.Configuration.imageRange	The range of images and of the last layer: tanh for `signed`, sigmoid for `unit`; nil: `unit` for `binaryCrossEntropy`, else `signed`.
    Autoencoder.Configuration.imageSize	Height and width of the images.
    Autoencoder.Configuration.latentSize	Length of the code; `convolutional` has a small map in its place.
    Autoencoder.Configuration.leakySlope	Slope of the leaky relu of `deep-convolutional`.
    Autoencoder.Configuration.learningRate	Step size of Adam.
    Autoencoder.Configuration.loss	What is minimised.
    Autoencoder.Configuration.model	Which network.
    Autoencoder.Configuration.normEpsilon	Epsilon of the batch norms of `deep-convolutional`.
    Autoencoder.Configuration.weightDecay	L2 term added to the gradient.
    Autoencoder.optimizers	The one optimiser, by the name of its network.
    AverageSettings.averageDecay	Decay of the generator's moving average; 0: there is none, or a copy.
    AverageSettings.averageStart	The step before which the average is a copy.
    BigGAN.Configuration.adam	Adam's decays and ε.
    BigGAN.Configuration.augmentation	Changes of the images that the discriminator sees.
    BigGAN.Configuration.average	The generator's moving average; its start is counted from 1.
    BigGAN.Configuration.batchSize	Real images in a part of a discriminator's update, and generated ones in every part.
    BigGAN.Configuration.bottomWidth	The side of the generator's first map.
    BigGAN.Configuration.classSource	Where classes come from: the data's labels, or clusters of instance features.
    BigGAN.Configuration.classes	The number of classes.
    BigGAN.Configuration.discriminatorAttention	Resolutions behind whose block the discriminator attends; at 32 pixels all its blocks count as 16.
    BigGAN.Configuration.discriminatorChannels	The base of the discriminator's widths.
    BigGAN.Configuration.discriminatorDepth	Residual blocks a resolution of the deep discriminator.
    BigGAN.Configuration.discriminatorLearningRate	The discriminator's learning rate.
    BigGAN.Configuration.discriminatorWide	Whether a discriminator block is as wide inside as its output, else as its input.
    BigGAN.Configuration.featureEpochs	How often the network that gives the features sees each image, for clusters.
    BigGAN.Configuration.featureSize	Length of the feature vectors of a network that Atelier trains, for clusters.
    BigGAN.Configuration.featureSource	Where instance features come from, for clusters.
    BigGAN.Configuration.generatorAttention	Resolutions behind whose block the generator attends.
    BigGAN.Configuration.generatorChannels	The base of the generator's widths.
    BigGAN.Configuration.generatorDepth	Residual blocks a resolution of the deep generator.
    BigGAN.Configuration.generatorLearningRate	The generator's learning rate.
    BigGAN.Configuration.generatorSpectralNorm	Whether the generator's weights are normalised too.
    BigGAN.Configuration.gradientCheckpointing	Whether each block of the generator is recomputed in the backward pass (gradient checkpointing), which takes less memory and more time.
    BigGAN.Configuration.hierarchicalLatent	Whether the latent enters at every depth: a chunk a block, or in the deep form all of it everywhere.
    BigGAN.Configuration.imageChannels	Number of channels.
    BigGAN.Configuration.imageSize	Height and width of the pictures: 8, 16, 32, 64 or (not deep) 128 times ``bottomWidth``.
    BigGAN.Configuration.initialization	How weights start.
    BigGAN.Configuration.latentSize	The length of a latent vector; a hierarchical one is cut down to a multiple of its chunks.
    BigGAN.Configuration.loss	The adversarial loss, one of raw scores.
    BigGAN.Configuration.model	Which networks.
    BigGAN.Configuration.normEpsilon	The epsilon of conditional batch norms.
    BigGAN.Configuration.powerIterations	Power iterations a pass.
    BigGAN.Configuration.round	How both networks are updated in one step.
    BigGAN.Configuration.sharedEmbedding	Whether one table of classes serves all norms; else each norm has its own.
    BigGAN.Configuration.sharedEmbeddingSize	The length of a row of the shared table; nil: that of the latent.
    BigGAN.Configuration.spectralNormEpsilon	The smallest length that a singular vector is divided by.
    BigGAN.Configuration.standingStatistics	Batches from which the norms' statistics are estimated before images are drawn; 0: running averages.
    BigGAN.augment	Discriminator augmentation.
    BigGAN.averages	The generator's moving average, buffers included, as the authors keep it.
    BigGANRound.discriminatorOrthogonal	The strength of the discriminator's orthogonal regularisation.
    BigGANRound.discriminatorSteps	Updates of the discriminator for each of the generator.
    BigGANRound.generatorOrthogonal	The strength of the generator's orthogonal regularisation.
    BigGANRound.gradientAccumulation	Parts whose gradients are added before an update.
    BigGANRound.splitDiscriminatorBatch	Whether the discriminator sees real and generated images in two passes.
    CIAGAN.Configuration.adam	Adam's decays and ε.
    CIAGAN.Configuration.adversarialLoss	What scores are made large or small.
    CIAGAN.Configuration.batchSize	Pairs of images in a batch.
    CIAGAN.Configuration.channels	The generator's channels: of its last layer, and after 1, 2, 3 and more halvings.
    CIAGAN.Configuration.criticChannels	The critic's channels after 1, 2, 3 and more halvings.
    CIAGAN.Configuration.criticHidden	The width of the critic's linear layer.
    CIAGAN.Configuration.criticSteps	The critic's updates in a step.
    CIAGAN.Configuration.featureSize	The length of the siamese network's features.
    CIAGAN.Configuration.generatorSteps	The generator's updates in a step.
    CIAGAN.Configuration.gradientPenalty	The factor of the gradient penalty, which belongs to the Wasserstein loss alone.
    CIAGAN.Configuration.identities	How many identities there are, taken from the data.
    CIAGAN.Configuration.identityChannels	Channels of the smallest map that an identity becomes.
    CIAGAN.Configuration.identityHidden	The width of the linear layers that an identity goes through.
    CIAGAN.Configuration.imageSize	Height and width of the images, a multiple of 32; the authors' networks have 128.
    CIAGAN.Configuration.learningRate	The learning rate of all three networks.
    CIAGAN.Configuration.margin	The distance of features beyond which two identities are apart enough.
    CIAGAN.Configuration.randomCrop	Whether training images are random crops of a half to three quarters of each side, as the authors' are.
    CIAGAN.Configuration.siameseChannels	The siamese network's channels, at full size and after each of three halvings.
    CIAGAN.Configuration.siameseHidden	The width of the siamese network's linear layer.
    CIAGAN.Configuration.siameseMask	Whether images are multiplied by the mask of the face in front of the siamese network.
    CIAGAN.exportsAnySize	False: what is generated has one size.
    CaptionedDrawing.condition	The condition that takes a caption.
    CaptionedDrawing.field	The field of captions in the data.
    CodeSampling.candidates	Images that are drawn for the prompt, of which those are given that a scorer finds to fit it best, the best first; nil: no more than are given. It needs a model trained with scorerSteps.
    CodeSampling.filterThreshold	The share of logits that are left out, the lowest first.
    CodeSampling.guidance	How far logits go from those without a caption towards those with it (Ho and Salimans 2021); 1: those with it. It needs a model trained with captionDropout.
    CodeSampling.kept	The share of an image's codes that a given image keeps, from above.
    CodeSampling.temperature	Divides the logits: below 1 sharper, above 1 more random.
    Condition.help	One line for people.
    Condition.isRequired	Whether a request without it is refused.
    Condition.kind	What it is.
    Condition.liesOnSource	Whether it lies on the source of a translation, pixel on pixel: it is cut and continued with the source. Tensors of fewer than three dimensions have no pixels and stay whole.
    Condition.name	The name, as requests and `--condition` have it.
    Condition.origin	Where it comes from otherwise.
    ConditionalGAN.Configuration.adam	Adam's decays and ε.
    ConditionalGAN.Configuration.augmentation	Discriminator augmentation.
    ConditionalGAN.Configuration.average	The generator's moving average.
    ConditionalGAN.Configuration.batchSize	Images in a batch.
    ConditionalGAN.Configuration.classes	The number of classes.
    ConditionalGAN.Configuration.decaySteps	The step at which the learning rates, falling in a straight line, are 0; 0 keeps them constant.
    ConditionalGAN.Configuration.discriminatorHidden	The discriminator's widths, input side first; `cgan`: a single one stands for three layers; `maxout`: units of the image's, the label's and the joint layer.
    ConditionalGAN.Configuration.discriminatorLabel	How the discriminator learns the class; `convolutional` only.
    ConditionalGAN.Configuration.discriminatorLearningRate	The discriminator's own learning rate.
    ConditionalGAN.Configuration.discriminatorSteps	Discriminator steps for each generator step, each on a batch of its own; `convolutional` only.
    ConditionalGAN.Configuration.dropout	The share of hidden values dropped: by the discriminator, with `maxout` by both networks.
    ConditionalGAN.Configuration.featureSize	The width of the discriminator's dense layer behind the convolutions; 0: their features are summed over places, as in the paper of the projection; `convolutional` only.
    ConditionalGAN.Configuration.generatorHidden	The generator's widths, input side first; `maxout`: of the latent's, the label's and the joint layer; `convolutional`: the image doubles once for each.
    ConditionalGAN.Configuration.generatorLabel	How the generator learns the class; `convolutional` only.
    ConditionalGAN.Configuration.generatorLearningRate	The generator's own learning rate.
    ConditionalGAN.Configuration.imageChannels	Number of channels.
    ConditionalGAN.Configuration.imageSize	Height and width of the images.
    ConditionalGAN.Configuration.latentSize	The length of a latent vector.
    ConditionalGAN.Configuration.leakySlope	The slope of leaky relus.
    ConditionalGAN.Configuration.learningRate	The learning rate of both optimisers.
    ConditionalGAN.Configuration.learningRateDecay	The learning rate is divided by this at every step; `maxout` only.
    ConditionalGAN.Configuration.loss	The adversarial loss.
    ConditionalGAN.Configuration.minimumLearningRate	The learning rate falls no lower.
    ConditionalGAN.Configuration.model	Which form.
    ConditionalGAN.Configuration.momentumSchedule	The momentum of gradient descent; `maxout` only.
    ConditionalGAN.Configuration.normEpsilon	The epsilon of batch norms.
    ConditionalGAN.Configuration.pieces	Linear pieces of the units of those three layers; `maxout` only.
    ConditionalVAE.Configuration.classes	Classes; taken from the data in training.
    ConditionalVAE.Configuration.images	The shape of the images.
    ConditionalVAE.Configuration.model	Which networks.
    ConditionalVAE.Configuration.variational	Widths, objective and optimiser.
    ConfigurationError.errorDescription	The same sentence, for Foundation.
    CropAndFlip.flips	Whether images are flipped horizontally half of the time.
    CropAndFlip.loadSize	Size before the random crop; nil: what the system says.
    CycleGAN.Configuration.Weights.cycle	Of the mean absolute difference between an image and what came back, both ways.
    CycleGAN.Configuration.Weights.identity	Of the identity loss, on top of `cycle`; 0 leaves it out.
    CycleGAN.Configuration.adam	Adam's decays and ε.
    CycleGAN.Configuration.adversarialLoss	The adversarial loss.
    CycleGAN.Configuration.augmentation	Discriminator augmentation.
    CycleGAN.Configuration.batchSize	Images of each domain in a batch.
    CycleGAN.Configuration.crop	Random crop and flip; without `loadSize`: 286 for 256, and so on.
    CycleGAN.Configuration.decay	How the learning rates fall.
    CycleGAN.Configuration.discriminators	The discriminators.
    CycleGAN.Configuration.learningRate	The learning rate of both optimisers at first.
    CycleGAN.Configuration.poolSize	Earlier images that each discriminator may see again; 0: none.
    CycleGAN.Configuration.translator	The generators, and the images.
    CycleGAN.Configuration.weights	Factors of the generators' loss terms.
    CycleGANVC2.Configuration.Weights.cycle	Of the way to the other voice and back.
    CycleGANVC2.Configuration.Weights.identity	Of the identity loss.
    CycleGANVC2.Configuration.batchSize	Crops in a batch, half of them of each speaker.
    CycleGANVC2.Configuration.beta1	Adam's β₁.
    CycleGANVC2.Configuration.beta2	Adam's β₂.
    CycleGANVC2.Configuration.blocks	Residual blocks of each generator.
    CycleGANVC2.Configuration.constantSteps	Steps at these learning rates.
    CycleGANVC2.Configuration.decaySteps	Steps over which they then fall to zero in a straight line; 0: they never fall.
    CycleGANVC2.Configuration.discriminatorLearningRate	The discriminators' learning rate at first.
    CycleGANVC2.Configuration.discriminatorWidth	Channels of the discriminators' first layer behind its gate; the last has eight times as many.
    CycleGANVC2.Configuration.frames	Frames of a crop, a multiple of four.
    CycleGANVC2.Configuration.generatorLearningRate	The generators' learning rate at first.
    CycleGANVC2.Configuration.generatorWidth	Channels of the generators' outer layers behind their gates; the inner ones have up to four times as many.
    CycleGANVC2.Configuration.identitySteps	Steps with the identity loss.
    CycleGANVC2.Configuration.lossWeights	The factors of the loss terms.
    CycleGANVC2.Configuration.mels	Mel bands of AutoVC's spectrograms, a multiple of four.
    DALLE.Configuration.adam	Adam's keys.
    DALLE.Configuration.annealInterval	Steps between changes of temperature and of the autoencoder's learning rate.
    DALLE.Configuration.annealRate	How fast the temperature falls: it is multiplied by exp(-annealRate · step) at every annealInterval.
    DALLE.Configuration.annealing	How temperature and learning rate of the autoencoder fall: exponential as DALLE-pytorch has it, or cosine as the paper has it, the divergence's weight then rising likewise.
    DALLE.Configuration.attentionKinds	What the layers look at, in turn.
    DALLE.Configuration.autoencoder	The autoencoder of the model dall-e.
    DALLE.Configuration.autoencoderBatchSize	Images a step of the first stage of the model dall-e.
    DALLE.Configuration.autoencoderLearningRate	Step size of the first stage of the model dall-e.
    DALLE.Configuration.autoencoderSteps	Steps of the first stage of the model dall-e; 0: the autoencoder comes from other weights.
    DALLE.Configuration.batchSize	Examples a step.
    DALLE.Configuration.blocksPerGroup	Residual blocks between two halvings of openai-discrete-vae.
    DALLE.Configuration.captionDropout	The share of captions that are left out in training, so that guidance has what it compares with.
    DALLE.Configuration.codebookSize	Length of a code's vector.
    DALLE.Configuration.divergenceSteps	Steps over which openai-discrete-vae's divergence gains its weight.
    DALLE.Configuration.divergenceWeight	Weight of the divergence of codes from an even distribution; for openai-discrete-vae in nats a value of the image, at its end.
    DALLE.Configuration.downsamplings	Halvings from the image to its codes; openai-discrete-vae has three.
    DALLE.Configuration.embeddingSize	Width of the transformer.
    DALLE.Configuration.gradientClip	Largest global norm of the transformer's gradients; nil: whatever the trainer says.
    DALLE.Configuration.headSize	Width of a head.
    DALLE.Configuration.heads	Attention heads.
    DALLE.Configuration.hiddenChannels	Channels of the autoencoder's inner layers; of openai-discrete-vae the narrowest.
    DALLE.Configuration.imageLossWeight	Weight of the image's cross-entropy beside the text's.
    DALLE.Configuration.imageVocabularySize	Codes that a place of an image can have.
    DALLE.Configuration.images	The shape of the images.
    DALLE.Configuration.initialChannels	Channels behind the first layer of openai-discrete-vae's decoder.
    DALLE.Configuration.layers	Layers of the transformer.
    DALLE.Configuration.learningRate	Step size: of the transformer, or of the autoencoder where it is trained alone.
    DALLE.Configuration.learningRateDecay	The autoencoder's learning rate is multiplied by this at every annealInterval.
    DALLE.Configuration.learningRateSteps	Steps over which the autoencoder's learning rate falls to the last one, for annealing cosine.
    DALLE.Configuration.loss	What the autoencoder's reconstruction minimises; openai-discrete-vae has the logit-Laplace likelihood.
    DALLE.Configuration.minimumCount	Tokens that are rarer in the training captions are unknown.
    DALLE.Configuration.minimumLearningRate	The autoencoder's last learning rate, for annealing cosine.
    DALLE.Configuration.minimumTemperature	The last temperature of codes.
    DALLE.Configuration.model	What is trained.
    DALLE.Configuration.reinmax	Whether the gradient of one-hot codes is that of ReinMax (Liu et al. 2023).
    DALLE.Configuration.residualBlocks	Residual blocks of encoder and decoder.
    DALLE.Configuration.rotaryEmbedding	Rotary positions (Su et al. 2021) in place of learned ones.
    DALLE.Configuration.sandwichNorm	Whether a norm also stands behind each sublayer.
    DALLE.Configuration.scorer	The scorer's keys.
    DALLE.Configuration.shiftTokens	Whether places take a part of their features from their neighbours before them.
    DALLE.Configuration.stable	The reference's form for 16 bits: softmaxes of small scores, outputs divided by their largest.
    DALLE.Configuration.startTemperature	The first temperature of codes.
    DALLE.Configuration.straightThrough	Whether codes are one-hot forward and relaxed backward.
    DALLE.Configuration.temperature	The temperature of codes outside training.
    DALLE.Configuration.temperatureSteps	Steps over which the temperature falls to the last one, for annealing cosine.
    DALLE.Configuration.textLength	Tokens of a caption; longer ones are cut off.
    DALLE.Configuration.textUnit	What a token of text stands for.
    DALLE.Configuration.textVocabularySize	Tokens of text that are known; taken from the data in training.
    DALLE.Configuration.tiedEmbedding	Whether tokens' vectors are the rows of the output layer.
    DALLE.networks	`autoencoder`; `encoder` and `decoder` of openai-discrete-vae; `model` of both stages, and `scorer` beside it.
    DCGAN.Configuration.adam	Adam's decays and ε.
    DCGAN.Configuration.augmentation	Discriminator augmentation.
    DCGAN.Configuration.batchSize	Images in a batch.
    DCGAN.Configuration.discriminatorChannels	Channels of the discriminator's widest map; maps have twice as many for each halving.
    DCGAN.Configuration.generatorChannels	Channels of the generator's widest map; maps have twice as many for each halving.
    DCGAN.Configuration.imageChannels	Number of channels.
    DCGAN.Configuration.imageSize	Height and width of the pictures: 4, 5, 6 or 7 times a power of two of at least 2.
    DCGAN.Configuration.latentSize	The length of a latent vector.
    DCGAN.Configuration.leakySlope	The slope of leaky relus.
    DCGAN.Configuration.learningRate	The learning rate of both optimisers.
    DCGAN.Configuration.loss	The adversarial loss.
    DCGAN.Configuration.model	Which form.
    DCGAN.Configuration.normEpsilon	The epsilon of batch norms.
    DCGAN.Configuration.weightDecay	The factor of the L2 term in both optimisers.
    DataPlan.arrangement	How the fields belong together, which decides how a folder or file is read.
    DataPlan.bucketMultiple	What the sides of training images may be multiples of, where networks take any size; nil: the fields' size only.
    DataPlan.changes	Random changes of training examples: crops, mirroring.
    DataPlan.fields	The fields of a batch.
    DeepPrivacy.Configuration.Weights.epsilonPenalty	Of the mean square of real scores. The authors' 0.001 is never used by their program.
    DeepPrivacy.Configuration.Weights.gradientPenalty	Of the gradient penalty, which is multiplied by its interval.
    DeepPrivacy.Configuration.adam	Adam's decays and ε.
    DeepPrivacy.Configuration.averageDecay	Decay of the generator's moving average; the authors' halves what is older than 10,000 images.
    DeepPrivacy.Configuration.batchSize	Examples in a batch.
    DeepPrivacy.Configuration.batchSizes	Examples in a batch for each size from `startSize` to `imageSize`; empty: `batchSize` for all.
    DeepPrivacy.Configuration.discriminatorBeta2	Adam's β₂ of the discriminator; nil: that of the generator to the power of n / (n + 1), as β₁ is.
    DeepPrivacy.Configuration.discriminatorLearningRate	The discriminator's; nil: that of the generator times n / (n + 1) for a penalty every n steps.
    DeepPrivacy.Configuration.discriminatorResidual	Whether the discriminator's blocks are, but for its last.
    DeepPrivacy.Configuration.flips	Whether training images are mirrored at random.
    DeepPrivacy.Configuration.gain	The gain of convolutions' weights, which are scaled at run time.
    DeepPrivacy.Configuration.growthImages	Images that each size is blended in over, and as many that it is then trained with before the next one; 0: all sizes are trained together from the beginning.
    DeepPrivacy.Configuration.imageSize	Height and width of the images: 4 doubled once for each width but the first.
    DeepPrivacy.Configuration.keypoints	Keypoints of a face: 7 are nose, eyes, ears and shoulders, 5 eyes, nose and corners of the mouth.
    DeepPrivacy.Configuration.latentChannels	Channels of the latent 4×4 map.
    DeepPrivacy.Configuration.learningRate	The generator's learning rate.
    DeepPrivacy.Configuration.lossWeights	The factors of the discriminator's further losses.
    DeepPrivacy.Configuration.penalty	What becomes of a gradient's norm in the penalty.
    DeepPrivacy.Configuration.penaltyInterval	The penalty is computed every so many steps.
    DeepPrivacy.Configuration.penaltyMasked	Whether the penalty sees the gradient of filled pixels alone.
    DeepPrivacy.Configuration.progressive	Whether the path of half the size runs beside that of the newest size.
    DeepPrivacy.Configuration.residual	Whether the generator's blocks are residual.
    DeepPrivacy.Configuration.startSize	The size that growing networks begin with.
    DeepPrivacy.Configuration.transition	The weight of the new path; while networks grow, training sets it.
    DeepPrivacy.Configuration.widths	The generator's channels at 4×4, 8×8, … up to the image's size.
    DeepPrivacy.averages	The averaged generator.
    DeepPrivacy.exportsAnySize	False: what is generated has one size.
    DeepfakeAutoencoder.Configuration.adam	Adam's decays and ε.
    DeepfakeAutoencoder.Configuration.augmentation	How training faces are varied.
    DeepfakeAutoencoder.Configuration.batchSize	Faces of each person in a batch.
    DeepfakeAutoencoder.Configuration.decoderChannels	Channels of the doublings: of the encoder's last, then of a decoder's.
    DeepfakeAutoencoder.Configuration.encoderChannels	Channels of the encoder's convolutions, each of which halves the sides.
    DeepfakeAutoencoder.Configuration.furtherLosses	Further losses by name, each with its weight beside the first one's 1.
    DeepfakeAutoencoder.Configuration.images	The shape of the faces.
    DeepfakeAutoencoder.Configuration.innerChannels	Channels of the 4 × 4 map that the code is brought to.
    DeepfakeAutoencoder.Configuration.latentSize	Numbers of the code.
    DeepfakeAutoencoder.Configuration.leakySlope	The slope of the leaky ReLUs.
    DeepfakeAutoencoder.Configuration.learnMask	Whether decoders give masks as well, learned from the alpha of the images.
    DeepfakeAutoencoder.Configuration.learningRate	Adam's learning rate.
    DeepfakeAutoencoder.Configuration.loss	How faces are compared with what they should be.
    DeepfakeAutoencoder.Configuration.openTables	Losses are named freely.
    DeepfakeAutoencoder.exportsAnySize	False: the encoder's dense layers take one size.
    DeepfakeAutoencoder.optimizers	One for the encoder and both decoders.
    DeepfakeDetection.Configuration.adam	Adam's decays and ε.
    DeepfakeDetection.Configuration.balanced	Whether training shows real and fake images equally often, however many there are of each.
    DeepfakeDetection.Configuration.batchSize	Images in a batch.
    DeepfakeDetection.Configuration.channels	The network's widths: eight of Xception (both first convolutions, four of blocks, both last convolutions), four of ResNet-18.
    DeepfakeDetection.Configuration.classes	Classes, of which the first is real.
    DeepfakeDetection.Configuration.dropout	The share of the last features that training drops in front of the last layer.
    DeepfakeDetection.Configuration.flips	Whether training images are flipped horizontally half of the time.
    DeepfakeDetection.Configuration.fullSteps	Steps of training everything; null: until the run ends.
    DeepfakeDetection.Configuration.headEpochs	Passes over the data of the last layer alone, in place of headSteps; null: headSteps decides.
    DeepfakeDetection.Configuration.headSteps	Steps of the last layer alone before everything is trained.
    DeepfakeDetection.Configuration.imageSize	Height and width of the images in pixels.
    DeepfakeDetection.Configuration.learningRate	Adam's learning rate, in both stages.
    DeepfakeDetection.Configuration.model	Which network classifies images: xception or resnet-18.
    DiffAugment.isEmpty	Whether nothing changes.
    DubbingDrawing.box	The rows and columns of the face in the video, `[top, bottom, left, right]` in pixels, the same in all frames; empty: the face is looked for in each frame.
    DubbingDrawing.minimumFace	The shorter side in pixels of the smallest face that is looked for.
    DubbingDrawing.pads	Pixels that are added above, below, left of and right of a face that was found; the chin has to be in it.
    DubbingDrawing.smoothing	The frames over which the places of found faces are averaged; 1: none are.
    ELECTRA.Configuration.activation	Nonlinearity of the feed-forward layers and of the discriminator's head.
    ELECTRA.Configuration.adam	Adam's decays and ε.
    ELECTRA.Configuration.batchSize	Texts in a batch.
    ELECTRA.Configuration.classes	Classes of labelled text; taken from the data in training.
    ELECTRA.Configuration.decaySteps	The step at which the step size has fallen to zero, in a straight line.
    ELECTRA.Configuration.discriminatorWeight	Weight of the discriminator's loss beside the generator's.
    ELECTRA.Configuration.dropout	Probability of zero in training, of embeddings, attention weights and sublayers.
    ELECTRA.Configuration.embeddingSize	Length of a token's vector.
    ELECTRA.Configuration.generatorHeads	Attention heads of the generator.
    ELECTRA.Configuration.generatorHiddenSize	Length of the generator's hidden states.
    ELECTRA.Configuration.generatorIntermediateSize	Width of the generator's feed-forward layers.
    ELECTRA.Configuration.generatorTraining	How the generator learns.
    ELECTRA.Configuration.gradientClip	Largest global norm of the gradients; 0: any.
    ELECTRA.Configuration.heads	Attention heads of the discriminator.
    ELECTRA.Configuration.hiddenSize	Length of the discriminator's hidden states.
    ELECTRA.Configuration.initialDeviation	Weights begin normal with this deviation, biases at 0: BERT's `initializer_range`.
    ELECTRA.Configuration.intermediateSize	Width of the discriminator's feed-forward layers.
    ELECTRA.Configuration.keptShare	Share of the masked tokens that the generator sees as they are.
    ELECTRA.Configuration.labelField	The column of a table that holds the class.
    ELECTRA.Configuration.layers	Layers of each of the two networks.
    ELECTRA.Configuration.learningRate	Step size after the warm-up.
    ELECTRA.Configuration.maskShare	Share of a text's tokens that are masked.
    ELECTRA.Configuration.maximumLength	Rows of the table of positions.
    ELECTRA.Configuration.minimumCount	Words or characters that are rarer in the training text become `<unk>`.
    ELECTRA.Configuration.normEpsilon	Epsilon of the norms.
    ELECTRA.Configuration.normFirst	Whether norms stand before their sublayers, as in GPT-2, and not behind, as in BERT.
    ELECTRA.Configuration.optimizer	How parameters change.
    ELECTRA.Configuration.pieces	Pieces of words.
    ELECTRA.Configuration.sequenceLength	Tokens of one piece of text in training; never more than `maximumLength`.
    ELECTRA.Configuration.task	What is learned: replaced tokens of plain text, or classes of labelled text.
    ELECTRA.Configuration.textField	The column of a table that holds the text.
    ELECTRA.Configuration.tiedEmbedding	Whether generator and discriminator have the same embeddings.
    ELECTRA.Configuration.tokenUnit	What one token stands for.
    ELECTRA.Configuration.vocabularySize	Tokens the model knows, five special ones among them; taken from the data in training.
    ELECTRA.Configuration.warmupSteps	Steps in which the step size rises.
    ELECTRA.Configuration.weightDecay	Decoupled weight decay of matrices; biases and norms have none.
    ELECTRA.optimizers	The one optimiser of everything.
    EnlargementWeights.adversarial	Of the adversarial loss.
    EnlargementWeights.perceptual	Of the perceptual loss, on top of each layer's own weight.
    EnlargementWeights.pixel	Of the pixel loss.
    EnlargingConfiguration.cropSize	The largest multiple of what the generator needs.
    EnlargingConfiguration.plan	A small image and the large one that belongs to it, both in 0 … 1; single images are made smaller, and blurred where the network keeps the size and learns to sharpen. Crops are taken at the images' own size.
    EnlargingLosses.features	The network whose features a perceptual loss compares.
    EnlargingLosses.perceptualCriterion	How features are compared.
    EnlargingLosses.perceptualLayers	Layers of that network and their factors; empty: no perceptual loss.
    EnlargingLosses.pixelLoss	How values are compared.
    EnlargingNetwork.blocks	The generator's residual blocks.
    EnlargingNetwork.foldsInput	Whether a network for a scale below 4 folds its input, as BasicSR's does; otherwise it doubles less often, as the first ESRGAN's (`rrdb` only).
    EnlargingNetwork.generator	The form of the generator.
    EnlargingNetwork.growth	Channels that each dense convolution adds (`rrdb` only).
    EnlargingNetwork.inputChannels	Channels of small images.
    EnlargingNetwork.outputChannels	Channels of large images.
    EnlargingNetwork.scale	The scale factor.
    EnlargingNetwork.width	Channels of the generator's maps.
    EpochDecay.constantEpochs	Passes over the data at the full learning rate.
    EpochDecay.decayEpochs	Passes over which the learning rate then falls to zero; 0: it never falls.
    EverybodyDanceNow.Configuration.Weights.featureMatching	Of the differences between the discriminator's features of both pairs; 0 leaves them out.
    EverybodyDanceNow.Configuration.Weights.perceptual	Of the differences between a VGG's features of both images; 0 leaves them out.
    EverybodyDanceNow.Configuration.adam	Adam's decays and ε.
    EverybodyDanceNow.Configuration.adversarialLoss	The adversarial loss.
    EverybodyDanceNow.Configuration.batchSize	Pairs of frames in a batch.
    EverybodyDanceNow.Configuration.blocks	Residual blocks of the global generator.
    EverybodyDanceNow.Configuration.decay	How the learning rates fall.
    EverybodyDanceNow.Configuration.discriminator	The discriminator's form.
    EverybodyDanceNow.Configuration.discriminatorNorm	The discriminators' normalisation; nil: the generator's.
    EverybodyDanceNow.Configuration.discriminatorWidth	Channels of the discriminators' widest map.
    EverybodyDanceNow.Configuration.downsamplings	How often the global generator halves its input.
    EverybodyDanceNow.Configuration.faceBlocks	Residual blocks of the face's generator.
    EverybodyDanceNow.Configuration.faceBox	The face's box: first row, end row, first column, end column, ends excluded.
    EverybodyDanceNow.Configuration.faceDownsamplings	How often the face's generator halves its box.
    EverybodyDanceNow.Configuration.faceFollowsPose	Whether the box is moved to the head of each pose, the white points of its picture; its size stays, and so does its place where no head is drawn.
    EverybodyDanceNow.Configuration.faceGenerator	What corrects the face; with it the rest of the generator stays as it is.
    EverybodyDanceNow.Configuration.faceWidth	Channels of the widest map of the face's generator and discriminator.
    EverybodyDanceNow.Configuration.faces	Whether the data show people, whose consent training needs; false for drawn figures.
    EverybodyDanceNow.Configuration.features	The network whose features `weights.perceptual` compares; nil: VGG19 as the authors, or VGG16 where only that one is there.
    EverybodyDanceNow.Configuration.fixGlobalEpochs	Passes over the data during which only the outermost enhancer is trained.
    EverybodyDanceNow.Configuration.fixMainEpochs	Passes over the data during which of both discriminators the face's alone is trained.
    EverybodyDanceNow.Configuration.generator	The generator's form.
    EverybodyDanceNow.Configuration.gradientCheckpointing	Whether each residual block is recomputed in the backward pass (gradient checkpointing), which takes less memory and more time.
    EverybodyDanceNow.Configuration.imageHeight	Height of frames.
    EverybodyDanceNow.Configuration.imageWidth	Width of frames.
    EverybodyDanceNow.Configuration.layers	Strided convolutions of each discriminator.
    EverybodyDanceNow.Configuration.learningRate	The learning rate of all optimisers at first.
    EverybodyDanceNow.Configuration.localBlocks	Residual blocks of each enhancer.
    EverybodyDanceNow.Configuration.localEnhancers	Enhancers around it, each for twice the resolution (`generator: local`).
    EverybodyDanceNow.Configuration.norm	The normalisation of generator and discriminator.
    EverybodyDanceNow.Configuration.scales	Discriminators, each on half the resolution of the one before.
    EverybodyDanceNow.Configuration.weights	Factors of the generator's loss terms.
    EverybodyDanceNow.Configuration.width	Channels of the generator at full resolution.
    FUNIT.Configuration.Weights.adversarial	Of the adversarial terms of generator and discriminator.
    FUNIT.Configuration.Weights.featureMatching	Of the differences between what the discriminator sees in made and in real images.
    FUNIT.Configuration.Weights.gradientPenalty	Of the discriminator's squared gradient at real images.
    FUNIT.Configuration.Weights.reconstruction	Of the mean absolute difference between an image and what its own content and class give.
    FUNIT.Configuration.adam	Adam's decays, and the ε of whichever optimiser.
    FUNIT.Configuration.adversarialLoss	The adversarial loss.
    FUNIT.Configuration.alpha	RMSprop's decay of the mean of squared gradients.
    FUNIT.Configuration.augmentation	Discriminator augmentation.
    FUNIT.Configuration.averageDecay	Decay of the generator's moving average.
    FUNIT.Configuration.batchSize	Content images in a batch, and as many class images.
    FUNIT.Configuration.blocks	Residual blocks of the content encoder, and as many of the decoder.
    FUNIT.Configuration.classDownsamplings	Halvings of the class encoder, of which the first two double the width.
    FUNIT.Configuration.classes	Classes that the discriminator judges: those of the training data, unless given otherwise.
    FUNIT.Configuration.crop	Random crop and flip; without `loadSize`: 140 for 128, and so on.
    FUNIT.Configuration.discriminator	The discriminator's form.
    FUNIT.Configuration.discriminatorBlocks	Residual blocks of the discriminator, an even number; the map is halved after each pair but the last.
    FUNIT.Configuration.discriminatorWidth	Channels of the discriminator's widest map.
    FUNIT.Configuration.downsamplings	Halvings of the content encoder.
    FUNIT.Configuration.generator	The generator's form.
    FUNIT.Configuration.heldOutClasses	Classes that training never sees, by name; what is translated into them later proves the system.
    FUNIT.Configuration.imageSize	Height and width of training images.
    FUNIT.Configuration.inputChannels	Number of channels.
    FUNIT.Configuration.learningRate	The learning rate of both optimisers.
    FUNIT.Configuration.mlpLayers	Its linear layers.
    FUNIT.Configuration.mlpWidth	The hidden width of what makes norms' parameters of a class code.
    FUNIT.Configuration.optimizer	What changes the weights.
    FUNIT.Configuration.styleLength	The length of a class code.
    FUNIT.Configuration.weightDecay	The factor of the L2 term that is added to gradients.
    FUNIT.Configuration.weights	Factors of the loss terms.
    FUNIT.Configuration.width	Channels of the generator's widest map.
    FUNIT.averages	The averaged generator.
    FaceAnonymization.image	The field of the image.
    FaceAnonymization.mask	The field of the mask of what is replaced; nil: all of the image is.
    FaceAnonymization.maskIsKept	Whether the mask is 1 where the image is kept instead.
    FaceAnonymization.person	The field of who it shows; nil: the data say it by their folders alone.
    FaceAugmentation.colour	The same of the two colours beside lightness.
    FaceAugmentation.flip	The share of faces that are flipped horizontally.
    FaceAugmentation.lightness	Up to which share of its room lightness is raised or lowered, in images of three channels.
    FaceAugmentation.rotation	Faces are turned by up to so many degrees, either way.
    FaceAugmentation.shift	Faces are moved by up to this share of the size, across and down.
    FaceAugmentation.warp	Deviation of the warp's 5 × 5 points in pixels of an image of 256; 0: the encoder sees faces as they are.
    FaceAugmentation.zoom	Faces are enlarged or made smaller by up to this share.
    FaceDubbing.frames	The condition of the frames, and the output.
    FaceDubbing.speech	The condition of what is said, and how it is cut: a piece begins at its own frame.
    FaceIdentityTransformer.Configuration.Weights.adversarial	Of what the discriminators say.
    FaceIdentityTransformer.Configuration.Weights.adversarialModified	Of anonymised faces in it.
    FaceIdentityTransformer.Configuration.Weights.adversarialRecovered	Of recovered faces in it.
    FaceIdentityTransformer.Configuration.Weights.adversarialWrong	Of wrongly recovered faces in it.
    FaceIdentityTransformer.Configuration.Weights.code	Of the passcodes that are to be told from images; 0 leaves the classifier out.
    FaceIdentityTransformer.Configuration.Weights.feature	Of the features of faces anonymised by two passcodes.
    FaceIdentityTransformer.Configuration.Weights.featureModifiedWrong	Of the features of anonymised and wrongly recovered faces.
    FaceIdentityTransformer.Configuration.Weights.featureWrong	Of the features of faces recovered by two wrong passcodes.
    FaceIdentityTransformer.Configuration.Weights.modifiedL1	Of the absolute difference between anonymised faces and faces.
    FaceIdentityTransformer.Configuration.Weights.recognition	Of what the recogniser says.
    FaceIdentityTransformer.Configuration.Weights.recognitionModified	Of anonymised faces in it.
    FaceIdentityTransformer.Configuration.Weights.recognitionWrong	Of wrongly recovered faces in it.
    FaceIdentityTransformer.Configuration.Weights.recoveredL1	Of that between recovered faces and faces.
    FaceIdentityTransformer.Configuration.Weights.wrongL1	Of that between wrongly recovered faces and faces.
    FaceIdentityTransformer.Configuration.adam	Adam's decays and ε.
    FaceIdentityTransformer.Configuration.batchSize	Faces in a batch.
    FaceIdentityTransformer.Configuration.classifierLayers	Convolutions that halve the image at the classifier's front.
    FaceIdentityTransformer.Configuration.classifierLearningRate	The classifier's learning rate.
    FaceIdentityTransformer.Configuration.discriminatorChannels	Channels of the widest map of discriminator and classifier.
    FaceIdentityTransformer.Configuration.discriminatorLayers	Convolutions that halve the image in a discriminator.
    FaceIdentityTransformer.Configuration.discriminatorLearningRate	The discriminator's learning rate.
    FaceIdentityTransformer.Configuration.downsamplings	Halvings in the generator.
    FaceIdentityTransformer.Configuration.featureLoss	How features of two faces are driven apart.
    FaceIdentityTransformer.Configuration.featureSize	Features of the stand-in.
    FaceIdentityTransformer.Configuration.generatorChannels	Channels of the generator's widest map.
    FaceIdentityTransformer.Configuration.identities	How many identities there are, taken from the data.
    FaceIdentityTransformer.Configuration.imageSize	Height and width of the training's faces.
    FaceIdentityTransformer.Configuration.leaky	Whether the generator has leaky ReLUs (0.1) in place of ReLUs.
    FaceIdentityTransformer.Configuration.learningRate	The learning rate of the generator, and of the others where theirs is not given.
    FaceIdentityTransformer.Configuration.loss	The adversarial loss.
    FaceIdentityTransformer.Configuration.lossWeights	The factors of the loss terms.
    FaceIdentityTransformer.Configuration.norm	The normalisation of generator, discriminator and classifier.
    FaceIdentityTransformer.Configuration.padding	What convolutions of residual blocks see beyond the border.
    FaceIdentityTransformer.Configuration.passwordLength	Bits of a passcode, a multiple of 4.
    FaceIdentityTransformer.Configuration.passwordValues	What they become in the generator's input.
    FaceIdentityTransformer.Configuration.poolSize	Earlier images that each discriminator may see again; 0: none.
    FaceIdentityTransformer.Configuration.recognizer	What tells identities apart in training.
    FaceIdentityTransformer.Configuration.recognizerChannels	Channels of the stand-in's first convolution.
    FaceIdentityTransformer.Configuration.recognizerLearningRate	The recogniser's learning rate; without one a tenth of `learningRate`.
    FaceIdentityTransformer.Configuration.residualBlocks	Residual blocks in the generator.
    FaceIdentityTransformer.Configuration.resizeConvolution	Whether the generator repeats pixels in front of a convolution in place of transposed convolutions.
    FaceSwapDrawing.colours	How the colours of the new face are brought to those of the old one.
    FaceSwapDrawing.erosion	How much the mask is made smaller on all sides, as a share of the crop's side; below 0 larger.
    FaceSwapDrawing.faces	Which faces of a frame are swapped.
    FaceSwapDrawing.feather	How soft the mask's edge is: the deviation of its blur as a share of the crop's side.
    FaceSwapDrawing.minimumFace	The shorter side in pixels of the smallest face that is swapped.
    FaceSwapDrawing.seamless	Whether the seam is removed by Poisson's equation.
    FaceSwapDrawing.side	The side of the crops.
    FakeDetection.image	The field of an image.
    FakeDetection.label	The field of a class: 0 is real, 1 is fake.
    FakeDetectionSettings.every	Of a video every how many frames are looked at.
    FakeDetectionSettings.face	Where the face is, as left, top, right and bottom in pixels, the same in all images; empty: images are faces.
    FakeDetectionSettings.margin	How much larger than the face the square around it is that is cut out.
    FakeDetectionSettings.threshold	From which probability on an image or a video is called fake.
    FakeDetectionSettings.videoScore	How the scores of a video's frames become one: mean, meanLogit, median, share (of frames above one half) or top (the mean of the highest tenth).
    FastStyleTransfer.Configuration.Weights.content	Of feature reconstruction.
    FastStyleTransfer.Configuration.Weights.style	Of style reconstruction, of each layer.
    FastStyleTransfer.Configuration.Weights.totalVariation	Of squared differences of neighbouring pixels of the output, in 0 … 255.
    FastStyleTransfer.Configuration.adam	Adam's decays and ε.
    FastStyleTransfer.Configuration.batchSize	Images in a batch.
    FastStyleTransfer.Configuration.blocks	Residual blocks.
    FastStyleTransfer.Configuration.contentLayer	The layer whose activations are reconstructed.
    FastStyleTransfer.Configuration.featureNormalization	Which weights of it, by how they want images prepared: `imagenet` (torchvision's) or `caffe`.
    FastStyleTransfer.Configuration.features	The perception network: `vgg16` or `vgg19`.
    FastStyleTransfer.Configuration.generator	Which transform network.
    FastStyleTransfer.Configuration.gram	How Gram matrices are scaled and compared.
    FastStyleTransfer.Configuration.imageSize	Height and width of training images.
    FastStyleTransfer.Configuration.learningRate	Adam's learning rate.
    FastStyleTransfer.Configuration.norm	The norm, of `johnson` only.
    FastStyleTransfer.Configuration.styleLayers	The layers whose Gram matrices are reconstructed.
    FastStyleTransfer.Configuration.styleSize	The length of the longer side of the style's image; null: as it is.
    FastStyleTransfer.Configuration.upsampling	How sides are doubled, of `johnson` only: `u64` or `U2,c3s1-64` in the words of its program.
    FastStyleTransfer.Configuration.weights	Factors of the terms.
    FastStyleTransfer.Configuration.width	Channels of the widest map; the others have twice and four times as many.
    FastStyleTransfer.optimizers	The optimiser.
    FirstOrderMotion.Configuration.adam	Adam's decays and ε.
    FirstOrderMotion.Configuration.alignCorners	Whether coordinates of ±1 are the centres of corner pixels when images are sampled, as in the PyTorch that the authors' weights were trained with; false: the images' edges, PyTorch's default since 1.3.
    FirstOrderMotion.Configuration.batchSize	Pairs of frames in a batch.
    FirstOrderMotion.Configuration.colourJitter	By how much brightness, contrast and saturation vary as shares, and hue in turns.
    FirstOrderMotion.Configuration.denseMotion	The hourglass of dense motion.
    FirstOrderMotion.Configuration.detector	The keypoint detector's hourglass.
    FirstOrderMotion.Configuration.discriminator	The discriminators.
    FirstOrderMotion.Configuration.discriminatorScales	The scales of the pyramid that have a discriminator each.
    FirstOrderMotion.Configuration.faces	Whether the videos show people, whose consent a training then needs.
    FirstOrderMotion.Configuration.flips	Whether clips are mirrored half of the time, and source and driving frames change places.
    FirstOrderMotion.Configuration.generator	The generator.
    FirstOrderMotion.Configuration.imageSize	Height and width of images in pixels.
    FirstOrderMotion.Configuration.jacobian	Whether each keypoint has an affine frame of its own, without which motion is of order zero.
    FirstOrderMotion.Configuration.keypoints	How many keypoints an image has.
    FirstOrderMotion.Configuration.learningRate	Adam's learning rate at first.
    FirstOrderMotion.Configuration.lossWeights	The factors of the loss terms.
    FirstOrderMotion.Configuration.milestones	After how many epochs the learning rate is divided by ten, each time.
    FirstOrderMotion.Configuration.occlusion	Whether what of the source cannot be seen is hidden.
    FirstOrderMotion.Configuration.pyramid	The scales on which images are compared.
    FirstOrderMotion.Configuration.repeats	Passes over the data in one of the authors' epochs.
    FirstOrderMotion.Configuration.scaleFactor	How large the images are that keypoints and dense motion are found in, as a share of imageSize.
    FirstOrderMotion.Configuration.singleJacobian	Whether all keypoints share one map of matrices.
    FirstOrderMotion.Configuration.temperature	What the keypoints' maps are divided by before the softmax.
    FirstOrderMotion.Configuration.transform	How images are warped for equivariance.
    FirstOrderMotion.Discriminator.blocks	Convolutions, each but the last with a halving.
    FirstOrderMotion.Discriminator.keypoints	Whether Gaussians around the driving keypoints stand beside the image.
    FirstOrderMotion.Discriminator.maximumWidth	The most channels.
    FirstOrderMotion.Discriminator.spectralNorm	Whether weights are divided by their largest singular value.
    FirstOrderMotion.Discriminator.width	Half the channels of the first map; each block doubles them.
    FirstOrderMotion.Generator.blocks	Residual blocks behind that.
    FirstOrderMotion.Generator.downsamplings	How often the image is halved before features of it are moved.
    FirstOrderMotion.Generator.maximumWidth	The most channels.
    FirstOrderMotion.Generator.width	Channels of the widest map; each halving doubles them.
    FirstOrderMotion.Hourglass.blocks	Halvings.
    FirstOrderMotion.Hourglass.maximumWidth	The most channels.
    FirstOrderMotion.Hourglass.width	Channels of the widest map; each halving doubles them.
    FirstOrderMotion.LossWeights.adversarial	Of the adversarial term; 0: no discriminator is trained, and features are not matched.
    FirstOrderMotion.LossWeights.discriminator	Of the discriminators' loss.
    FirstOrderMotion.LossWeights.equivariance	Of keypoints that do not move as the image is warped.
    FirstOrderMotion.LossWeights.equivarianceJacobian	Of the keypoints' matrices that do not change as the image is warped.
    FirstOrderMotion.LossWeights.featureMatching	Of the differences of the discriminators' features, one a block.
    FirstOrderMotion.LossWeights.perceptual	Of the differences of VGG19's features on each scale of the pyramid: `relu1_1`, `relu2_1` … `relu5_1`.
    FirstOrderMotion.LossWeights.reconstruction	Of the mean absolute difference on each scale of the pyramid, which the authors do without.
    FirstOrderMotion.Transform.affine	The deviation of the affine map from the identity.
    FirstOrderMotion.Transform.points	Control points a side; 0: an affine map alone.
    FirstOrderMotion.Transform.spline	The deviation of the control points' parameters.
    ForeignModel.configuration	Keys that shapes and names tell.
    ForeignModel.leftOut	Tensors that are not read, on purpose.
    ForeignModel.networks	Tensors by network. `generatorAverage` holds those of the moving average of `generator`.
    ForeignTensors.isEmpty	Whether there are none.
    ForeignTensors.kernels	The shapes of the kernels of two-dimensional convolutions, in the file's order.
    ForeignTensors.named	The tensors by their names, as modules load them.
    ForeignWeights.stem	The file's name without its ending.
    FrameTranslation.beside	The fields of clips that lie beside the source, frame by frame, such as maps of instances; advancing conditions have their names.
    FrameTranslation.first	The condition that a session begins with, a frame of the target; nil where there is none.
    FrameTranslation.source	The field of clips that are followed; the advancing condition has its name.
    FrameTranslation.target	The field of clips that are made.
    GAN.Configuration.adam	Adam's decays and ε; `gan` only.
    GAN.Configuration.augmentation	Discriminator augmentation.
    GAN.Configuration.batchSize	Images in a batch.
    GAN.Configuration.discriminatorHidden	The discriminator's hidden widths (maxout: units), input side first.
    GAN.Configuration.dropout	The share of hidden values the discriminator drops; `maxout` only.
    GAN.Configuration.generatorHidden	The generator's hidden widths, input side first.
    GAN.Configuration.imageChannels	Number of channels.
    GAN.Configuration.imageSize	Height and width of the images.
    GAN.Configuration.inputDropout	The share of image values the discriminator drops; `maxout` only.
    GAN.Configuration.latentSize	The length of a latent vector.
    GAN.Configuration.leakySlope	The slope of leaky relus; `gan` only.
    GAN.Configuration.learningRate	The learning rate of both optimisers.
    GAN.Configuration.learningRateDecay	The learning rate is divided by this at every step; `maxout` only.
    GAN.Configuration.loss	The adversarial loss.
    GAN.Configuration.minimumLearningRate	The learning rate falls no lower; `maxout` only.
    GAN.Configuration.model	Which form.
    GAN.Configuration.momentumSchedule	The momentum of gradient descent; `maxout` only.
    GAN.Configuration.normEpsilon	The epsilon of batch norms; `gan` only.
    GAN.Configuration.pieces	Linear pieces of a maxout unit; `maxout` only.
    GPT.Configuration.activation	Nonlinearity of the feed-forward layers, which are four times as wide as `embeddingSize`.
    GPT.Configuration.adam	AdamW's decays and ε.
    GPT.Configuration.batchSize	Texts in one part of a batch.
    GPT.Configuration.bias	Whether linear layers and norms have biases.
    GPT.Configuration.conditionFields	Columns of documents that are given, such as title; empty: the data are plain text.
    GPT.Configuration.contextLength	The most tokens that the model sees at a time.
    GPT.Configuration.decaySteps	The step at which the step size has fallen, by half a cosine, to `minimumLearningRate`.
    GPT.Configuration.dropout	Probability of zero in training, of embeddings, attention weights and sublayers.
    GPT.Configuration.embeddingSize	Length of a token's vector.
    GPT.Configuration.gradientAccumulation	Parts of a batch whose gradients are added before a step.
    GPT.Configuration.gradientClip	Largest global norm of the gradients; 0: any.
    GPT.Configuration.heads	Attention heads.
    GPT.Configuration.layers	Blocks.
    GPT.Configuration.learningRate	Step size after the warm-up.
    GPT.Configuration.learnsTextAlone	Whether only `textField` is learned, and not what is given.
    GPT.Configuration.minimumCount	Words or characters that are rarer in the training text become `<unk>`.
    GPT.Configuration.minimumLearningRate	Step size at `decaySteps` and beyond.
    GPT.Configuration.normEpsilon	Epsilon of the norms.
    GPT.Configuration.normFirst	Whether norms stand before their sublayers, as in GPT-2, and not behind, as in GPT-1.
    GPT.Configuration.optimizer	How parameters change.
    GPT.Configuration.pieces	Pieces of words.
    GPT.Configuration.textField	The column of documents that follows from what is given.
    GPT.Configuration.tiedEmbedding	Whether input and output token tables are one.
    GPT.Configuration.tokenUnit	What one token stands for; subwords are those of a byte-pair encoding in GPT-2's files, unigram and bpe SentencePiece's pieces of words.
    GPT.Configuration.vocabularySize	Tokens the model knows; taken from the data in training.
    GPT.Configuration.warmupSteps	Steps in which the step size rises.
    GPT.Configuration.weightDecay	Decoupled weight decay of matrices; biases and norms have none.
    GPT.optimizers	The one optimiser, by the name of its network.
    GenerativeSystem.averages	No averages.
    GenerativeSystem.plan	What the system is, for everything that handles it without knowing it.
    GenerativeSystem.trainedNetworks	The networks that are trained and saved; the others' weights lie in the store of weights.
    GivenImage.artefact	The name of the artefact that holds it.
    ICGAN.Configuration.adam	Adam's decays and ε.
    ICGAN.Configuration.augmentation	Changes of the images that the discriminator sees.
    ICGAN.Configuration.average	The generator's moving average; its start is counted from 1.
    ICGAN.Configuration.batchSize	Real images in a part of a discriminator's update, and generated ones in every part.
    ICGAN.Configuration.bottomWidth	The side of the generator's first map.
    ICGAN.Configuration.classConditional	Whether class labels are a condition too.
    ICGAN.Configuration.classes	The number of classes; without labels only the size of a table that the authors keep and never read.
    ICGAN.Configuration.discriminatorAttention	Resolutions behind whose block the discriminator attends; at 32 pixels all its blocks count as 16.
    ICGAN.Configuration.discriminatorChannels	The base of the discriminator's widths.
    ICGAN.Configuration.discriminatorLearningRate	The discriminator's learning rate.
    ICGAN.Configuration.discriminatorWide	Whether a discriminator block is as wide inside as its output, else as its input.
    ICGAN.Configuration.featureEpochs	How often the network that gives the features sees each image.
    ICGAN.Configuration.featureSize	The length of an instance's features.
    ICGAN.Configuration.featureSource	Where features come from.
    ICGAN.Configuration.generatorAttention	Resolutions behind whose block the generator attends.
    ICGAN.Configuration.generatorChannels	The base of the generator's widths.
    ICGAN.Configuration.generatorLearningRate	The generator's learning rate.
    ICGAN.Configuration.generatorSpectralNorm	Whether the generator's weights are normalised too.
    ICGAN.Configuration.gradientCheckpointing	Whether each block of the generator is recomputed in the backward pass (gradient checkpointing), which takes less memory and more time.
    ICGAN.Configuration.hierarchicalLatent	Whether a chunk of the latent enters each block.
    ICGAN.Configuration.imageChannels	Number of channels.
    ICGAN.Configuration.imageSize	Height and width of the pictures: 8, 16, 32, 64 or 128 times ``bottomWidth``.
    ICGAN.Configuration.initialization	How weights start.
    ICGAN.Configuration.instanceConditional	Whether instances are a condition.
    ICGAN.Configuration.instances	The number of instances, which the data decide; 0: not known yet.
    ICGAN.Configuration.latentSize	The length of a latent vector; a hierarchical one is cut down to a multiple of its chunks.
    ICGAN.Configuration.loss	The adversarial loss, one of raw scores.
    ICGAN.Configuration.mirrors	Whether real images and, apart from them, instances are mirrored half of the time.
    ICGAN.Configuration.model	Which networks.
    ICGAN.Configuration.neighbours	Instances in a neighbourhood.
    ICGAN.Configuration.normEpsilon	The epsilon of conditional batch norms.
    ICGAN.Configuration.powerIterations	Power iterations a pass.
    ICGAN.Configuration.round	How both networks are updated in one step.
    ICGAN.Configuration.selectedInstances	Instances that generation draws from, the nearest to as many k-means centres; 0: all.
    ICGAN.Configuration.sharedEmbedding	Whether one table of classes serves all norms.
    ICGAN.Configuration.sharedEmbeddingSize	The length of a row of the shared table; nil: that of the latent.
    ICGAN.Configuration.sharedFeatureSize	The width to which the generator projects features; nil: none.
    ICGAN.Configuration.spectralNormEpsilon	The smallest length that a singular vector is divided by.
    ICGAN.Configuration.standingStatistics	Batches from which the norms' statistics are estimated before images are drawn; 0: running averages.
    ICGAN.augment	Discriminator augmentation.
    ICGAN.averages	The generator's moving average, buffers included, as the authors keep it.
    ImageAnimation.driving	The condition that takes the driving video; of a session the next frame.
    ImageAnimation.frames	The field of the data that holds clips, and the output of a whole video.
    ImageAnimation.source	The condition that takes the still image, also of sessions.
    ImageCoding.vocabulary	Codes that there are.
    ImageTagging.Configuration.batchSize	Pairs of an image and a tag in a batch.
    ImageTagging.Configuration.beta1	Adam's β₁.
    ImageTagging.Configuration.discriminatorHidden	The discriminator's widths: of the word vector's and of the features' layer.
    ImageTagging.Configuration.dropout	The share of hidden values dropped, in both networks.
    ImageTagging.Configuration.features	Which network's features describe an image.
    ImageTagging.Configuration.finalMomentum	The share that is kept in the end.
    ImageTagging.Configuration.generatorHidden	The generator's widths: of the noise's and of the features' layer.
    ImageTagging.Configuration.latentSize	The length of a noise vector.
    ImageTagging.Configuration.learningRate	The initial learning rate of generator and discriminator.
    ImageTagging.Configuration.learningRateDecay	It is divided by this at every step.
    ImageTagging.Configuration.loss	The adversarial loss.
    ImageTagging.Configuration.maxoutUnits	Units of the discriminator's joint layer.
    ImageTagging.Configuration.minimumCount	Words that occur less often are left out.
    ImageTagging.Configuration.minimumLearningRate	And falls no lower.
    ImageTagging.Configuration.mismatchShare	The share of true tags beside another image in what the discriminator is to refuse, as in Reed et al. 2016; not in the paper.
    ImageTagging.Configuration.modeSeeking	The factor of what draws two outputs for one image apart, as in Mao et al. 2019; not in the paper.
    ImageTagging.Configuration.momentum	The share of the velocity that is kept at first.
    ImageTagging.Configuration.momentumEpochs	The epoch at which the momentum reaches its end.
    ImageTagging.Configuration.nearest	Nearest tags of each.
    ImageTagging.Configuration.negatives	Random words a pair.
    ImageTagging.Configuration.normalizesFeatures	Whether generator and discriminator see features that batch normalisation without scale and shift has levelled; not in the paper.
    ImageTagging.Configuration.optimizer	The optimiser of generator and discriminator.
    ImageTagging.Configuration.pieces	Linear pieces of each.
    ImageTagging.Configuration.samples	Word vectors drawn for an image.
    ImageTagging.Configuration.subsampling	Words more frequent than this share are left out at random; 0: none.
    ImageTagging.Configuration.unitVectors	Whether word vectors are scaled to the length √wordSize before adversarial training; not in the paper.
    ImageTagging.Configuration.vectorNoise	The standard deviation of noise on what the discriminator sees of word vectors; not in the paper.
    ImageTagging.Configuration.window	The most words between a word and its neighbour.
    ImageTagging.Configuration.wordBatchSize	Captions a step of the first stage.
    ImageTagging.Configuration.wordLearningRate	Adam's learning rate in the first stage.
    ImageTagging.Configuration.wordSize	The length of a word vector.
    ImageTagging.Configuration.wordSteps	Steps of the first stage.
    ImageTagging.tagNames	The tags, the most frequent of the training data first.
    ImageTranslation.directions	The directions; the first is the one that is meant where none is named.
    ImageTranslation.styles	What several style images mean; nil where outputs depend on no style image.
    InpaintingSettings.truncation	Entries of the latent map beyond this are drawn again; 0: the map is 0, and a face always the same.
    InstancePlan.epochs	How often the network that gives the features sees each image.
    InstancePlan.featureSize	How long they are.
    InstancePlan.mirrors	Whether features of mirrored images are kept too, and used half of the time.
    InstancePlan.purpose	What the features are for.
    InstancePlan.selected	Instances that are kept for generation, chosen by k-means; 0: all.
    InstancePlan.source	Where they come from.
    InstanceTable.count	The number of instances.
    InstanceTable.featureSize	The length of a feature vector.
    LSGAN.Configuration.adam	Adam's decays and ε.
    LSGAN.Configuration.augmentation	Discriminator augmentation.
    LSGAN.Configuration.batchSize	Images in a batch.
    LSGAN.Configuration.discriminatorHidden	The discriminator's widths, input side first; the image halves once for each.
    LSGAN.Configuration.dropout	The share of channels that the discriminator drops.
    LSGAN.Configuration.generatorHidden	The generator's widths, input side first; the image doubles once for each.
    LSGAN.Configuration.imageChannels	Number of channels.
    LSGAN.Configuration.imageSize	Height and width of the images.
    LSGAN.Configuration.latentSize	The length of a latent vector.
    LSGAN.Configuration.leakySlope	The slope of leaky relus.
    LSGAN.Configuration.learningRate	The learning rate of both optimisers.
    LSGAN.Configuration.loss	The adversarial loss.
    LSGAN.Configuration.model	Which networks.
    LSGAN.Configuration.normEpsilon	The epsilon of batch norms.
    LanguageSystem.tokenUnit	What one token stands for, which decides whether perplexity or bits a character are printed.
    LatentDecoding.classes	The number of classes; nil for an unconditional system.
    LatentDecoding.distribution	What its entries are drawn from.
    LatentDecoding.size	The length of a latent vector.
    LatentSampling.path	How the vectors of several outputs relate.
    LatentSampling.truncation	Entries beyond this many standard deviations are drawn again (Brock et al. 2019); nil: none are. Only a normal distribution is truncated.
    LatentSystem.classCount	The number of classes; nil for an unconditional system.
    Likeness.field	The field of a class whose classes are the people; nil: they are the sides of the data (`DatasetDescription.sideNames`).
    Likeness.kind	What of people is learned.
    LipSpeech.bands	The bands of a column.
    LipSpeech.sampleRate	Samples a second of what is given.
    LipSpeech.shortest	One sample has features.
    Loss.Terms.total	The sum of all terms, without history.
    MUNIT.Configuration.Weights.adversarial	Of the adversarial terms of generator and discriminator.
    MUNIT.Configuration.Weights.content	Of the mean absolute difference between a content and the one that is found again.
    MUNIT.Configuration.Weights.cycle	Of the mean absolute difference between an image and what comes back through the other domain; 0 leaves it out.
    MUNIT.Configuration.Weights.perceptual	Of the difference between a VGG16's features of a made image and of the one it was made from (the authors' `vgg_w`); 0 leaves it out, and needs no VGG.
    MUNIT.Configuration.Weights.reconstruction	Of the mean absolute difference between an image and what its own codes give.
    MUNIT.Configuration.Weights.style	Of the mean absolute difference between a drawn style and the one that is found again.
    MUNIT.Configuration.activation	The activation between the generators' layers.
    MUNIT.Configuration.adam	Adam's decays and ε.
    MUNIT.Configuration.adversarialLoss	The adversarial loss.
    MUNIT.Configuration.augmentation	Discriminator augmentation.
    MUNIT.Configuration.batchSize	Images of each domain in a batch.
    MUNIT.Configuration.blocks	Residual blocks of the content encoder, and as many of the decoder.
    MUNIT.Configuration.channelsA	Channels of images of domain A.
    MUNIT.Configuration.channelsB	Channels of images of domain B.
    MUNIT.Configuration.crop	Random crop and flip; without `loadSize`: no larger than wanted.
    MUNIT.Configuration.decay	How the learning rates fall.
    MUNIT.Configuration.discriminator	The discriminators' form.
    MUNIT.Configuration.discriminatorNorm	The discriminators' normalisation.
    MUNIT.Configuration.discriminatorWidth	Channels of the discriminators' widest map.
    MUNIT.Configuration.downsamplings	Halvings of the content encoder.
    MUNIT.Configuration.generator	The generators' form.
    MUNIT.Configuration.imageSize	Height and width of training images.
    MUNIT.Configuration.layers	Strided convolutions of a discriminator.
    MUNIT.Configuration.learningRate	The learning rate of both optimisers at first.
    MUNIT.Configuration.mlpLayers	Its linear layers.
    MUNIT.Configuration.mlpWidth	The hidden width of what makes norms' parameters of a style.
    MUNIT.Configuration.padding	What convolutions see beyond the border, in generator and discriminator.
    MUNIT.Configuration.plan	Images of both domains, each turned into the other in a style that is drawn or taken from an image.
    MUNIT.Configuration.scales	Discriminators of a domain, each on half the size of the one before.
    MUNIT.Configuration.styleDownsamplings	Halvings of the style encoder, of which the first two double the width.
    MUNIT.Configuration.styleLength	The length of a style.
    MUNIT.Configuration.weightDecay	The factor of the L2 term that is added to gradients.
    MUNIT.Configuration.weights	Factors of the loss terms.
    MUNIT.Configuration.width	Channels of the generators' widest map.
    MomentumSchedule.finalMomentum	The share of the velocity that is kept in the end; `maxout` only.
    MomentumSchedule.momentum	The share of the velocity that is kept at first; `maxout` only.
    MomentumSchedule.momentumEpochs	The epoch at which the momentum reaches its end, rising from epoch 1 on; `maxout` only.
    NeuralStyle.Configuration.Weights.content	Of feature reconstruction, of each layer.
    NeuralStyle.Configuration.Weights.style	Of style reconstruction, of each layer.
    NeuralStyle.Configuration.Weights.totalVariation	Of squared differences of neighbouring pixels, in 0 … 1.
    NeuralStyle.Configuration.adam	Adam's decays and ε.
    NeuralStyle.Configuration.batchSize	One: there is one image.
    NeuralStyle.Configuration.changeTolerance	L-BFGS: a step ends when neither image nor loss change by more.
    NeuralStyle.Configuration.clamps	Whether the image is kept in 0 … 1 before each evaluation.
    NeuralStyle.Configuration.contentDistance	How contents are compared.
    NeuralStyle.Configuration.contentLayers	The layers whose activations are reconstructed.
    NeuralStyle.Configuration.evaluations	L-BFGS: the most evaluations of one step; null: 5/4 of the iterations.
    NeuralStyle.Configuration.featureNormalization	Which weights of it, by how they want images prepared: `imagenet` (torchvision's) or `caffe`.
    NeuralStyle.Configuration.features	The perception network: `vgg16` or `vgg19`.
    NeuralStyle.Configuration.gradientTolerance	L-BFGS: a step ends when no entry of the gradient is larger.
    NeuralStyle.Configuration.gram	How Gram matrices are scaled and compared.
    NeuralStyle.Configuration.history	L-BFGS: pairs of steps and gradient changes that are remembered.
    NeuralStyle.Configuration.imageHeight	The height of the image; with a content's image it follows from that and `imageSize`.
    NeuralStyle.Configuration.imageSize	The length that the content's longer side is resized to; null: `imageHeight` and `imageWidth` count.
    NeuralStyle.Configuration.imageWidth	The width of the image; with a content's image it follows from that and `imageSize`.
    NeuralStyle.Configuration.iterations	L-BFGS: the most iterations of one step.
    NeuralStyle.Configuration.learningRate	The learning rate.
    NeuralStyle.Configuration.lineSearch	L-BFGS: `none`, or `strong-wolfe`.
    NeuralStyle.Configuration.optimizer	What changes the image.
    NeuralStyle.Configuration.pooling	What ends the blocks of the perception network.
    NeuralStyle.Configuration.start	What the optimisation starts from.
    NeuralStyle.Configuration.steps	Steps of the optimiser until the image is done; null: 15 of L-BFGS (the tutorial's 300 evaluations), 300 of Adam.
    NeuralStyle.Configuration.styleLayers	The layers whose Gram matrices are reconstructed.
    NeuralStyle.Configuration.weights	Factors of the terms.
    NeuralStyle.optimizers	The optimiser.
    OASIS.Configuration.Weights.labelMix	Of LabelMix's consistency in the discriminator's loss; 0 leaves it out.
    OASIS.Configuration.Weights.perceptual	Of the differences between a VGG's features of both images; 0 leaves them out, and needs no VGG.
    OASIS.Configuration.adam	Adam's decays and ε.
    OASIS.Configuration.augmentation	Random changes of what the discriminator sees, labels moved with the images.
    OASIS.Configuration.averageDecay	The decay of the averaged generator, which generation uses.
    OASIS.Configuration.batchSize	Pairs in a batch.
    OASIS.Configuration.blocks	Resolutions of the generator and of the discriminator, each half of the next.
    OASIS.Configuration.classBalancing	Whether rare classes count as much as frequent ones.
    OASIS.Configuration.classes	Classes of the label map, one for unlabelled pixels included; taken from the data.
    OASIS.Configuration.crop	Random crop and flip; `loadSize` is width and height of pairs before it, nil: they are not cropped.
    OASIS.Configuration.discriminator	The discriminator's form.
    OASIS.Configuration.discriminatorLearningRate	The discriminator's learning rate.
    OASIS.Configuration.discriminatorNorm	Normalisation of the discriminator's weights; nil: spectral where the generator has it.
    OASIS.Configuration.discriminatorWidth	Channels of the discriminator at full resolution.
    OASIS.Configuration.dontcare	Whether class 0 means "unlabelled", and counts in no loss.
    OASIS.Configuration.features	Whose features the perceptual loss compares.
    OASIS.Configuration.generator	The generator's form.
    OASIS.Configuration.generatorLearningRate	The generator's learning rate.
    OASIS.Configuration.gradientCheckpointing	Whether each block of the generator is recomputed in the backward pass (gradient checkpointing), which takes less memory and more time.
    OASIS.Configuration.ignoreLabel	Another class that counts in no loss; nil: none.
    OASIS.Configuration.imageHeight	Height of training images.
    OASIS.Configuration.imageWidth	Width of training images.
    OASIS.Configuration.initializationGain	Xavier's factor in front of what weights are drawn with. Spectral normalisation makes up for it, but Adam's steps are the larger beside the weights the smaller it is.
    OASIS.Configuration.latent	The length of the noise at each pixel; 0: none.
    OASIS.Configuration.norm	The normalisation inside the conditional layers.
    OASIS.Configuration.spadeHidden	Hidden channels of the conditional layers.
    OASIS.Configuration.spadeKernel	Kernel size of the conditional layers, an odd number.
    OASIS.Configuration.spectralNorm	Whether the generator's residual convolutions have spectral normalisation.
    OASIS.Configuration.statisticsBatches	Batches they are collected from.
    OASIS.Configuration.statisticsEvery	After every so many steps the averaged generator's running statistics are collected anew; 0: never.
    OASIS.Configuration.weights	Factors of loss terms.
    OASIS.Configuration.width	Channels of the generator at full resolution.
    OASIS.exportsAnySize	False: the map is resized to each layer's size, which a recording keeps.
    Output.field	The name of the output in the system's plan.
    Output.tensor	The batch; nil where it is text.
    Output.text	The text; nil where it is a batch.
    Output.value	What was generated.
    PasscodeTransformation.condition	The condition that takes them: `[n, length]`, 0 and 1.
    PasscodeTransformation.length	The bits of a passcode.
    PieceSettings.characterCoverage	The share of the text's characters that pieces cover, where SentencePiece learns them; 0.98 to 1. The others are spelled in bytes.
    PieceSettings.tokenModel	A SentencePiece model of your own for `tokenUnit` unigram or bpe, the path of a `.model` file; null: learned from the training text. The run keeps its content.
    PieceSettings.vocabularyLimit	The most pieces that SentencePiece learns, characters and bytes included.
    Pix2Pix.Configuration.Weights.adversarial	Of being taken for real; 0 leaves the regressor alone, without a discriminator.
    Pix2Pix.Configuration.Weights.l1	Of the pixel loss, squared or not.
    Pix2Pix.Configuration.adam	Adam's decays and ε.
    Pix2Pix.Configuration.adversarialLoss	The adversarial loss.
    Pix2Pix.Configuration.augmentation	Discriminator augmentation.
    Pix2Pix.Configuration.batchSize	Pairs in a batch.
    Pix2Pix.Configuration.crop	Random crop and flip; without `loadSize`: 286 for 256, and so on.
    Pix2Pix.Configuration.decay	How the learning rates fall.
    Pix2Pix.Configuration.discriminators	The discriminator.
    Pix2Pix.Configuration.learningRate	The learning rate of both optimisers at first.
    Pix2Pix.Configuration.pixelLoss	How images are compared value by value.
    Pix2Pix.Configuration.testBatchStatistics	Whether generation normalises an image by its own statistics, as the authors do, or by running ones; nil: by running ones at the size that was trained on, by its own at any other.
    Pix2Pix.Configuration.testDropout	Whether generation draws dropout too: the noise that makes images of one condition differ.
    Pix2Pix.Configuration.translator	The generator, and the images.
    Pix2Pix.Configuration.weights	Factors of the generator's loss terms.
    Pix2PixHD.Configuration.Weights.featureMatching	Of the differences between the discriminator's features of both images; 0 leaves them out.
    Pix2PixHD.Configuration.Weights.perceptual	Of the differences between a VGG's features of both images; 0 leaves them out. The authors' program takes 10, its `lambda_feat`, unless it is told `--no_vgg_loss`.
    Pix2PixHD.Configuration.adam	Adam's decays and ε.
    Pix2PixHD.Configuration.adversarialLoss	The adversarial loss.
    Pix2PixHD.Configuration.augmentation	Random changes of what the discriminator sees, condition and image moved alike.
    Pix2PixHD.Configuration.batchSize	Pairs in a batch.
    Pix2PixHD.Configuration.blocks	Residual blocks of the global generator.
    Pix2PixHD.Configuration.classes	Classes of the label map; 0: the condition is an image.
    Pix2PixHD.Configuration.decay	How the learning rates fall.
    Pix2PixHD.Configuration.discriminator	The discriminator's form.
    Pix2PixHD.Configuration.discriminatorNorm	The discriminators' normalisation; nil: the generator's.
    Pix2PixHD.Configuration.discriminatorWidth	Channels of the discriminators' widest map.
    Pix2PixHD.Configuration.downsamplings	How often the global generator halves its input.
    Pix2PixHD.Configuration.encoder	What tells the generator how instances look; nil: nothing.
    Pix2PixHD.Configuration.encoderDownsamplings	How often the encoder halves the image.
    Pix2PixHD.Configuration.encoderWidth	Channels of the encoder's widest map.
    Pix2PixHD.Configuration.featureChannels	Features of an instance.
    Pix2PixHD.Configuration.features	The network whose features `weights.perceptual` compares; nil: VGG19 as the authors, or VGG16 where only that one is there.
    Pix2PixHD.Configuration.fixGlobalEpochs	Passes over the data during which only the outermost enhancer is trained.
    Pix2PixHD.Configuration.flips	Whether pairs are mirrored half of the time.
    Pix2PixHD.Configuration.generator	The generator's form.
    Pix2PixHD.Configuration.gradientCheckpointing	Whether each block of the generator is recomputed in the backward pass (gradient checkpointing), which takes less memory and more time.
    Pix2PixHD.Configuration.imageHeight	Height of training images.
    Pix2PixHD.Configuration.imageWidth	Width of training images.
    Pix2PixHD.Configuration.inputChannels	Channels of the condition where it is an image.
    Pix2PixHD.Configuration.instanceEdges	Whether one channel of edges between instances follows the labels.
    Pix2PixHD.Configuration.layers	Strided convolutions of each discriminator.
    Pix2PixHD.Configuration.learningRate	The learning rate of both optimisers at first.
    Pix2PixHD.Configuration.localBlocks	Residual blocks of each enhancer.
    Pix2PixHD.Configuration.localEnhancers	Enhancers around it, each for twice the resolution (`generator: local`).
    Pix2PixHD.Configuration.norm	The normalisation of generator and encoder.
    Pix2PixHD.Configuration.outputChannels	Channels of the output.
    Pix2PixHD.Configuration.scales	Discriminators, each on half the resolution of the one before.
    Pix2PixHD.Configuration.weights	Factors of the generator's loss terms.
    Pix2PixHD.Configuration.width	Channels of the generator at full resolution.
    PlayableVideo.Configuration.Weights.actionStates	Of the divergence between places in the space of actions of generated and of given frames.
    PlayableVideo.Configuration.Weights.directions	Of the divergence of actions' directions from a normal distribution.
    PlayableVideo.Configuration.Weights.entropy	Of the entropy of recognised actions.
    PlayableVideo.Configuration.Weights.hiddenStates	Of the squared difference of hidden states, in pretraining.
    PlayableVideo.Configuration.Weights.mutualInformation	Of the mutual information of actions recognised in given and in generated frames.
    PlayableVideo.Configuration.Weights.observations	Of the mean absolute difference of frames, over three sizes.
    PlayableVideo.Configuration.Weights.recognition	Of the cross entropy of actions recognised in given and in generated frames, where the data say them.
    PlayableVideo.Configuration.Weights.states	Of the squared difference of the states of generated and given frames.
    PlayableVideo.Configuration.actionSize	Dimensions of the space of actions.
    PlayableVideo.Configuration.actionSource	Where actions come from.
    PlayableVideo.Configuration.actions	How many actions there are; where they are given the data say it.
    PlayableVideo.Configuration.adam	Adam's decays and ε.
    PlayableVideo.Configuration.batchSize	Sequences in a batch.
    PlayableVideo.Configuration.centroidDecay	The weight of a batch in the actions' centroids.
    PlayableVideo.Configuration.frames	Frames of a sequence.
    PlayableVideo.Configuration.groundTruthFrames	Frames at the beginning of a sequence that are seen; later ones are generated from generated ones.
    PlayableVideo.Configuration.hardActions	Whether sampled actions are one-hot, with the gradients of soft ones.
    PlayableVideo.Configuration.hiddenSize	Channels of the recurrent state, and of the decoder's first layers; the next have a half and a quarter.
    PlayableVideo.Configuration.imageSize	Height and width of the frames, a multiple of 16.
    PlayableVideo.Configuration.learningRate	The learning rate.
    PlayableVideo.Configuration.lossWeights	The factors of the loss terms.
    PlayableVideo.Configuration.minimumTemperature	The temperature that it falls to; nil: it stays.
    PlayableVideo.Configuration.mutualInformationDecay	The weight of a batch in the joint probabilities of actions.
    PlayableVideo.Configuration.pretrainingSteps	Steps with the pretraining objective.
    PlayableVideo.Configuration.representationChannels	Channels of the encoder at half and a quarter of the size.
    PlayableVideo.Configuration.stackedFrames	Past frames joined in the channels of what is seen.
    PlayableVideo.Configuration.stateFeatures	Channels of a state.
    PlayableVideo.Configuration.temperature	The temperature of sampled actions.
    PlayableVideo.Configuration.temperatureSteps	The steps over which it falls.
    PlayableVideo.Configuration.weightDecay	The factor of the L2 term that is added to gradients.
    PlayableVideo.optimizers	The optimiser.
    RNNLanguageModel.Configuration.activation	Nonlinearity of the transformer's feed-forward layers.
    RNNLanguageModel.Configuration.adam	AdamW's decays and ε.
    RNNLanguageModel.Configuration.annealing	Divides the step size whenever the held-out loss did not improve; 1: never.
    RNNLanguageModel.Configuration.batchSize	Columns of text read side by side.
    RNNLanguageModel.Configuration.causalGeneration	Whether generation with the transformer masks the future as training does; the reference does not.
    RNNLanguageModel.Configuration.cell	The recurrent cell.
    RNNLanguageModel.Configuration.dropout	Probability of zero between the layers in training.
    RNNLanguageModel.Configuration.embeddingSize	Length of a token's vector.
    RNNLanguageModel.Configuration.gradientClip	Largest global norm of the gradients; nil: whatever the trainer says.
    RNNLanguageModel.Configuration.heads	Attention heads of the transformer.
    RNNLanguageModel.Configuration.hiddenSize	Length of the hidden state; in the transformer the width of the feed-forward layers.
    RNNLanguageModel.Configuration.intermediateSize	Width of the transformer's feed-forward layers where it is not `hiddenSize`.
    RNNLanguageModel.Configuration.layers	Layers.
    RNNLanguageModel.Configuration.learningRate	Step size.
    RNNLanguageModel.Configuration.maximumLength	Rows of the transformer's table of positions.
    RNNLanguageModel.Configuration.minimumCount	Words or characters that are rarer in the training text become `<unk>`.
    RNNLanguageModel.Configuration.model	Which network.
    RNNLanguageModel.Configuration.normEpsilon	Epsilon of the transformer's norms.
    RNNLanguageModel.Configuration.normFirst	Whether the transformer's norms stand before its sublayers.
    RNNLanguageModel.Configuration.optimizer	How parameters change.
    RNNLanguageModel.Configuration.pieces	Pieces of words.
    RNNLanguageModel.Configuration.sequenceLength	Tokens of one piece: how far back derivatives go.
    RNNLanguageModel.Configuration.tiedEmbedding	Whether input and output token tables are one; needs `embeddingSize` = `hiddenSize` in the recurrent model.
    RNNLanguageModel.Configuration.tokenUnit	What one token stands for.
    RNNLanguageModel.Configuration.vocabularySize	Tokens the model knows; taken from the data in training (33,278 words of WikiText-2).
    RNNLanguageModel.Configuration.weightDecay	AdamW's decoupled weight decay.
    RNNLanguageModel.optimizers	The one optimiser, by the name of its network.
    RecordedStep.batches	The batches in the order in which the step asks for them.
    RecordedStep.draws	The draws by name, several of one name in the order in which they are asked for.
    ReferenceCheck.kind	`forward`, `generate`, `metric` and so on; systems may have kinds of their own.
    ReferenceCheck.mode	The mode of all networks; nil: the check names none.
    ReferenceCheck.name	What the case calls the check.
    ReferenceCheck.network	The network, or what stands for one, such as `losses`; nil: none is named.
    ReferenceCheck.part	A part of the network; nil: the whole.
    ReferenceCheck.settings	Every other key that belongs to the kind.
    RegionalStyles.classes	The number of classes.
    RegionalVariations.classes	The number of classes.
    RegularizationSettings.draganWeight	The weight of DRAGAN's penalty, (|∇D| - 1)² around real images (Kodali et al. 2017); the paper's is 10.
    RegularizationSettings.lecamDecay	The decay of LeCam's running averages.
    RegularizationSettings.lecamWeight	The weight of LeCam's regularisation by running averages of scores (Tseng et al. 2021); the paper's is 0.3 to 0.01.
    RegularizationSettings.pathLengthWeight	The weight of the generator's path length regularisation (Karras et al. 2020); StyleGAN2's is 2.
    RegularizationSettings.r1Weight	The weight of R1, ½ |∇D|² at real images (Mescheder et al. 2018); StyleGAN2's is 10, as γ.
    RegularizationSettings.regularizationInterval	R1, DRAGAN's penalty and path lengths are taken in every so many steps, with as many times the weight.
    Request.conditions	The conditions by their names in the plan.
    Request.count	How many outputs, where conditions do not decide it.
    Request.draws	Where random numbers come from.
    Request.sampling	The settings of drawing, of the type that the plan has; ``NoSettings`` for the plan's own values.
    SEAN.Configuration.Weights.featureMatching	Of the differences between the discriminator's features of both images; 0 leaves them out.
    SEAN.Configuration.Weights.perceptual	Of the differences between a VGG's features of both images; 0 leaves them out, and needs no VGG.
    SEAN.Configuration.adam	Adam's decays and ε.
    SEAN.Configuration.adversarialLoss	The adversarial loss.
    SEAN.Configuration.augmentation	Random changes of what the discriminator sees, the map moved with the image.
    SEAN.Configuration.batchSize	Pairs in a batch.
    SEAN.Configuration.classes	Classes of the label map; taken from the data.
    SEAN.Configuration.crop	Random crop and flip; `loadSize` is width and height of pairs before it, nil: they are not cropped.
    SEAN.Configuration.decay	How the learning rates fall.
    SEAN.Configuration.discriminator	The discriminator's form.
    SEAN.Configuration.discriminatorNorm	The discriminators' normalisation.
    SEAN.Configuration.discriminatorWidth	Channels of the discriminators' first map.
    SEAN.Configuration.encoderWidth	Channels of the style encoder's first map.
    SEAN.Configuration.features	Whose features the perceptual loss compares.
    SEAN.Configuration.generator	The generator's form.
    SEAN.Configuration.gradientCheckpointing	Whether each block of the generator is recomputed in the backward pass (gradient checkpointing), which takes less memory and more time.
    SEAN.Configuration.imageHeight	Height of training images.
    SEAN.Configuration.imageWidth	Width of training images.
    SEAN.Configuration.initializationGain	Xavier's factor in front of what weights are drawn with. Spectral normalisation makes up for it, but Adam's steps are the larger beside the weights the smaller it is.
    SEAN.Configuration.layers	Convolutions of each discriminator but the last.
    SEAN.Configuration.norm	The normalisation that the layers' map branch is built with; what they normalise by is always batch normalisation.
    SEAN.Configuration.rates	The learning rates of generator and discriminators.
    SEAN.Configuration.scales	Discriminators, each on half the resolution of the one before.
    SEAN.Configuration.spadeHidden	Hidden channels of the map branch.
    SEAN.Configuration.spadeKernel	Kernel size of the map branch, an odd number.
    SEAN.Configuration.spectralNorm	Whether the generator's residual convolutions have spectral normalisation.
    SEAN.Configuration.styleLength	The length of a region's style.
    SEAN.Configuration.upsampling	How often the smallest map is doubled.
    SEAN.Configuration.weights	Factors of the generator's loss terms.
    SEAN.Configuration.width	Channels of the generator at full resolution.
    SEAN.augment	The discriminators' augmentation.
    SEAN.optimizers	The optimisers by their networks' names.
    SPADE.Configuration.Weights.featureMatching	Of the differences between the discriminator's features of both images; 0 leaves them out.
    SPADE.Configuration.Weights.kl	Of the encoder's divergence from a standard normal.
    SPADE.Configuration.Weights.perceptual	Of the differences between a VGG's features of both images; 0 leaves them out, and needs no VGG.
    SPADE.Configuration.adam	Adam's decays and ε.
    SPADE.Configuration.adversarialLoss	The adversarial loss.
    SPADE.Configuration.augmentation	Random changes of what the discriminator sees, the map moved with the image.
    SPADE.Configuration.batchSize	Pairs in a batch.
    SPADE.Configuration.blocks	The baseline's residual blocks.
    SPADE.Configuration.classes	Classes of the label map, one for unlabelled pixels included; taken from the data.
    SPADE.Configuration.crop	Random crop and flip; `loadSize` is width and height of pairs before it, nil: they are not cropped.
    SPADE.Configuration.decay	How the learning rates fall.
    SPADE.Configuration.discriminator	The discriminator's form.
    SPADE.Configuration.discriminatorNorm	The discriminators' normalisation.
    SPADE.Configuration.discriminatorWidth	Channels of the discriminators' first map.
    SPADE.Configuration.downsamplings	How often the baseline's generator halves its input (`generator: global`).
    SPADE.Configuration.encoder	What tells the generator the style; nil: nothing, and the smallest map comes from the labels.
    SPADE.Configuration.encoderSize	Height and width at which the encoder looks at an image: 4 times a power of two.
    SPADE.Configuration.encoderWidth	Channels of the encoder's first map; nil: `width`.
    SPADE.Configuration.features	Whose features the perceptual loss compares.
    SPADE.Configuration.generator	The generator's form.
    SPADE.Configuration.gradientCheckpointing	Whether each block of the generator is recomputed in the backward pass (gradient checkpointing), which takes less memory and more time.
    SPADE.Configuration.imageHeight	Height of training images.
    SPADE.Configuration.imageWidth	Width of training images.
    SPADE.Configuration.initializationGain	Xavier's factor in front of what weights are drawn with. Spectral normalisation makes up for it, but Adam's steps are the larger beside the weights the smaller it is.
    SPADE.Configuration.instanceEdges	Whether one channel of edges between instances follows the labels.
    SPADE.Configuration.latent	The length of a style, where there is an encoder; without one it means nothing, and may be 0.
    SPADE.Configuration.layers	Convolutions of each discriminator but the last.
    SPADE.Configuration.norm	The normalisation inside the conditional layers.
    SPADE.Configuration.rates	The learning rates of generator and discriminators.
    SPADE.Configuration.scales	Discriminators, each on half the resolution of the one before.
    SPADE.Configuration.spadeHidden	Hidden channels of the conditional layers.
    SPADE.Configuration.spadeKernel	Kernel size of the conditional layers, an odd number.
    SPADE.Configuration.spectralNorm	Whether the generator's residual convolutions have spectral normalisation.
    SPADE.Configuration.upsampling	How often the smallest map is doubled.
    SPADE.Configuration.weights	Factors of the generator's loss terms.
    SPADE.Configuration.width	Channels of the generator at full resolution.
    SPADE.augment	The discriminators' augmentation.
    SPADE.exportsAnySize	False: the map is resized to each layer's size, which a recording keeps.
    SPADE.optimizers	The optimisers by their networks' names; the generator's trains the encoder too.
    SRResNet.Configuration.Weights.perceptual	Of the perceptual loss, on top of each layer's own weight.
    SRResNet.Configuration.Weights.pixel	Of the pixel loss.
    SRResNet.Configuration.adam	Adam's decays and ε.
    SRResNet.Configuration.averageDecay	Decay of the generator's moving average; 0: there is none.
    SRResNet.Configuration.batchSize	Examples in one batch.
    SRResNet.Configuration.decayFactor	What the learning rate is multiplied by at each milestone.
    SRResNet.Configuration.flips	Whether training images are flipped horizontally half of the time.
    SRResNet.Configuration.imageSize	Height and width of the large images in training, crops of whole ones; fewer pixels where the scale does not divide it.
    SRResNet.Configuration.learningRate	Adam's learning rate.
    SRResNet.Configuration.losses	How images are compared.
    SRResNet.Configuration.matchesHistogram	Whether generated images take over the histogram of the small ones, as in Johnson et al.
    SRResNet.Configuration.milestones	Steps from which the learning rate is multiplied by ``decayFactor`` once more.
    SRResNet.Configuration.minimumLearningRate	What the cosine falls to.
    SRResNet.Configuration.network	The generator.
    SRResNet.Configuration.openTables	Layers are named freely.
    SRResNet.Configuration.restartEvery	The length of a cosine's half, after which the learning rate jumps up again; 0: no cosine.
    SRResNet.Configuration.turns	Whether training images are rotated by multiples of 90 degrees.
    SRResNet.Configuration.weightDecay	Adam's L2 term.
    SRResNet.Configuration.weights	Factors of the loss terms.
    SRResNet.optimizers	The generator's optimiser.
    ScorerSettings.scorerBatchSize	Images with captions in a step of the scorer; each is told from all the others.
    ScorerSettings.scorerChannels	Channels of the scorer's first convolution of the image; each halving doubles them, to eight times as many.
    ScorerSettings.scorerHeads	Attention heads of the scorer.
    ScorerSettings.scorerLayers	Layers of the scorer's transformer over the caption.
    ScorerSettings.scorerLearningRate	Step size of the scorer.
    ScorerSettings.scorerReconstructions	The share of images that the scorer sees as their codes give them back, since it is to judge such images.
    ScorerSettings.scorerShift	How far images are shifted at random before the scorer sees them, at most, as a share of their side.
    ScorerSettings.scorerSize	Length of the vectors of captions and images that the scorer compares, and width of its transformer.
    ScorerSettings.scorerSteps	Steps of training a scorer of images for captions, which chooses among candidates; 0: there is none.
    ScorerSettings.scorerWeightDecay	Decoupled weight decay of the scorer's matrices.
    SentencePairSettings.batchTokens	The most tokens of a batch on its longer side, padding included, in place of `batchSize` pairs; null: `batchSize`.
    SentencePairSettings.characterCoverage	The share of the sentences' characters that pieces cover, where SentencePiece learns them; 0.98 to 1.
    SentencePairSettings.endToken	The token that ends a sentence.
    SentencePairSettings.lowercase	Whether capitals become small letters in both languages.
    SentencePairSettings.minimumCount	Tokens that are rarer in the training sentences become `<unk>`.
    SentencePairSettings.normalization	The form of Unicode text.
    SentencePairSettings.paddingToken	The token that fills up the shorter sentences of a batch.
    SentencePairSettings.sourceLanguage	The language to translate from, as files or columns call it; null: the first by alphabet.
    SentencePairSettings.sourceModel	A SentencePiece model of your own for the source, the path of a `.model` file; null: learned from the training sentences. The run keeps its content.
    SentencePairSettings.sourceUnit	What a token of the source is; unigram and bpe are SentencePiece's pieces of words.
    SentencePairSettings.sourceVocabularySize	Tokens of the source; taken from the data in training.
    SentencePairSettings.startToken	The token that begins a sentence.
    SentencePairSettings.targetLanguage	The language to translate into.
    SentencePairSettings.targetModel	A SentencePiece model of your own for the target.
    SentencePairSettings.targetUnit	What a token of the target is.
    SentencePairSettings.targetVocabularySize	Tokens of the target; taken from the data in training.
    SentencePairSettings.vocabularyLimit	The most tokens of a vocabulary, the most frequent ones; null: all, and 8000 of unigram and bpe.
    SentenceTranslation.aligns	Whether each translated token says where in the source it looked.
    SentenceTranslation.source	The field of the sentence to start from, which is a condition as well.
    SentenceTranslation.target	The field of the sentence to come to.
    Seq2Seq.Configuration.adam	Adam's decays and ε.
    Seq2Seq.Configuration.batchSize	Pairs in a batch.
    Seq2Seq.Configuration.bidirectional	Whether the encoder reads each sentence from both ends.
    Seq2Seq.Configuration.cell	The recurrent cell.
    Seq2Seq.Configuration.decoderHiddenSize	Length of the decoder's state.
    Seq2Seq.Configuration.dropout	Probability of zero in training.
    Seq2Seq.Configuration.embeddingSize	Length of a token's vector.
    Seq2Seq.Configuration.finalTeacherForcing	The share at the end of the schedule; null: it stays.
    Seq2Seq.Configuration.gradientClip	Largest global norm of the gradients; null: whatever the trainer says.
    Seq2Seq.Configuration.halvingInterval	Passes from one halving to the next.
    Seq2Seq.Configuration.halvingStart	Passes after which the step size begins to be halved; null: never.
    Seq2Seq.Configuration.hiddenSize	Length of the encoder's state, in one direction.
    Seq2Seq.Configuration.initialDeviation	Weights begin normal with this deviation, biases at 0; null, with initialRange: PyTorch's.
    Seq2Seq.Configuration.initialRange	Weights begin uniform within ± this.
    Seq2Seq.Configuration.inputFeeding	Whether Luong's decoder is fed what it read at the last step.
    Seq2Seq.Configuration.layers	Layers of the encoder, and of the decoder.
    Seq2Seq.Configuration.learningRate	Step size.
    Seq2Seq.Configuration.maskPadding	Whether encoder and attention pass over padding in training; translations never see any.
    Seq2Seq.Configuration.maximumLength	The most tokens of a sentence, those that begin and end it included.
    Seq2Seq.Configuration.model	How the decoder reads the source.
    Seq2Seq.Configuration.reversedSource	Whether the source is read from its end to its beginning.
    Seq2Seq.Configuration.teacherForcing	The share of steps in training that are given the true last token, and not the decoder's own.
    Seq2Seq.Configuration.teacherForcingSteps	Steps over which the share goes to its last value in a straight line.
    Seq2Seq.Configuration.text	How sentences become tokens.
    Seq2Seq.optimizers	The one optimiser.
    Settings.keys	Every key in the order of declaration; nil values are keys too.
    Settings.openTables	None.
    SoundDrawing.isSource	Whether the given sound is the source itself; false: the source is made of it as in training.
    SoundDrawing.overlap	The share of a window that overlaps with the next one, in which one fades into the other.
    SoundResynthesis.field	The field of the sound.
    SoundResynthesis.scale	What a sound is multiplied with before its spectrogram is taken.
    SoundResynthesis.spectrogram	The spectrogram that the networks read.
    SoundTranslation.degradation	How sources are made of whole sounds in training; nil where they are given.
    SoundTranslation.source	The field of the sound to start from, which is a condition as well.
    SoundTranslation.target	The field of the sound to come to.
    SoundTranslation.window	Samples that the networks take at a time.
    SpeakerEncoder.Configuration.adam	Adam's decays and ε.
    SpeakerEncoder.Configuration.batchSize	Pieces of utterances in a batch.
    SpeakerEncoder.Configuration.embeddingSize	The length of an embedding.
    SpeakerEncoder.Configuration.frames	Frames of 10 ms in a piece of training.
    SpeakerEncoder.Configuration.gradientClip	The largest norm of all gradients; 0: any.
    SpeakerEncoder.Configuration.hiddenSize	Units of each LSTM layer.
    SpeakerEncoder.Configuration.layers	LSTM layers.
    SpeakerEncoder.Configuration.learningRate	Adam's learning rate.
    SpeakerEncoder.Configuration.minimumCoverage	The least share of the last piece that an utterance covers.
    SpeakerEncoder.Configuration.rate	Pieces that an utterance is read in, a second.
    SpeakerEncoder.Configuration.similarityShare	The share of their gradients by which the scale and the offset of similarities move.
    SpeakerEncoder.Configuration.trimsSilence	Whether long silences are cut out of the utterances of training and evaluation: windows of 30 ms that are 30 dB quieter than the loudest part, but for three beside speech.
    SpeakerEncoder.Configuration.utterances	How many of them are of one speaker.
    SpeakerEncoder.optimizers	The one optimiser.
    SpeakerEncoderFeatures.bands	40.
    SpeakerEncoderFeatures.sampleRate	16 kHz.
    SpeakerEncoderFeatures.shortest	A tenth of a second.
    SpeakerRecognition.speaker	The field of the speaker's number.
    SpeakerRecognition.utterance	The field of a piece of speech.
    SquareImages.imageChannels	Channels of the images; taken from the data in training.
    SquareImages.imageSize	Height and width of the images.
    Stage.batchSize	Examples in a batch.
    Stage.data	What it learns from; nil: no data.
    Stage.name	The name, as ``TrainingStep/stage`` gives it.
    Stage.steps	How many steps it takes; nil: until the run ends.
    StarGANVC.Configuration.Weights.adversarial	Of the adversarial loss, of both networks.
    StarGANVC.Configuration.Weights.classification	Of the loss by who speaks, of both networks.
    StarGANVC.Configuration.Weights.cycle	Of the way to another voice and back.
    StarGANVC.Configuration.Weights.gradientPenalty	Of the discriminator's gradient penalty.
    StarGANVC.Configuration.Weights.reconstruction	Of the conversion into the own voice.
    StarGANVC.Configuration.adamEpsilon	Adam's ε.
    StarGANVC.Configuration.adversarialLoss	What scores are made large or small.
    StarGANVC.Configuration.batchSize	Utterances of each speaker in one step; fewer where a speaker has fewer.
    StarGANVC.Configuration.beta2	Adam's β₂ of both.
    StarGANVC.Configuration.bottleneckSize	Channels between the generator's halves.
    StarGANVC.Configuration.discriminatorBeta1	Adam's β₁ of the discriminator.
    StarGANVC.Configuration.discriminatorChannels	Channels of the discriminator.
    StarGANVC.Configuration.discriminatorLearningRate	The discriminator's learning rate.
    StarGANVC.Configuration.dropout	The share of the discriminator's activations that is dropped.
    StarGANVC.Configuration.embeddingSize	The length of a speaker's embedding, which joins the channels of each layer behind the bottleneck.
    StarGANVC.Configuration.generator	The generator's form.
    StarGANVC.Configuration.generatorBeta1	Adam's β₁ of the generator.
    StarGANVC.Configuration.generatorChannels	Channels of the generator's other layers.
    StarGANVC.Configuration.generatorLearningRate	The generator's learning rate.
    StarGANVC.Configuration.gradientClip	The largest norm of each network's gradient.
    StarGANVC.Configuration.hop	Samples from one frame to the next.
    StarGANVC.Configuration.layers	Layers of each LSTM of a recurrent generator.
    StarGANVC.Configuration.lossWeights	The factors of the loss terms.
    StarGANVC.Configuration.maximumFrequency	The upper edge of the highest band in Hz; nil: half the sample rate.
    StarGANVC.Configuration.mels	Mel bands.
    StarGANVC.Configuration.minimumFrequency	The lower edge of the lowest band in Hz.
    StarGANVC.Configuration.norm	What follows the gated convolutions of both networks.
    StarGANVC.Configuration.sampleRate	Samples a second.
    StarGANVC.Configuration.sourceConditioning	Whether the source speaker's embedding joins the layers in front of the bottleneck.
    StarGANVC.Configuration.speakers	How many speakers there are, taken from the data.
    StarGANVC.Configuration.transform	Samples of a frame.
    StepDecay.decayFactor	The factor.
    StepDecay.decaySteps	Steps after which it is multiplied by `decayFactor`, again and again; 0: never.
    Streaming.advancing	What each output after that may or must be given.
    Streaming.beginning	What a session may or must begin with.
    Streaming.output	What each step gives.
    StyledTranslatingSystem.styleImages	What several style images mean.
    SystemPlan.abilities	What else can be done with the system; see ``ability(_:)``.
    SystemPlan.components	What the system stands on beside the data: images that the user gives, a table of instances.
    SystemPlan.conditions	What a request may or must hold.
    SystemPlan.data	The data of the first stage that learns from any; nil where none does.
    SystemPlan.fields	The fields of a training batch, of the first stage that learns from data.
    SystemPlan.outputs	What the system gives.
    SystemPlan.sampling	The settings of drawing with their defaults; a request has settings of this type.
    SystemPlan.stages	The parts of training in order, each with what it learns from.
    TargetScore.correct	How many of them were the likeliest.
    TargetScore.negativeLogLikelihood	The summed negative log-likelihood, in nats, of a sentence.
    TargetScore.tokens	The tokens that were predicted, the end of the sentence included.
    TextClassification.classes	The number of classes.
    TextContinuation.context	The most tokens that are seen at a time, where nothing is carried from piece to piece; nil: state is carried.
    TextContinuation.unit	What one token stands for.
    TextSampling.length	Tokens to generate.
    TextSampling.temperature	Divides the logits: below 1 sharper, above 1 more random; at 0 the likeliest token.
    Tiling.overlap	How far neighbouring tiles overlap; outputs fade into each other over this width.
    Tiling.tile	The longest side of a tile in pixels of the condition.
    TokenSampling.length	Tokens to generate at most.
    TokenSampling.repetitionPenalty	Lowers the logits of tokens that have occurred, by division where they are positive (Keskar et al. 2019); 1: none.
    TokenSampling.stop	Texts before which generation ends.
    TokenSampling.temperature	Divides the logits: below 1 sharper, above 1 more random; at 0 the likeliest token.
    TokenSampling.topK	How many of the likeliest tokens are drawn from (Fan et al. 2018); nil: all.
    TokenSampling.topP	The share of probability whose likeliest tokens are drawn from (Holtzman et al. 2020); nil: all.
    TokenUnit.noun	What one token is called.
    TrainingStep.accumulatedPart	Which of the parts that the step is made in is computed now, from 0.
    TrainingStep.gradientNorms	The global gradient norm of each update so far, by name; where nothing is clipped only if ``isObserved``.
    TrainingStep.isAccumulating	Whether the step is made in several parts, so that what is kept between two updates is kept for all of them. Systems then compute a long history again rather than keep it.
    TrainingStep.logged	What was logged, in order; tensors keep no history.
    TrainingStep.part	Which part of the batch that was served last this process has; nil: all of it.
    TrainingStep.partWeight	What a mean over this process's part of that batch counts for in the mean over all of it; 1 where parts are equal.
    Transformer.Configuration.activation	Nonlinearity of the feed-forward layers.
    Transformer.Configuration.adam	Adam's decays and ε.
    Transformer.Configuration.averageInterval	Steps from one of these to the next.
    Transformer.Configuration.averagedWeights	The last so many weights whose mean translates, taken every `averageInterval` steps; 0: the newest weights.
    Transformer.Configuration.batchSize	Pairs in a batch.
    Transformer.Configuration.decoderLayers	Layers of the decoder.
    Transformer.Configuration.dropout	Probability of zero in training.
    Transformer.Configuration.embeddingSize	Width of the model.
    Transformer.Configuration.encoderLayers	Layers of the encoder.
    Transformer.Configuration.finalNorm	Whether encoder and decoder end in a norm of their own.
    Transformer.Configuration.gradientClip	Largest global norm of the gradients; null: whatever the trainer says.
    Transformer.Configuration.heads	Attention heads.
    Transformer.Configuration.hiddenSize	Width of the feed-forward layers.
    Transformer.Configuration.labelSmoothing	The share of the target's probability that is spread over all tokens.
    Transformer.Configuration.learningRate	Step size; with warm-up a factor of embeddingSize^-½ · min(step^-½, step · warmupSteps^-3/2).
    Transformer.Configuration.maximumLength	The most tokens of a sentence, those that begin and end it included: the rows of the table of places.
    Transformer.Configuration.model	The network.
    Transformer.Configuration.normEpsilon	Epsilon of the norms.
    Transformer.Configuration.normFirst	Whether norms stand before sublayers, and not behind their sums.
    Transformer.Configuration.positions	How places are told apart.
    Transformer.Configuration.scaledEmbedding	Whether token vectors are multiplied by √embeddingSize, and begin that much smaller.
    Transformer.Configuration.sharedEmbedding	Whether source, target and output have one table of tokens, and so one vocabulary.
    Transformer.Configuration.text	How sentences become tokens.
    Transformer.Configuration.tiedEmbedding	Whether target and output have one table of tokens.
    Transformer.Configuration.warmupSteps	Steps over which the step size rises; null: it is constant.
    Transformer.optimizers	The one optimiser.
    TranslatedSentence.alignment	How much each token looked at each token of the source, float32 `[tokens + 1, source]`, the last row for the end of the sentence; nil where the system does not say.
    TranslatedSentence.logProbability	The sum of their log-probabilities, in nats, the end of the sentence included.
    TranslatedSentence.tokens	The tokens, without those that begin and end a sentence.
    TranslatingSystem.directions	The directions; the first is the one that is meant where none is named.
    TranslatingSystem.exportsAnySize	True.
    TranslationSampling.variations	How many outputs of each source, each in a drawn style; style images decide for themselves.
    TranslationSearch.beams	Sentences that are followed side by side; 1: the likeliest token each time.
    TranslationSearch.extraLength	The most tokens of a translation beyond those of its source.
    TranslationSearch.lengthPenalty	How much longer translations are favoured: the exponent α of ((5 + length) / 6)^α, by which their log-probabilities are divided; 0: not at all.
    TranslatorDiscriminators.discriminator	The discriminator's form.
    TranslatorDiscriminators.discriminatorNorm	The discriminator's normalisation; nil: the generator's.
    TranslatorDiscriminators.discriminatorWidth	Channels of the discriminator's widest map.
    TranslatorDiscriminators.layers	Strided convolutions of a patch discriminator: 1, 3 or 5 for patches of 16, 70 or 286 pixels.
    TranslatorNetworks.blocks	Residual blocks of a ResNet generator: 9 for images of 256, 6 for 128.
    TranslatorNetworks.downsamplings	How often the generator halves an image: the depth of a U-Net, 8 for `unet_256`; 2 for `resnet_…`.
    TranslatorNetworks.dropout	Whether the generator has dropout layers.
    TranslatorNetworks.generator	The generator's form.
    TranslatorNetworks.imageSize	Height and width of training images; a generator then takes any multiple of its halvings.
    TranslatorNetworks.inputChannels	Channels of the condition, or of images of domain A.
    TranslatorNetworks.norm	The generator's normalisation.
    TranslatorNetworks.outputChannels	Channels of the output, or of images of domain B.
    TranslatorNetworks.upsampling	How a ResNet generator doubles sides; a U-Net has transposed convolutions.
    TranslatorNetworks.width	Channels of the generator's widest map.
    TwoDomainConfiguration.plan	Images of both domains without correspondence, each turned into the other.
    TwoTimeScaleRates.discriminatorLearningRate	The discriminator's learning rate; nil: twice the base rate.
    TwoTimeScaleRates.generatorLearningRate	The generator's learning rate; nil: half the base rate (two time scales, Heusel et al. 2017).
    TwoTimeScaleRates.learningRate	The base learning rate.
    UNIT.Configuration.Weights.adversarial	Of the adversarial terms of generator and discriminator.
    UNIT.Configuration.Weights.cycle	Of the mean absolute difference between an image and what comes back through the other domain; 0 leaves it out.
    UNIT.Configuration.Weights.kl	Of the mean square of an image's code, a KL divergence from N(0, I) of unit variance.
    UNIT.Configuration.Weights.klCycle	Of the mean square of a translated image's code.
    UNIT.Configuration.Weights.perceptual	Of the difference between a VGG16's features of a translated image and of the one it was made from (the authors' `vgg_w`); 0 leaves it out, and needs no VGG.
    UNIT.Configuration.Weights.reconstruction	Of the mean absolute difference between an image and what its code gives in its own domain.
    UNIT.Configuration.activation	The activation between the generators' layers; the weight-sharing model has its own.
    UNIT.Configuration.adam	Adam's decays and ε.
    UNIT.Configuration.adversarialLoss	The adversarial loss.
    UNIT.Configuration.augmentation	Discriminator augmentation.
    UNIT.Configuration.batchSize	Images of each domain in a batch.
    UNIT.Configuration.blocks	Residual blocks of an encoder, and as many of a decoder.
    UNIT.Configuration.channelsA	Channels of images of domain A.
    UNIT.Configuration.channelsB	Channels of images of domain B.
    UNIT.Configuration.crop	Random crop and flip; without `loadSize`: no larger than wanted.
    UNIT.Configuration.decay	How the learning rates fall.
    UNIT.Configuration.discriminator	The discriminators' form.
    UNIT.Configuration.discriminatorNorm	The discriminators' normalisation; the weight-sharing model has none.
    UNIT.Configuration.discriminatorWidth	Channels of the discriminators' widest map.
    UNIT.Configuration.downsamplings	Halvings of an encoder.
    UNIT.Configuration.generator	The generators' form.
    UNIT.Configuration.imageSize	Height and width of training images.
    UNIT.Configuration.layers	Strided convolutions of a discriminator.
    UNIT.Configuration.learningRate	The learning rate of both optimisers at first.
    UNIT.Configuration.model	What ties the two domains together.
    UNIT.Configuration.padding	What convolutions see beyond the border, in generator and discriminator; the weight-sharing model pads with zeros.
    UNIT.Configuration.scales	Discriminators of a domain, each on half the size of the one before; one in the weight-sharing model.
    UNIT.Configuration.sharedBlocks	Residual blocks that both domains share, on either side of the code; in the weight-sharing model only.
    UNIT.Configuration.sharedLayers	How many of them, counted from the end, both domains share; in the weight-sharing model only.
    UNIT.Configuration.weightDecay	The factor of the L2 term that is added to gradients.
    UNIT.Configuration.weights	Factors of the loss terms.
    UNIT.Configuration.width	Channels of the generators' widest map.
    VariationalAutoencoder.Configuration.images	The shape of the images.
    VariationalAutoencoder.Configuration.model	Which networks.
    VariationalAutoencoder.Configuration.variational	Widths, objective and optimiser.
    VariationalObjective.isSummed	Whether the terms are sums over the batch.
    VariationalSettings.adam	Adam's decays and ε.
    VariationalSettings.batchSize	Images in a batch.
    VariationalSettings.divergenceWarmup	Steps over which the weight grows linearly from 0; 0: it is there at once.
    VariationalSettings.divergenceWeight	Weight of the divergence: β.
    VariationalSettings.freeBits	Nats of divergence that each latent entry has for free.
    VariationalSettings.hidden	Widths or channels from the image to the latent; the decoder mirrors them.
    VariationalSettings.latentSize	Length of the latent vector.
    VariationalSettings.leakySlope	Slope of the leaky relu of the convolutional model.
    VariationalSettings.learningRate	Step size of Adam.
    VariationalSettings.learningRateDecay	Factor of the step size after every pass over the data; 1: constant.
    VariationalSettings.likelihood	A negative log-likelihood in nats, summed, in place of `loss`; nil: `loss`.
    VariationalSettings.loss	The reconstruction term: `binaryCrossEntropy` is summed over values and batch beside the summed divergence; the others are means over all values beside the batch's mean divergence.
    VariationalSettings.normEpsilon	Epsilon of the batch norms of the convolutional model.
    VariationalSettings.standardDeviation	Standard deviation of the `gaussian` likelihood, in the range of the network's images.
    VariationalSettings.weightDecay	L2 term added to the gradient.
    VariationalSystem.networks	`autoencoder` answers `image` and `noise` with `image`, `mean` and `logVariance`; part `encoder` needs no noise, and part `decoder` answers `latent` with `image`. With classes each takes `label` too.
    VariationalSystem.optimizers	The one optimiser, by the name of its network.
    Vid2Vid.Configuration.Weights.face	Of what the discriminator of faces adds to the generator's loss.
    Vid2Vid.Configuration.Weights.featureMatching	Of the differences between the discriminators' features of both videos; 0 leaves them out.
    Vid2Vid.Configuration.Weights.flow	Of the difference from the reference flow.
    Vid2Vid.Configuration.Weights.perceptual	Of the differences between a VGG's features of both images; 0 leaves them out. The authors' program takes 10 unless it is told `--no_vgg`.
    Vid2Vid.Configuration.Weights.temporal	Of the differences between frames and warped frames, real and generated.
    Vid2Vid.Configuration.adam	Adam's decays and ε.
    Vid2Vid.Configuration.adversarialLoss	The adversarial loss.
    Vid2Vid.Configuration.alignCorners	Whether the grid of the warp reaches from the centre of the first pixel to that of the last, as in the authors' time; false is what later PyTorch makes of their code.
    Vid2Vid.Configuration.batchSize	Sequences in a batch.
    Vid2Vid.Configuration.blocks	Residual blocks of the coarsest scale, divided between encoders and branches.
    Vid2Vid.Configuration.decay	How the learning rates fall, but that of the discriminators of videos.
    Vid2Vid.Configuration.discriminator	The discriminators' form.
    Vid2Vid.Configuration.discriminatorLearningRate	The learning rate of the discriminators of images; nil: `learningRate`.
    Vid2Vid.Configuration.discriminatorNorm	The discriminators' normalisation; nil: the generator's.
    Vid2Vid.Configuration.discriminatorWidth	Channels of the discriminators' first map at full resolution; half the resolution has twice as many, up to 64.
    Vid2Vid.Configuration.downsamplings	How often the coarsest scale halves its input.
    Vid2Vid.Configuration.faceDiscriminator	Whether a discriminator of its own judges faces (the authors' `add_face_disc`), and where they are.
    Vid2Vid.Configuration.faceSide	Sides of the square around a face that is judged, in pixels; nil: the authors' quarter of `imageHeight`, a multiple of 8.
    Vid2Vid.Configuration.features	The network whose features `weights.perceptual` compares; nil: VGG19 as the authors, or VGG16 where only that one is there.
    Vid2Vid.Configuration.firstFrame	What stands before the first frame.
    Vid2Vid.Configuration.fixGlobalEpochs	Passes over the data during which only the finest scale is trained.
    Vid2Vid.Configuration.flips	Whether sequences are mirrored half of the time.
    Vid2Vid.Configuration.flow	Whether a flow is estimated, by which the frame before is warped.
    Vid2Vid.Configuration.foregroundChannels	Semantic channels that are the foreground, which a branch of its own makes; none: no such branch.
    Vid2Vid.Configuration.framesPerInput	Semantic frames that are seen for each frame; it also depends on one frame fewer before it.
    Vid2Vid.Configuration.framesPerStep	Frames between two updates.
    Vid2Vid.Configuration.generator	The generator's form.
    Vid2Vid.Configuration.generatorLearningRate	The generator's learning rate; nil: `learningRate`.
    Vid2Vid.Configuration.gradientCheckpointing	Whether each residual block is recomputed in the backward pass (gradient checkpointing), which takes less memory and more time.
    Vid2Vid.Configuration.imageHeight	Height of frames.
    Vid2Vid.Configuration.imageWidth	Width of frames.
    Vid2Vid.Configuration.instanceEdges	Whether a channel of edges between instances follows the semantic channels (the authors' `use_instance`).
    Vid2Vid.Configuration.layers	Strided convolutions of each discriminator.
    Vid2Vid.Configuration.learningRate	The learning rate of all optimisers at first.
    Vid2Vid.Configuration.lengthenEpochs	Passes over the data after which sequences become twice as long; 0: never.
    Vid2Vid.Configuration.localBlocks	Residual blocks of each branch of finer scales.
    Vid2Vid.Configuration.longestSequence	The most frames that they become.
    Vid2Vid.Configuration.norm	The normalisation of all networks.
    Vid2Vid.Configuration.scales	Discriminators of images, and of videos, each on half the resolution of the one before.
    Vid2Vid.Configuration.semanticChannels	Channels of one semantic frame: classes, or channels of a picture.
    Vid2Vid.Configuration.semantics	What each frame is made for.
    Vid2Vid.Configuration.sequenceLength	Frames that are generated one after the other of each sequence, at first.
    Vid2Vid.Configuration.spatialScales	Scales of the generator, coarse to fine.
    Vid2Vid.Configuration.temporalFrames	Frames that a discriminator of videos sees at a time.
    Vid2Vid.Configuration.temporalScales	Discriminators of videos, each on frames that lie `temporalFrames` times as far apart; 0: none.
    Vid2Vid.Configuration.weights	Factors of the generator's loss terms.
    Vid2Vid.Configuration.width	Channels of the coarsest scale's widest map; each finer scale has half as many.
    VideoPlaying.action	The condition of each step, a class.
    VideoPlaying.actions	How many actions there are.
    VideoPlaying.first	The condition that a session begins with.
    VideoPlaying.given	The field in which data say what was done in each frame; nil: the system finds its actions by itself.
    Vocoder.Configuration.LossWeights.featureMatching	Of the distances of the discriminators' layers.
    Vocoder.Configuration.LossWeights.mel	Of the mean absolute difference of mel spectrograms.
    Vocoder.Configuration.batchSize	Clips in one batch.
    Vocoder.Configuration.epochDecay	What the learning rate is multiplied with after each pass over the data.
    Vocoder.Configuration.features	The form of the spectrograms that the generator reads.
    Vocoder.Configuration.hop	Samples from one frame to the next; what upsampleRates multiply to.
    Vocoder.Configuration.initialChannels	Channels in front of the first transposed convolution, each of which halves them.
    Vocoder.Configuration.learningRate	AdamW's learning rate in the first pass over the data.
    Vocoder.Configuration.lossMaximumFrequency	The upper edge of the mel filters of the loss in Hz; null: half the sample rate.
    Vocoder.Configuration.lossWeights	The factors of the generator's losses.
    Vocoder.Configuration.maximumFrequency	The upper edge of the mel filters in Hz; null: half the sample rate.
    Vocoder.Configuration.mels	Bands of a spectrogram.
    Vocoder.Configuration.minimumFrequency	The lower edge of the mel filters in Hz.
    Vocoder.Configuration.periodChannels	Channels of the multi-period discriminators, four layers; the last stand in a fifth as well.
    Vocoder.Configuration.periods	Periods of the multi-period discriminators.
    Vocoder.Configuration.residualBlock	The form of the residual blocks: 1, where each dilated convolution is followed by a plain one, or 2.
    Vocoder.Configuration.residualDilations	The dilations in the residual blocks, one list for each kernel.
    Vocoder.Configuration.residualKernels	Samples of the kernels of the residual blocks that stand side by side.
    Vocoder.Configuration.sampleRate	Samples a second.
    Vocoder.Configuration.scaleChannels	Channels of the multi-scale discriminators, multiples of 16: the first two layers', the third's, the fourth's, and those of all further ones; empty: there are none.
    Vocoder.Configuration.segment	Samples of a clip in training.
    Vocoder.Configuration.segmentHop	Samples from one clip of a sound to the next.
    Vocoder.Configuration.transform	Samples of a transform.
    Vocoder.Configuration.upsampleKernels	Samples of the kernels of the transposed convolutions.
    Vocoder.Configuration.upsampleRates	By how much each transposed convolution lengthens the signal.
    Vocoder.Configuration.weightDecay	The decay of weights.
    Vocoder.Configuration.window	Samples of the Hann window.
    VoiceConversion.frontEnd	How sounds become spectrograms.
    VoiceConversion.mel	The field of training spectrograms, which is an output too.
    VoiceConversion.source	What must be known of the voice that is given.
    VoiceConversion.speaker	The field of training speakers.
    VoiceConversion.speakers	How many speakers there are.
    VoiceConversion.takesRecordings	Whether a recording may stand for a speaker that the training did not have.
    VoiceDrawing.givesSpectrogram	Whether the spectrogram is given in place of a sound, for a vocoder.
    VoiceDrawing.iterations	Rounds of Griffin and Lim's algorithm, which makes a sound of the spectrogram.
    VoiceDrawing.momentum	The momentum of these rounds, 0 to below 1.
    VoiceFrontEnd.bands	The spectrogram's.
    VoiceFrontEnd.sampleRate	The spectrogram's.
    VoiceFrontEnd.shortest	Half a frame, which the signal is continued by at its ends, and one sample.
    WGANGP.Configuration.adam	Adam's decays and ε.
    WGANGP.Configuration.augmentation	Discriminator augmentation.
    WGANGP.Configuration.batchSize	Images in a batch.
    WGANGP.Configuration.discriminatorHidden	The critic's hidden widths, input side first.
    WGANGP.Configuration.discriminatorSteps	Critic steps for each generator step.
    WGANGP.Configuration.dropout	Always 0; the critic has no dropout, with which a penalty on its derivatives would make no sense.
    WGANGP.Configuration.generatorHidden	The generator's hidden widths, input side first.
    WGANGP.Configuration.gradientPenalty	The weight of the gradient penalty.
    WGANGP.Configuration.imageChannels	Number of channels.
    WGANGP.Configuration.imageSize	Height and width of the images.
    WGANGP.Configuration.latentSize	The length of a latent vector.
    WGANGP.Configuration.leakySlope	The slope of leaky relus.
    WGANGP.Configuration.learningRate	The learning rate of both optimisers.
    WGANGP.Configuration.loss	The adversarial loss.
    WGANGP.Configuration.model	Which networks.
    WGANGP.Configuration.normEpsilon	The epsilon of batch norms.
    Wav2Lip.Configuration.adam	Adam's decays of generator and expert, and ε; β₁ of the quality discriminator is 0.5.
    Wav2Lip.Configuration.batchSize	Windows in a batch.
    Wav2Lip.Configuration.channels	Channels of the generator that stand for the authors' 16, 32, 64, 128, 256, 384 and 512.
    Wav2Lip.Configuration.expertBatchSize	Windows in a batch of the sync expert.
    Wav2Lip.Configuration.expertSteps	Steps of the sync expert before the generator's; 0: its weights are given, by an import.
    Wav2Lip.Configuration.faces	Whether the videos show people, whose consent a training then needs.
    Wav2Lip.Configuration.learningRate	Adam's learning rate, of all three networks.
    Wav2Lip.Configuration.lossWeights	The factors of the generator's losses.
    Wav2Lip.Configuration.qualityChannels	Channels of the quality discriminator that stand for the authors' 32, 64, 128, 256 and 512.
    Wav2Lip.Configuration.syncChannels	Channels of the sync expert that stand for the authors' 32, 64, 128, 256 and 512.
    Wav2Lip.Configuration.syncThreshold	The mean of the expert's loss on generated lips below which lossWeights.sync is taken into account, and never left out again; null: from the first step on.
    Wav2Lip.LossWeights.quality	Of the quality discriminator's; 0: there is none.
    Wav2Lip.LossWeights.sync	Of the sync expert's judgement, once it is taken into account; 0: never.
    Wav2Lip.lipWindow	Five frames.
    Wav2Lip.networks	The generator, and for training the sync expert and the quality discriminator, which only learns where it counts.
    """#
}
