public import AtelierData
public import Torch
public import TorchNN

/// A system that gives an image back from its code.
public protocol ReconstructingSystem: GenerativeSystem {
  /// Reconstructions in the range of the batch's images, networks in evaluation mode.
  func reconstruct(_ batch: Batch, draws: any Draws) throws -> Tensor
}

/// A system with an explicit likelihood bound.
public protocol LikelihoodSystem: GenerativeSystem {
  /// log p(x, z) - log q(z | x) of `samples` draws of z for each example: `[samples, batch]`, in nats.
  ///
  /// Its mean is the evidence lower bound; its log-mean-exp over samples is the importance-weighted
  /// bound (Burda et al. 2016).
  func logWeights(_ batch: Batch, samples: Int, draws: any Draws) throws -> Tensor
}

/// A system that gives text a probability.
public protocol LanguageSystem: GenerativeSystem {
  /// The summed negative log-likelihood in nats, and the number of tokens, over a source that runs out.
  func negativeLogLikelihood(over batches: [Batch]) throws -> (sum: Double, tokens: Int)
  /// The same batch by batch, what a system carries from one to the next carried, so that intervals can be told; by
  /// default all in one piece.
  func negativeLogLikelihoods(over batches: [Batch]) throws -> [(sum: Double, tokens: Int)]
  /// Continues tokens `[time, 1]` by `length` more, one uniform draw named `draw` a token.
  func continuation(of start: Tensor, length: Int, temperature: Double, draws: any Draws) throws -> Tensor
}

extension LanguageSystem {
  /// All in one piece.
  public func negativeLogLikelihoods(over batches: [Batch]) throws -> [(sum: Double, tokens: Int)] {
    [try negativeLogLikelihood(over: batches)]
  }

  /// What one token stands for, which decides whether perplexity or bits a character are printed.
  public var tokenUnit: TokenUnit { plan.ability(TextContinuation.self)?.unit ?? .word }
}

/// What a token stands for.
public enum TokenUnit: String, Sendable, Hashable, Codable, CaseIterable {
  case word, character, byte
  /// A part of a word, of the byte-pair encoding in GPT-2's files.
  case subword
  /// A piece of a word, the likeliest of a unigram language model, by SentencePiece.
  case unigram
  /// A piece of a word by byte-pair encoding, by SentencePiece.
  case bpe

  /// What one token is called.
  public var noun: String { self == .unigram || self == .bpe ? "piece" : rawValue }
}

/// A system of label maps whose noise may differ from region to region.
public protocol RegionalNoiseSystem: TranslatingSystem {
  /// Images for label maps, in the range that their field declares, the noise drawn for each class of the
  /// maps apart.
  func translateWithRegionalNoise(_ labels: Tensor, draws: any Draws) throws -> Tensor
}

/// A system whose training follows a held-out loss.
public protocol ValidationDrivenSystem: GenerativeSystem {
  /// The mean loss on held-out batches, in nats a token or whatever the system minimises; nil where the batches
  /// hold nothing.
  func heldOutLoss(over batches: [Batch]) throws -> Double?

  /// Takes note of the held-out loss; call it after every pass over the training data.
  func validated(loss: Double)
}

extension ValidationDrivenSystem where Self: LanguageSystem {
  /// The negative log-likelihood in nats a token.
  public func heldOutLoss(over batches: [Batch]) throws -> Double? {
    let (sum, tokens) = try negativeLogLikelihood(over: batches)
    return tokens > 0 ? sum / Double(tokens) : nil
  }
}
