public import AtelierMedia
internal import Foundation

/// Draws a person's face in one frame, from the background to the hair in front.
struct FaceDrawing {
  typealias Point = VectorCanvas.Point
  typealias Place = FaceSurface.Place
  typealias Colour = SIMD3<Float>

  let surface: FaceSurface
  let motion: FaceMotion
  var canvas: VectorCanvas
  var traits: FaceTraits { surface.traits }
  var state: FaceState { surface.state }

  /// A square image of a side in pixels: the frame, or its crop.
  init(_ surface: FaceSurface, _ motion: FaceMotion, side: Int) {
    (self.surface, self.motion) = (surface, motion)
    canvas = VectorCanvas(width: side, height: side)
  }

  /// The image, and where the skin of the face is seen: within the outline of the head and below the hair.
  mutating func draw() -> (image: Image, mask: Image) {
    drawBackground()
    drawHairBehind()
    drawBody()
    drawEars()
    let head = canvas.coverage(of: [headOutline] + bulges(0.97))
    drawSkin(head)
    drawBeard(head)
    drawNose(head)
    drawMouth()
    for side in [-1.0, 1.0] { drawEye(side) }
    drawBrows()
    let hair = drawHairInFront(head)
    if traits.hasGlasses { drawGlasses() }
    canvas.multiply(by: motion.tint)
    return (canvas.image, canvas.mask(hair.map { head.without($0) } ?? head))
  }

  // MARK: Tones

  static func tone(_ colour: Colour, _ opacity: Float = 1) -> VectorCanvas.Tone {
    VectorCanvas.Tone(colour.clamped(lowerBound: .zero, upperBound: .one), opacity)
  }

  static func mixed(_ one: Colour, _ other: Colour, _ share: Float) -> Colour { one + (other - one) * share }

  /// The skin in the shade.
  var shade: Colour { traits.skin * Colour(0.74, 0.66, 0.64) }

  /// A colour that is lit from the side of the light, across the head.
  func lit(_ colour: Colour, _ strength: Float = 0.16) -> VectorCanvas.Paint {
    let side = Float(state.light)
    return .linear(
      from: surface(Place(-traits.width, -0.1, 0)), Self.tone(colour * (1 - strength * side)),
      to: surface(Place(traits.width, 0.1, 0)), Self.tone(colour * (1 + strength * side)))
  }

  /// A soft spot on the head that fades out to its edge.
  mutating func spot(
    _ x: Double, _ y: Double, _ across: Double, _ down: Double, _ colour: Colour, _ opacity: Float,
    out: Double = 0, within clip: VectorCanvas.Coverage?
  ) {
    let centre = surface(surface.skin(x, y, out: out))
    let right = surface(surface.skin(x + across, y, out: out)) - centre
    let below = surface(surface.skin(x, y + down, out: out)) - centre
    let outline = ellipse(x, y, across, down, out: out)
    canvas.fill(
      [outline],
      .radial(
        centre: centre, across: right, down: below, inner: 0, Self.tone(colour, opacity), Self.tone(colour, 0)
      ),
      within: clip)
  }

  /// An ellipse on the skin.
  func ellipse(_ x: Double, _ y: Double, _ across: Double, _ down: Double, out: Double = 0) -> [Point] {
    let points = (0..<20).map { step -> Point in
      let angle = 2 * Double.pi * Double(step) / 20
      return surface(surface.skin(x + across * cos(angle), y + down * sin(angle), out: out))
    }
    return VectorCanvas.curve(through: points, isClosed: true, steps: 3)
  }

  /// A line along places of the head; widths in half widths of a head.
  mutating func line(
    _ places: [Place], _ widths: [Double], _ colour: Colour, _ opacity: Float = 1,
    within clip: VectorCanvas.Coverage? = nil
  ) {
    let points = VectorCanvas.curve(through: surface(places))
    canvas.fill(
      [VectorCanvas.stroke(points, widths: widths.map { $0 * surface.scale })],
      .flat(Self.tone(colour, opacity)), within: clip)
  }

  // MARK: Behind the head

  private mutating func drawBackground() {
    let side = Double(canvas.width)
    let (upper, lower) = motion.background
    canvas.fill(
      .linear(from: Point(0.35 * side, 0), Self.tone(upper), to: Point(0.65 * side, side), Self.tone(lower)))
    // A soft light behind the head.
    canvas.fill(
      .radial(
        centre: surface.body(0.9 * state.light, -0.6), across: Point(2.2 * surface.scale, 0),
        down: Point(0, 2.2 * surface.scale), inner: 0, Self.tone(Colour(repeating: 1), 0.22),
        Self.tone(Colour(repeating: 1), 0)))
  }

