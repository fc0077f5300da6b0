public import AtelierData
public import Torch

/// Captions and images compared by one vector of each. The functions are those of ``CaptionScoringSystem``.
public struct CaptionScoring: Ability, Hashable {
  /// The ability.
  public init() {}
}

/// A system that says how well images fit captions: the cosine of their vectors.
public protocol CaptionScoringSystem: GenerativeSystem {
  /// Unit vectors `[n, features]` of images in 0 … 1, networks in evaluation mode.
  ///
  /// - Throws: ``ConfigurationError`` for a model that was trained without a scorer.
  func embeddings(ofImages images: Tensor) throws -> Tensor

  /// Unit vectors `[n, features]` of captions, networks in evaluation mode.
  ///
  /// - Throws: ``ConfigurationError`` for a model that was trained without a scorer.
  func embeddings(ofCaptions captions: [String]) throws -> Tensor
}

/// Images as code numbers of a vocabulary. The function is ``ImageCodingSystem/codes(of:)``.
public struct ImageCoding: Ability, Hashable {
  /// Codes that there are.
  public var vocabulary: Int

  /// Describes the codes.
  public init(vocabulary: Int) { self.vocabulary = vocabulary }
}

/// A system that makes code numbers of images.
public protocol ImageCodingSystem: GenerativeSystem {
  /// The code numbers `[batch, codes]` of a batch's images, int64, networks in evaluation mode.
  func codes(of batch: Batch) throws -> Tensor
}
