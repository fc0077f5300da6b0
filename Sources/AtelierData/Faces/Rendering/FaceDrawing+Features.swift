internal import AtelierMedia
internal import Foundation

/// Mouth, eyes, brows, beard and glasses.
extension FaceDrawing {
  // MARK: Mouth

  mutating func drawMouth() {
    let points = surface(surface.places)
    func along(_ indices: [Int]) -> [Point] { VectorCanvas.curve(through: indices.map { points[$0] }) }
    let outerTop = along(Array(48...54))
    let outerBottom = along(Array(54...59) + [48])
    let innerTop = along(Array(60...64))
    let innerBottom = along([64, 65, 66, 67, 60])
    let red = Self.mixed(traits.skin * Colour(0.86, 0.62, 0.6), Colour(0.76, 0.22, 0.27), traits.rouge)
    let whole = canvas.fill([outerTop + outerBottom], lit(red, 0.08))
    // The upper lip lies in the shade, the lower one shines.
    canvas.fill([outerTop + innerTop.reversed()], .flat(Self.tone(red * 0.72, 0.6)), within: whole)
    let opening = canvas.fill([innerTop + innerBottom], .flat(Self.tone(Colour(0.3, 0.07, 0.09))))
    if state.mouthOpen > 0.03 || state.smile > 0.2 {
      // The tongue lies on the ground; the upper teeth hang from the upper lip.
      let (left, right, floor) = (surface.places[67], surface.places[65], surface.places[66])
      let tongue = [
        left + Place(0, 0.03, 0), floor + Place(-0.1, -0.075, 0), floor + Place(0.1, -0.075, 0),
        right + Place(0, 0.03, 0), floor + Place(0, 0.12, 0),
      ]
      canvas.fill(
        [VectorCanvas.curve(through: surface(tongue), isClosed: true)],
        .flat(Self.tone(Colour(0.78, 0.34, 0.36))), within: opening)
      let teeth = surface.places[60...64].map { $0 + Place(0, 0.1, -0.02) }
      canvas.fill(
        [innerTop + VectorCanvas.curve(through: surface(teeth)).reversed()],
        .flat(Self.tone(Colour(0.97, 0.96, 0.93))), within: opening)
    }
    let dark = red * 0.42
    let width = 0.026 * surface.scale
    canvas.fill(
      [VectorCanvas.stroke(innerTop, widths: [0.4, 0.9, 1, 0.9, 0.4].map { $0 * width })],
      .flat(Self.tone(dark, 0.75)))
    // Corners of the mouth, and the light on the lower lip.
    for (corner, side) in [(48, -1.0), (54, 1.0)] {
      let place = surface.places[corner]
      line(
        [place + Place(-side * 0.03, -0.002, 0), place, place + Place(side * 0.022, -0.026, 0)],
        [0.012, 0.03, 0.006], dark, 0.6)
    }
    let shine = surface.places[57]
    let lower = canvas.coverage(of: [innerBottom + outerBottom.reversed()])
    spot(
      0.06 * state.light, shine.y - traits.lowerLip * 0.5, traits.mouthWidth * 0.42, traits.lowerLip * 0.42,
      Colour(repeating: 1), 0.3, out: 0.1, within: lower)
    spot(
      0, shine.y + 0.1, traits.mouthWidth * 0.6, 0.06, shade, 0.5, out: 0.05, within: nil)
  }

  // MARK: Eyes and brows

  mutating func drawEye(_ side: Double) {
    let first = side < 0 ? 36 : 42
    let points = surface(Array(surface.places[first..<(first + 6)]))
    let upper = VectorCanvas.curve(through: Array(points[0...3]))
    let lower = VectorCanvas.curve(through: [points[3], points[4], points[5], points[0]])
    let opening = canvas.fill([upper + lower], lit(Colour(0.96, 0.955, 0.95), 0.06))
    // The lid's shadow on the eye, then iris, pupil and light.
    let height = traits.eyeHeight
    let centre = Place(
      side * traits.eyeDistance + 0.055 * state.gaze.x, traits.eyeLevel - 0.012 + 0.03 * state.gaze.y, 0)
    let size = min(traits.eyeWidth * 0.62, height * 1.12)
    func disc(_ radius: Double, _ x: Double = 0, _ y: Double = 0) -> [Point] {
      ellipse(centre.x + x, centre.y + y, radius, radius)
    }
    let middle = surface(surface.skin(centre.x, centre.y))
    let across = surface(surface.skin(centre.x + size, centre.y)) - middle
    let down = surface(surface.skin(centre.x, centre.y + size)) - middle
    canvas.fill(
      [disc(size)],
      .radial(
        centre: middle, across: across, down: down, inner: 0.2, Self.tone(traits.iris * 1.3),
        Self.tone(traits.iris * 0.42)), within: opening)
    canvas.fill([disc(size * 0.46)], .flat(Self.tone(Colour(0.05, 0.04, 0.05))), within: opening)
    let shadow = surface.places[first..<(first + 4)].map { $0 + Place(0, height * 0.42, 0) }
    canvas.fill(
      [upper + VectorCanvas.curve(through: surface(Array(shadow))).reversed()],
      .flat(Self.tone(Colour(0.2, 0.14, 0.16), 0.28)), within: opening)
    canvas.fill(
      [disc(size * 0.24, size * (0.26 + 0.12 * state.light), -size * 0.34)],
      .flat(Self.tone(Colour(repeating: 1), 0.95)), within: opening)
    // Lashes along the upper lid, wider outside; the lower lid; the crease above.
    let dark = Self.mixed(traits.hairColour * 0.4, Colour(0.1, 0.07, 0.08), 0.6)
    let widths = side < 0 ? [0.055, 0.05, 0.04, 0.018] : [0.018, 0.04, 0.05, 0.055]
    canvas.fill(
      [VectorCanvas.stroke(upper, widths: widths.map { $0 * surface.scale })], .flat(Self.tone(dark)))
    canvas.fill(
      [VectorCanvas.stroke(lower, widths: [0.012, 0.018, 0.018, 0.008].map { $0 * surface.scale })],
      .flat(Self.tone(shade * 0.7, 0.7)))
    let crease = surface.places[first..<(first + 4)].map {
      $0 + Place(0, -0.055 - 0.03 * (1 - state.blink), 0)
    }
    line(Array(crease), [0.004, 0.022, 0.022, 0.004], shade * 0.8, 0.6)
  }