  private mutating func drawBody() {
    let chin = traits.chin
    let neck = 0.5 * traits.width
    let left = VectorCanvas.curve(through: [
      surface(Place(-neck, chin - 0.55, -0.25)), surface(Place(-neck * 0.97, chin, -0.25)),
      surface.body(-neck * 1.05, chin + 0.42), surface.body(-0.95, chin + 0.72),
    ])
    let right = VectorCanvas.curve(through: [
      surface.body(0.95, chin + 0.72), surface.body(neck * 1.05, chin + 0.42),
      surface(Place(neck * 0.97, chin, -0.25)), surface(Place(neck, chin - 0.55, -0.25)),
    ])
    let throat = canvas.fill([left + right], lit(Self.mixed(traits.skin, shade, 0.45)))
    // The shadow of the chin.
    let centre = surface(Place(-0.12 * state.light, chin - 0.02, 0.1))
    canvas.fill(
      throat,
      .radial(
        centre: centre, across: surface(Place(0.95, chin - 0.02, 0.1)) - centre,
        down: surface(Place(0, chin + 0.42, 0.1)) - centre, inner: 0.35, Self.tone(shade * 0.72, 0.75),
        Self.tone(shade * 0.72, 0)))
    // The clothes, with a round neckline.
    let top = chin + 0.5
    let shoulders =
      VectorCanvas.curve(through: [
        surface.body(-3.2, 4.4), surface.body(-2.5, top + 0.95), surface.body(-1.75, top + 0.38),
        surface.body(-0.95, top + 0.1), surface.body(-0.62, top - 0.02),
      ])
      + VectorCanvas.curve(through: [
        surface.body(-0.62, top - 0.02), surface.body(-0.4, top + 0.24), surface.body(0, top + 0.34),
        surface.body(0.4, top + 0.24), surface.body(0.62, top - 0.02),
      ])
      + VectorCanvas.curve(through: [
        surface.body(0.62, top - 0.02), surface.body(0.95, top + 0.1), surface.body(1.75, top + 0.38),
        surface.body(2.5, top + 0.95), surface.body(3.2, 4.4),
      ])
    canvas.fill([shoulders], lit(motion.clothes, 0.2))
    let neckline = [
      surface.body(-0.62, top - 0.02), surface.body(-0.4, top + 0.24), surface.body(0, top + 0.34),
      surface.body(0.4, top + 0.24), surface.body(0.62, top - 0.02),
    ]
    canvas.fill(
      [
        VectorCanvas.stroke(
          VectorCanvas.curve(through: neckline), widths: [0.07 * surface.scale, 0.07 * surface.scale])
      ], .flat(Self.tone(motion.clothes * 0.72)))
  }

  private mutating func drawEars() {
    for side in [-1.0, 1.0] {
      func oval(_ across: Double, _ down: Double, _ inwards: Double) -> [Point] {
        let points = (0..<12).map { step -> Point in
          let angle = 2 * Double.pi * Double(step) / 12
          return surface(
            Place(
              side * (traits.width * 1.0 - inwards) + across * cos(angle),
              0.16 + down * sin(angle) * (sin(angle) > 0 ? 1.08 : 1), -0.2))
        }
        return VectorCanvas.curve(through: points, isClosed: true, steps: 4)
      }
      let ear = canvas.fill([oval(0.13, traits.ear, -0.03)], lit(traits.skin * 0.96))
      canvas.fill([oval(0.075, traits.ear * 0.66, -0.055)], .flat(Self.tone(shade, 0.6)), within: ear)
    }
  }

  // MARK: Skin

  /// A place on the skull, by the angle from the right ear (0) over the crown to the left one (π).
  func skull(_ angle: Double, _ reach: Double = 1, depth: Double = -0.12) -> Place {
    Place(traits.width * reach * cos(angle), -traits.crown * reach * sin(angle), depth)
  }

