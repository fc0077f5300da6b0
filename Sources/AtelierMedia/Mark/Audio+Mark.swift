extension InvisibleMark {
  /// What a search for the mark in a sound came to.
  public struct SoundFinding: Sendable, Hashable {
    /// How far the sound agrees with the mark, in standard deviations of sounds without it.
    public let score: Double
    /// Where the piece begins that agrees most, in seconds; 0 where it is the whole sound.
    public let start: Double
    /// The length of that piece in seconds.
    public let length: Double
    /// How many pieces were looked at.
    public let pieces: Int
    /// Whether that is the mark.
    public var isFound: Bool { score >= InvisibleMark.soundThreshold }
    /// The chance that a sound without the mark scores as much, at most.
    public var falseAlarm: Double { MarkPattern.falseAlarm(score, shifts: pieces * MarkPattern.side) }
  }

  /// The score from which on the mark of a sound counts as found: as improbable as an image's, as only time can shift.
  public static let soundThreshold = 6.2

  /// The shortest sound that is marked, in seconds; below, nothing is found that was not heard.
  public static let shortestSound = 1.0

  /// The lowest sample rate of sounds that are marked.
  public static let lowestSampleRate = 8000

  /// How strongly the mark is tried in turn, in decibels.
  private static let soundStrengths: [Float] = [0.5, 0.7, 1, 1.4, 2]

  /// What the score must be after the changes that a mark is made for.
  private static let soundTarget = 7.2

  /// Seconds of a sound that are looked at for whether its mark lasts, and of a piece in a search.
  private static let piece = 30.0

  /// A sound with the mark, as faint as survives lossy coding and the loss of its ends.
  ///
  /// All channels change alike: cells of time and frequency between 480 and 6450 Hz become some tenths of a decibel to
  /// two louder or softer, by ``SoundSpectrum``. The same sound gives the same result.
  ///
  /// - Returns: the sound, of the same rate and length, and what became of it.
  public static func marked(_ sound: Audio) -> (sound: Audio, outcome: Outcome) {
    guard sound.sampleRate >= lowestSampleRate else {
      return (sound, .unmarked("its sample rate is below \(lowestSampleRate) Hz"))
    }
    guard sound.duration >= shortestSound else {
      return (sound, .unmarked("it is shorter than \(Int(shortestSound)) s"))
    }
    guard sound.samples.contains(where: { abs($0) > 1e-4 }), sound.samples.allSatisfy(\.isFinite) else {
      return (sound, .unmarked("it is silent"))
    }
    let spectrum = SoundSpectrum()
    guard let low = try? sound.resampled(to: SoundSpectrum.sampleRate) else {
      return (sound, .unmarked("its sample rate is unusual"))
    }
    var last = sound
    for strength in soundStrengths {
      last = sound.adding(low, spectrum, strength)
      if survives(last) { return (last, .marked) }
    }
    return (last, .weak)
  }

  /// Seconds of a sound that are searched at most.
  private static let longestSearch = 3600

  /// Looks for the mark in a sound's first hour: in the whole, and where it is long in pieces of half a minute.
  public static func find(in sound: Audio) -> SoundFinding {
    let none = SoundFinding(score: 0, start: 0, length: sound.duration, pieces: 1)
    // Below half the lowest rate nothing of the mark is left, and a long sound would become too many samples.
    guard sound.frames > 0, sound.sampleRate >= lowestSampleRate / 2,
      let part = try? sound.mono().cropped(0..<min(sound.frames, longestSearch * sound.sampleRate)),
      part.samples.allSatisfy(\.isFinite), let mono = try? part.resampled(to: SoundSpectrum.sampleRate),
      mono.samples.contains(where: { $0 != 0 })
    else { return none }
    let columns = SoundSpectrum().residuals(of: mono.samples)
    let second = Double(SoundSpectrum.sampleRate) / Double(SoundSpectrum.column)
    let length = Int(piece * second)
    var pieces = [0..<columns.count]
    if columns.count > length {
      pieces += stride(from: 0, to: columns.count - length / 2, by: length / 2).map {
        $0..<min(columns.count, $0 + length)
      }
    }
    let scores = pieces.map {
      MarkPattern.standard.score(SoundSpectrum.folded(columns[$0]), shiftsRows: false)
    }
    guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }) else { return none }
    return SoundFinding(
      score: scores[best], start: Double(pieces[best].lowerBound) / second,
      length: best == 0 ? sound.duration : Double(pieces[best].count) / second, pieces: pieces.count)
  }

  /// Whether the mark is found after what it is made for.
  private static func survives(_ sound: Audio) -> Bool {
    let mono = sound.mono()
    guard
      let piece = try? mono.cropped(0..<min(mono.frames, Int(piece * Double(mono.sampleRate)))),
      let low = try? piece.resampled(to: SoundSpectrum.sampleRate)
    else { return false }
    let codec = AudioCodec()
    let changes: [() throws -> Audio] = [
      { low },
      // As lossy as MP3 at 128 kbit/s is, and more.
      {
        try codec.decode(
          try codec.encode(low, as: .ogg, encoding: .vorbis, quality: 0.4), named: "the marked sound")
      },
      { try low.cropped((low.frames / 20 + 77)..<(low.frames - low.frames / 20)) },
    ]
    return changes.allSatisfy { change in (try? change()).map { find(in: $0).score >= soundTarget } ?? false }
  }
}

extension Audio {
  /// The sound with the pattern in the loudness of its cells.
  ///
  /// - Parameter low: the sound at the spectrum's sample rate. What is added has nothing above 6.5 kHz, so that it is the
  ///   same at any rate.
  fileprivate func adding(_ low: Audio, _ spectrum: SoundSpectrum, _ strength: Float) -> Audio {
    var samples = self.samples
    for channel in 0..<channels {
      let change = Audio(
        sampleRate: low.sampleRate,
        samples: spectrum.change(of: low.channel(channel).samples, strength: strength))
      guard let there = try? change.resampled(to: sampleRate).samples else { continue }
      let (start, count) = (channel * frames, min(frames, there.count))
      for frame in 0..<count { samples[start + frame] += there[frame] }
    }
    return Audio(sampleRate: sampleRate, channels: channels, samples: samples)
  }
}