  mutating func drawBrows() {
    let colour = traits.hairColour * 0.72
    for first in [17, 22] {
      let places = Array(surface.places[first..<(first + 5)])
      let t = traits.browThickness
      let widths = [t * 0.35, t * 0.85, t * 1.1, t * 1.15, t * 0.8]
      line(places, first == 17 ? widths : widths.reversed(), colour, 0.92)
    }
  }

  // MARK: Beard and glasses

  mutating func drawBeard(_ head: VectorCanvas.Coverage) {
    guard traits.beard != .none else { return }
    let mouth = surface.places[51]
    let half = traits.mouthWidth
    let colour = traits.hairColour * 0.9
    if traits.beard != .moustache {
      let jaw = (1...15).map { surface.places[$0] * Place(1.03, 1.025, 1) }
      let upper = [
        surface.skin(traits.width * 0.84, 0.4), surface.skin(traits.width * 0.6, mouth.y - 0.14),
        surface.skin(half * 1.05, mouth.y - 0.11), surface.skin(0, mouth.y - 0.08),
        surface.skin(-half * 1.05, mouth.y - 0.11), surface.skin(-traits.width * 0.6, mouth.y - 0.14),
        surface.skin(-traits.width * 0.84, 0.4),
      ]
      let outline =
        VectorCanvas.curve(through: surface(jaw)) + VectorCanvas.curve(through: surface(upper))
      canvas.fill(
        [outline], .flat(Self.tone(colour, traits.beard == .full ? 0.94 : 0.3)), within: head)
    }
    guard traits.beard != .stubble else { return }
    let lip = [
      surface.skin(-half * 1.12, mouth.y + 0.08, out: 0.06),
      surface.skin(-half * 0.55, mouth.y - 0.1, out: 0.1),
      surface.skin(0, mouth.y - 0.13, out: 0.12), surface.skin(half * 0.55, mouth.y - 0.1, out: 0.1),
      surface.skin(half * 1.12, mouth.y + 0.08, out: 0.06),
      surface.skin(half * 0.5, mouth.y + 0.02, out: 0.1),
      surface.skin(0, mouth.y - 0.015, out: 0.12), surface.skin(-half * 0.5, mouth.y + 0.02, out: 0.1),
    ]
    canvas.fill(
      [VectorCanvas.curve(through: surface(lip), isClosed: true)], .flat(Self.tone(colour * 0.92, 0.96)))
  }

  mutating func drawGlasses() {
    let colour = Colour(0.13, 0.12, 0.15)
    for side in [-1.0, 1.0] {
      func rim(_ grow: Double) -> [Point] {
        let points = (0..<16).map { step -> Point in
          let angle = 2 * Double.pi * Double(step) / 16
          // Between an ellipse and a rectangle.
          func bent(_ value: Double) -> Double { (value < 0 ? -1 : 1) * pow(abs(value), 0.62) }
          return surface(
            Place(
              side * traits.eyeDistance * 1.02 + (0.29 + grow) * bent(cos(angle)),
              traits.eyeLevel + 0.05 + (0.21 + grow) * bent(sin(angle)), 0.82))
        }
        return VectorCanvas.curve(through: points, isClosed: true, steps: 4)
      }
      canvas.fill([rim(0)], .flat(Self.tone(Colour(repeating: 1), 0.1)))
      canvas.fill([rim(0.022), rim(-0.02).reversed()], .flat(Self.tone(colour)))
      line(
        [
          Place(side * (traits.eyeDistance + 0.3), traits.eyeLevel - 0.02, 0.8),
          Place(side * (traits.width * 0.97), traits.eyeLevel - 0.03, 0.05),
        ], [0.045, 0.04], colour)
    }
    let inner = traits.eyeDistance * 1.02 - 0.29
    line(
      [
        Place(-inner, traits.eyeLevel + 0.0, 0.83), Place(0, traits.eyeLevel - 0.045, 0.86),
        Place(inner, traits.eyeLevel + 0.0, 0.83),
      ], [0.042, 0.042], colour)
  }
}
