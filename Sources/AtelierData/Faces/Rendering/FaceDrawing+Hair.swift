internal import AtelierMedia
internal import Foundation

/// Hair, behind the head and in front of it.
extension FaceDrawing {
  private var colour: Colour { traits.hairColour }

  mutating func drawHairBehind() {
    let width = traits.width
    switch traits.hair {
    case .long, .bob:
      let length = traits.hair == .long ? traits.chin + 0.75 : traits.chin * 0.82
      let spread = traits.hair == .long ? 1.2 : 1.25
      let crown = (0...8).map { skull(Double.pi * Double($0) / 8, 1.13, depth: -0.35) }
      let sides = [
        Place(-width * spread, length * 0.5, -0.4), Place(-width * spread, length, -0.35),
        Place(-width * 0.6, length + 0.06, -0.35), Place(width * 0.6, length + 0.06, -0.35),
        Place(width * spread, length, -0.35), Place(width * spread, length * 0.5, -0.4),
      ]
      canvas.fill(
        [VectorCanvas.curve(through: surface(crown + sides), isClosed: true)], lit(colour * 0.8))
    case .curly:
      canvas.fill([bumps(1.26, count: 11, depth: -0.3)], lit(colour * 0.78))
    case .bun:
      let knot = (0..<12).map { step -> Place in
        let angle = 2 * Double.pi * Double(step) / 12
        return Place(0.42 * cos(angle), -traits.crown * 1.2 + 0.36 * sin(angle), -0.35)
      }
      canvas.fill([VectorCanvas.curve(through: surface(knot), isClosed: true)], lit(colour))
    default: break
    }
  }

  /// A round shape with bumps, from ear to ear over the crown and back behind the head.
  private func bumps(_ reach: Double, count: Int, depth: Double) -> [VectorCanvas.Point] {
    let steps = 4 * count
    let points = (0...steps).map { step -> Place in
      let angle = -0.35 + (Double.pi + 0.7) * Double(step) / Double(steps)
      let bump = abs(sin(Double(step) * .pi / 4))
      return skull(angle, reach + 0.07 * bump, depth: depth)
    }
    return VectorCanvas.curve(through: surface(points), isClosed: true, steps: 3)
  }

  /// The hairline from the left to the right: shares of the head's half width, and y.
  private var hairline: [(x: Double, y: Double)] {
    let level = traits.eyeLevel
    switch traits.hair {
    case .parted:
      return [
        (-1.0, 0.05), (-0.94, -0.3), (-0.8, -0.66), (-0.52, -0.88), (-0.36, -0.93), (0, -0.7), (0.42, -0.6),
        (0.78, -0.5), (0.94, -0.26), (1.0, 0.05),
      ]
    case .fringe, .bob:
      return [
        (-1.01, 0.14), (-0.94, -0.18), (-0.86, level - 0.4), (-0.5, level - 0.5), (-0.18, level - 0.47),
        (0.14, level - 0.52), (0.5, level - 0.46), (0.86, level - 0.4), (0.94, -0.18), (1.01, 0.14),
      ]
    case .long:
      return [
        (-1.08, 1.05), (-1.0, 0.4), (-0.95, -0.1), (-0.84, -0.5), (-0.5, -0.78), (-0.06, -1.0), (0.06, -1.0),
        (0.5, -0.78), (0.84, -0.5), (0.95, -0.1), (1.0, 0.4), (1.08, 1.05),
      ]
    case .receding:
      return [
        (-1.0, 0.05), (-0.95, -0.3), (-0.84, -0.6), (-0.58, -0.88), (-0.22, -0.8), (0.22, -0.8),
        (0.58, -0.88),
        (0.84, -0.6), (0.95, -0.3), (1.0, 0.05),
      ]
    case .curly:
      return (0...16).map { step in
        let angle = Double.pi * Double(step) / 16
        let bump = step % 2 == 0 ? 0.0 : 0.09
        return (-1.0 * cos(angle), 0.08 - (0.82 - bump) * pow(sin(angle), 0.8))
      }
    default:
      return [
        (-1.0, 0.08), (-0.95, -0.28), (-0.82, -0.56), (-0.46, -0.75), (0, -0.8), (0.46, -0.75),
        (0.82, -0.56), (0.95, -0.28), (1.0, 0.08),
      ]
    }
  }