  /// Sections of the skull in front of its outline, which stand out beyond it where the head is turned.
  ///
  /// - Parameter reach: how far the outermost one reaches; 1 is the outline's.
  func bulges(_ reach: Double) -> [[Point]] {
    [1, 0.94, 0.86, 0.74].map { share in
      let places = (0...14).map { step -> Place in
        let place = skull(-0.28 + (Double.pi + 0.56) * Double(step) / 14, share * reach)
        // They end at the outline below the ears.
        let share = 1 - min(1, max(0, place.y) / 0.3)
        let front = FaceSurface.depth(traits, place.x, place.y) - place.z
        return Place(place.x, place.y, place.z + share * front)
      }
      return VectorCanvas.curve(through: surface(places), steps: 5)
    }
  }

  private var headOutline: [Point] {
    let jaw = Array(surface.places[0...16])
    let crown = stride(from: 1, to: 12, by: 1).map { skull(Double.pi * Double($0) / 12) }
    return VectorCanvas.curve(through: surface(jaw + crown), isClosed: true)
  }

  private mutating func drawSkin(_ head: VectorCanvas.Coverage) {
    canvas.fill(head, lit(traits.skin))
    // Darker towards the edge, more on the side away from the light.
    let centre = surface(Place(0.2 * state.light, 0.06, 0.5))
    let edge = Self.tone(shade, 0)
    canvas.fill(
      head,
      .radial(
        centre: centre, across: surface(Place(0.2 * state.light + traits.width * 1.12, 0.06, 0)) - centre,
        down: surface(Place(0.2 * state.light, traits.chin * 1.1, 0.2)) - centre, inner: 0.5, edge,
        Self.tone(shade, 0.55)))
    for side in [-1.0, 1.0] {
      // Cheeks, and hollows beside the nose.
      spot(
        side * 0.5, traits.noseTip + 0.06, 0.3, 0.24,
        Self.mixed(traits.skin, Colour(0.86, 0.3, 0.3), 0.55), 0.3 + 0.14 * Float(max(0, state.smile)),
        within: head)
      spot(side * traits.eyeDistance, traits.eyeLevel - 0.04, 0.3, 0.2, shade, 0.34, within: head)
    }
    spot(0, traits.eyeLevel - 0.62, 0.5, 0.26, Colour(repeating: 1), 0.1, within: head)
    for place in traits.freckles {
      spot(place.x, place.y, 0.024, 0.024, shade * 0.8, 0.75, within: head)
    }
  }

  private mutating func drawNose(_ head: VectorCanvas.Coverage) {
    let (tip, half) = (traits.noseTip, traits.noseWidth)
    let side = state.light > 0 ? -1.0 : 1.0
    // The side away from the light, from the brow down to the nostril.
    let shadow = [
      surface.skin(side * 0.07, traits.eyeLevel - 0.12, out: 0.02), surface.places[28], surface.places[30],
      surface.skin(side * half * 0.75, tip + 0.06, out: 0.14),
      surface.skin(side * half * 1.0, tip, out: 0.03),
      surface.skin(side * 0.11, tip - 0.26, out: 0.03),
    ]
    canvas.fill(
      [VectorCanvas.curve(through: surface(shadow), isClosed: true)],
      .flat(Self.tone(shade, Float(0.22 + 0.2 * abs(state.light)))), within: head)
    spot(0, tip + 0.16, half * 1.25, 0.1, shade * 0.9, 0.4, within: head)
    // Nostrils, wings and the base between them.
    let dark = Self.mixed(shade, Colour(0.2, 0.08, 0.06), 0.5)
    for side in [-1.0, 1.0] {
      let nostril = ellipse(side * half * 0.46, tip + 0.095, half * 0.24, 0.03, out: 0.15)
      canvas.fill([nostril], .flat(Self.tone(dark, 0.75)), within: head)
      line(
        [
          surface.skin(side * half * 0.88, tip - 0.07, out: 0.1),
          surface.skin(side * half * 1.07, tip + 0.02, out: 0.08),
          side < 0 ? surface.places[31] : surface.places[35],
          side < 0 ? surface.places[32] : surface.places[34],
        ], [0.008, 0.03, 0.026, 0.008], dark, 0.7)
    }
    line(Array(surface.places[32...34]), [0.01, 0.022, 0.01], dark, 0.5)
    spot(-side * 0.02, tip - 0.03, 0.085, 0.1, Colour(repeating: 1), 0.34, out: 0.3, within: head)
    spot(-side * 0.012, tip - 0.26, 0.045, 0.2, Colour(repeating: 1), 0.2, out: 0.12, within: head)
  }
}
