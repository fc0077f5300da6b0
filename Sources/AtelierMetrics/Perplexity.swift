import Foundation

/// Perplexity: exp of the mean negative log-likelihood per token.
///
/// - Parameters:
///   - negativeLogLikelihood: the sum over all predicted tokens, in nats.
///   - tokens: the number of predicted tokens. For word-level perplexity of a subword model give the number
///     of words.
public func perplexity(negativeLogLikelihood: Double, tokens: Int) -> Double {
  tokens > 0 ? exp(negativeLogLikelihood / Double(tokens)) : .nan
}

/// Bits per character: the negative log-likelihood in bits, divided by the number of characters.
///
/// - Parameters:
///   - negativeLogLikelihood: the sum over the text, in nats.
///   - characters: the text's length; with bytes in place of characters the result is bits per byte.
public func bitsPerCharacter(negativeLogLikelihood: Double, characters: Int) -> Double {
  characters > 0 ? negativeLogLikelihood / (M_LN2 * Double(characters)) : .nan
}
