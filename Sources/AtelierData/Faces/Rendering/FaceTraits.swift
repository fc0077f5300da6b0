internal import AtelierMedia

/// What makes a drawn face one person's: proportions, colours, hair.
///
/// Lengths are in half widths of a head, from a point between the ears: x to the right of the image, y down.
struct FaceTraits: Sendable, Hashable {
  typealias Colour = SIMD3<Float>

  /// The hair's shape.
  enum Hair: String, Sendable, CaseIterable {
    case short, parted, fringe, long, bob, curly, spiky, bun, receding, shaved
  }

  /// What grows on the lower face.
  enum Beard: String, Sendable, CaseIterable {
    case none, stubble, moustache, full
  }

  // The head.
  var width = 0.95
  var chin = 1.3
  /// Below 1 the jaw is square, above pointed.
  var jaw = 0.9
  var crown = 1.2
  var ear = 0.24
  // Eyes and brows; distances from the middle of the face, half widths.
  var eyeDistance = 0.41
  var eyeWidth = 0.18
  var eyeHeight = 0.1
  var eyeTilt = 0.0
  var eyeLevel = 0.0
  var browGap = 0.27
  var browThickness = 0.055
  var browArch = 0.06
  var browTilt = 0.0
  var browLength = 0.25
  // Nose and mouth.
  var noseTip = 0.47
  var noseWidth = 0.17
  /// Where the mouth is between nose and chin.
  var mouthPlace = 0.4
  var mouthWidth = 0.33
  var upperLip = 0.075
  var lowerLip = 0.1
  // Colours.
  var skin = Colour(0.9, 0.72, 0.58)
  var hairColour = Colour(0.3, 0.2, 0.12)
  var iris = Colour(0.35, 0.22, 0.12)
  /// How red the lips are, 0 … 1.
  var rouge: Float = 0.5
  // Shapes.
  var hair = Hair.short
  var beard = Beard.none
  var hasGlasses = false
  /// Places of freckles, x and y.
  var freckles: [SIMD2<Double>] = []

  /// The level of the mouth.
  var mouthLevel: Double { noseTip + 0.12 + mouthPlace * (chin - noseTip - 0.12) }

  /// Person `number` of a seed: the same whatever others there are.
  init(seed: UInt64, number: Int) {
    var draws = SeededGenerator(seed: seed, purpose: "rendered face", epoch: number)
    width = draws.value(in: 0.86...1.04)
    chin = draws.value(in: 1.18...1.44)
    jaw = draws.value(in: 0.72...1.12)
    crown = draws.value(in: 1.08...1.28)
    ear = draws.value(in: 0.19...0.3)
    eyeDistance = width * draws.value(in: 0.385...0.475)
    eyeWidth = draws.value(in: 0.15...0.215)
    eyeHeight = draws.value(in: 0.075...0.13)
    eyeTilt = draws.value(in: -0.035...0.05)
    eyeLevel = draws.value(in: -0.06...0.07)
    browGap = draws.value(in: 0.215...0.31)
    browThickness = draws.value(in: 0.035...0.09)
    browArch = draws.value(in: 0.015...0.1)
    browTilt = draws.value(in: -0.045...0.05)
    browLength = draws.value(in: 0.21...0.275)
    noseTip = eyeLevel + draws.value(in: 0.4...0.56)
    noseWidth = draws.value(in: 0.125...0.225)
    mouthPlace = draws.value(in: 0.33...0.46)
    mouthWidth = draws.value(in: 0.26...0.4)
    upperLip = draws.value(in: 0.05...0.105)
    lowerLip = draws.value(in: 0.07...0.135)
    skin = Self.between(Self.skins, draws.value(in: 0...1))
    hairColour = Self.hairs[draws.integer(below: Self.hairs.count)] * Float(draws.value(in: 0.85...1.15))
    iris = Self.irises[draws.integer(below: Self.irises.count)]
    rouge = Float(draws.value(in: 0.25...0.75))
    hair = Hair.allCases[draws.integer(below: Hair.allCases.count)]
    // Beards are rarer than none, and stand beside short hair only: both are parts of who it is, drawn independently else.
    let grown = draws.integer(below: 7)
    let isShort = ![.long, .bob, .bun].contains(hair)
    beard = isShort && grown < 3 ? [.stubble, .moustache, .full][grown] : .none
    hasGlasses = draws.integer(below: 4) == 0
    if draws.integer(below: 5) == 0 {
      freckles = (0..<14).map { index in
        let side = index % 2 == 0 ? 1.0 : -1.0
        return SIMD2(side * draws.value(in: 0.12...0.52), noseTip - draws.value(in: -0.06...0.16))
      }
    }
  }

  private static let skins: [Colour] = [
    colour(255, 226, 202), colour(247, 208, 176), colour(235, 186, 148), colour(216, 160, 118),
    colour(184, 126, 88), colour(144, 94, 64), colour(104, 68, 48),
  ]
  private static let hairs: [Colour] = [
    colour(36, 29, 30), colour(62, 42, 31), colour(100, 66, 42), colour(138, 64, 36), colour(196, 98, 46),
    colour(216, 174, 104), colour(236, 208, 150), colour(164, 162, 164), colour(86, 92, 150),
  ]
  private static let irises: [Colour] = [
    colour(84, 52, 30), colour(118, 78, 40), colour(70, 120, 166), colour(96, 134, 84), colour(112, 124, 134),
  ]

  private static func colour(_ red: Float, _ green: Float, _ blue: Float) -> Colour {
    Colour(red, green, blue) / 255
  }

  private static func between(_ colours: [Colour], _ share: Double) -> Colour {
    let place = share * Double(colours.count - 1)
    let index = min(Int(place), colours.count - 2)
    return colours[index] + (colours[index + 1] - colours[index]) * Float(place - Double(index))
  }
}

extension SeededGenerator {
  /// A number of a range, evenly distributed, of 53 random bits.
  mutating func value(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * Double(next() >> 11) / Double(1 << 53)
  }
}
