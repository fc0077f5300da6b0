public import AtelierMedia

/// What finds faces and tells them apart; handed in, as this target has no networks.
public struct FaceNetworks {
  /// Where a network comes from, for the record.
  public struct Origin: Sendable, Hashable, Codable {
    /// The name of its weights.
    public var name: String
    /// The SHA-256 of its weights.
    public var sha256: String
    /// Their licence, as their source states it.
    public var licence: String

    /// An origin.
    public init(name: String, sha256: String, licence: String) {
      (self.name, self.sha256, self.licence) = (name, sha256, licence)
    }
  }

  /// The faces of an image whose shorter side is about the given number of pixels or more.
  public var detect: (_ image: Image, _ minimumFace: Int) throws -> [Face]
  /// A vector of length 1 for each crop in the layout ``AtelierMedia/FaceLayout/arcface`` of 112 × 112 pixels, close for
  /// crops of one person.
  public var describe: (_ crops: [Image]) throws -> [[Float]]
  /// The 68 points of ``FaceOutline`` of a face that was found in an image, in pixels of the image, counted from the centre
  /// of the top left one; nil where it has none. Nil itself: there is no network for them.
  public var outline: ((_ image: Image, _ face: Face) throws -> [FacePoint]?)?
  /// The cosine of two vectors from which on they are of one person.
  public var threshold: Double
  /// Where the networks come from.
  public var origins: [Origin]

  /// Networks.
  public init(
    detect: @escaping (_ image: Image, _ minimumFace: Int) throws -> [Face],
    describe: @escaping (_ crops: [Image]) throws -> [[Float]],
    outline: ((_ image: Image, _ face: Face) throws -> [FacePoint]?)? = nil, threshold: Double,
    origins: [Origin] = []
  ) {
    (self.detect, self.describe, self.outline) = (detect, describe, outline)
    (self.threshold, self.origins) = (threshold, origins)
  }

  /// The side of the crops that ``describe`` takes.
  public static let side = 112

  /// A face with what is said of its crop.
  struct Described {
    var face: Face
    /// A vector of length 1.
    var vector: [Float]
    var sharpness: Double
    var pose: FacePose
  }

  /// The faces of an image, described; those that cannot be aligned are left out.
  func faces(in image: Image, minimumFace: Int, score: Double) throws -> [Described] {
    let found = try detect(image, minimumFace).filter {
      $0.score >= score && min($0.box.width, $0.box.height) >= Double(minimumFace)
    }
    var faces: [Face] = []
    var crops: [Image] = []
    for face in found {
      let alignment = FaceAlignment(face, as: .arcface, width: Self.side, height: Self.side)
      guard let crop = try alignment?.crop(image) else { continue }
      faces.append(face)
      crops.append(crop)
    }
    guard !faces.isEmpty else { return [] }
    let vectors = try describe(crops)
    guard vectors.count == faces.count else {
      throw DatasetError.invalid(
        reason: "a network described \(vectors.count) of \(faces.count) faces")
    }
    return faces.indices.map {
      Described(
        face: faces[$0], vector: vectors[$0], sharpness: crops[$0].sharpness,
        pose: FacePose(faces[$0].landmarks))
    }
  }
}
