internal import Foundation

/// What a drawn face does in one frame; it says nothing of who it is.
struct FaceState: Sendable, Hashable {
  /// Degrees; positive where the face looks to the right of the image, down, and where it is turned clockwise.
  var (yaw, pitch, roll) = (0.0, 0.0, 0.0)
  /// From the middle of the frame, in parts of its side.
  var (right, down) = (0.0, 0.0)
  /// How much nearer than usual, as a factor.
  var zoom = 1.0
  /// 0 … 1.
  var mouthOpen = 0.0
  /// -1 … 1, from sad to laughing.
  var smile = 0.0
  /// -1 … 1, from a frown to raised brows.
  var brows = 0.0
  /// 0 … 1, from open to closed eyes.
  var blink = 0.0
  /// -1 … 1, to the right of the image and down.
  var gaze = SIMD2<Double>(0, 0)
  /// -1 … 1, from the left of the image to its right.
  var light = 0.0
}

/// A clip of a drawn face: what it does over time, its light and what is behind it.
///
/// Everything is a sum of a few sines, so that neighbouring frames are alike; it does not know whose face it moves.
struct FaceMotion: Sendable {
  /// A smooth function of time that stays within -1 … 1.
  private struct Wave: Sendable {
    private var terms: [(frequency: Double, phase: Double, weight: Double)]

    /// - Parameter frequencies: in turns a second.
    init(_ frequencies: ClosedRange<Double>, _ draws: inout SeededGenerator) {
      var terms = (0..<3).map { _ in
        (
          frequency: draws.value(in: frequencies), phase: draws.value(in: 0...(2 * .pi)),
          weight: draws.value(in: 0.4...1)
        )
      }
      let sum = terms.reduce(0) { $0 + $1.weight }
      for place in terms.indices { terms[place].weight /= sum }
      self.terms = terms
    }

    func callAsFunction(_ time: Double) -> Double {
      terms.reduce(0) { $0 + $1.weight * sin(2 * .pi * $1.frequency * time + $1.phase) }
    }
  }

  typealias Colour = SIMD3<Float>

  private let turning: [Wave]
  private let moving: [Wave]
  private let feeling: [Wave]
  private let looking: [Wave]
  private let talking: [Wave]
  private let lighting: Wave
  private let light: Double
  private let mood: Double
  /// Moments at which eyes are closed, in seconds, over and over again after the last one.
  private let blinks: [Double]
  private let period: Double
  /// What the frame is multiplied by.
  let tint: Colour
  /// Behind the face, above and below.
  let background: (Colour, Colour)
  /// What the person wears.
  let clothes: Colour

  /// The motion of a clip; the same for all people where `person` is nil.
  init(seed: UInt64, clip: Int, person: Int?) {
    var draws = SeededGenerator(
      seed: seed, purpose: "rendered motion \(person.map(String.init) ?? "of all")", epoch: clip)
    turning = [(0.07...0.3), (0.06...0.28), (0.05...0.25)].map { Wave($0, &draws) }
    moving = [(0.04...0.18), (0.04...0.18), (0.03...0.12)].map { Wave($0, &draws) }
    feeling = [(0.06...0.25), (0.08...0.4)].map { Wave($0, &draws) }
    looking = [(0.1...0.5), (0.08...0.4)].map { Wave($0, &draws) }
    talking = [(0.08...0.25), (1.1...2.2)].map { Wave($0, &draws) }
    lighting = Wave(0.03...0.12, &draws)
    light = draws.value(in: -0.7...0.7)
    mood = draws.value(in: -0.05...0.6)
    var moments: [Double] = []
    var time = draws.value(in: 0.3...2)
    for _ in 0..<12 {
      moments.append(time)
      time += draws.value(in: 1.4...4.5)
    }
    (blinks, period) = (moments, time)
    let (brightness, warmth) = (Float(draws.value(in: 0.86...1.05)), Float(draws.value(in: -0.07...0.07)))
    tint = Colour(1 + warmth, 1, 1 - warmth) * brightness
    func colour(_ values: ClosedRange<Double>) -> Colour {
      let free = Colour(
        Float(draws.value(in: values)), Float(draws.value(in: values)), Float(draws.value(in: values)))
      // A little greyer than at random.
      return free + (Colour(repeating: free.sum() / 3) - free) * 0.35
    }
    let upper = colour(0.4...0.92)
    background = (upper, upper * Float(draws.value(in: 0.55...0.85)))
    clothes = colour(0.12...0.85)
  }

  /// What the face does at a time in seconds.
  func state(at time: Double) -> FaceState {
    var state = FaceState()
    state.yaw = 23 * turning[0](time)
    state.pitch = 13 * turning[1](time)
    state.roll = 11 * turning[2](time)
    state.right = 0.07 * moving[0](time)
    state.down = 0.045 * moving[1](time)
    state.zoom = 1 + 0.07 * moving[2](time)
    state.smile = min(1, max(-0.6, mood + 0.9 * feeling[0](time)))
    state.brows = min(1, max(-1, 1.3 * feeling[1](time)))
    // The mouth moves while the slow wave is high.
    let speech = min(1, max(0, 0.25 + 1.6 * talking[0](time)))
    state.mouthOpen = min(1, max(0, speech * (0.42 + 0.75 * talking[1](time))))
    state.gaze = SIMD2(looking[0](time), 0.7 * looking[1](time))
    let moment = time.truncatingRemainder(dividingBy: period)
    state.blink = blinks.reduce(0) { max($0, 1 - abs(moment - $1) / 0.16) }
    // Held closed for a moment rather than touched.
    state.blink = min(1, 1.25 * state.blink)
    state.light = min(1, max(-1, light + 0.3 * lighting(time)))
    return state
  }
}