  /// Draws what hangs or stands in front, and says what it covers.
  mutating func drawHairInFront(_ head: VectorCanvas.Coverage) -> VectorCanvas.Coverage? {
    let reach =
      switch traits.hair {
      case .shaved: 1.012
      case .receding, .bun: 1.05
      case .curly: 1.2
      default: 1.1
      }
    var crown: [Place]
    switch traits.hair {
    case .spiky:
      crown = (0...22).map { step in
        let angle = -0.1 + (Double.pi + 0.2) * Double(step) / 22
        return skull(angle, step % 2 == 0 ? 1.06 : 1.26, depth: -0.05)
      }
    case .curly:
      crown = (0...36).map { step in
        let angle = -0.22 + (Double.pi + 0.44) * Double(step) / 36
        return skull(angle, reach + 0.06 * abs(sin(Double(step) * .pi / 4)), depth: -0.05)
      }
    default:
      crown = (0...14).map { step in
        let angle = -0.06 + (Double.pi + 0.12) * Double(step) / 14
        // Fuller above than beside.
        return skull(angle, 1 + (reach - 1) * (0.35 + 0.65 * max(0, sin(angle))), depth: -0.06)
      }
    }
    let line = hairline.map { share, y -> Place in
      let place = surface.skin(share * traits.width, y < 0 ? y * traits.crown / 1.2 : y, out: 0.03)
      // At its ends it lies beside the skull, as the crown's outline does.
      let beside = min(1, max(0, (abs(share) - 0.8) / 0.15))
      return place + Place(0, 0, (-0.06 - place.z) * beside)
    }
    if traits.hair == .long {
      // Strands beside the face belong to the outline as well.
      crown = [Place(traits.width * 1.1, 1.1, -0.06), Place(traits.width * 1.14, 0.4, -0.1)] + crown
      crown += [Place(-traits.width * 1.14, 0.4, -0.1), Place(-traits.width * 1.1, 1.1, -0.06)]
    }
    let outer =
      traits.hair == .spiky ? surface(crown) : VectorCanvas.curve(through: surface(crown), steps: 5)
    let opacity: Float = traits.hair == .shaved ? 0.55 : 1
    // All of the skull, but for a window that is the face.
    let cap = canvas.coverage(of: [outer] + bulges(0.97 + 0.4 * (reach - 1)))
    func window(_ down: Double) -> VectorCanvas.Coverage {
      let sides = [Place(traits.width * 1.02, 2, 0), Place(-traits.width * 1.02, 2, 0)]
      let upper = VectorCanvas.curve(through: surface(line.map { $0 + Place(0, down, 0) }), steps: 5)
      return canvas.coverage(of: [upper + surface(sides)])
    }
    let shape = cap.without(window(0))
    let top = surface(skull(.pi / 2, reach))
    let bottom = surface(surface.skin(0, -0.45))
    // A shadow on the forehead, then the hair, lit from above and from the side.
    canvas.fill(
      cap.without(window(0.06)), .flat(Self.tone(traits.skin * 0.5, traits.hair == .shaved ? 0.12 : 0.26)),
      within: head)
    canvas.fill(shape, .flat(Self.tone(colour, opacity)))
    canvas.fill(
      shape,
      .linear(
        from: top, Self.tone(Colour(repeating: 1), 0.16 * opacity), to: bottom,
        Self.tone(Colour(0.05, 0.02, 0.04), 0.2 * opacity)))
    if traits.hair != .shaved { drawStrands(line, reach, within: shape) }
    return traits.hair == .shaved ? nil : shape
  }

  /// Lines from the crown to the hairline.
  private mutating func drawStrands(
    _ hairline: [Place], _ reach: Double, within shape: VectorCanvas.Coverage
  ) {
    for step in 1..<12 {
      let share = Double(step) / 12
      // The hairline runs from the left, where the skull's angle is π.
      let place = share * Double(hairline.count - 1)
      let index = min(Int(place), hairline.count - 2)
      let end = hairline[index] + (hairline[index + 1] - hairline[index]) * (place - Double(index))
      let start = skull(Double.pi * (1 - 0.5 * (share - 0.5) - 0.5), reach * 0.98, depth: 0)
      let bend = (start + end) / 2 + Place((end.x - start.x) * 0.22, -0.05, 0.06)
      let isLight = step % 3 == 0
      line(
        [start, bend, end], [0.006, 0.03, 0.006], isLight ? colour * 1.5 : colour * 0.55,
        isLight ? 0.28 : 0.36, within: shape)
    }
  }
}
