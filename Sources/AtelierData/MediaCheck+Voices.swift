/// What is said of sounds as something to learn voices or audio from.
extension MediaCheck {
  /// The folder of a speaker within its part; nil for a sound beside the folders.
  private static func speaker(of name: String) -> String? {
    let folders = name.split(separator: "/").dropLast().dropFirst(part(name) == nil ? 0 : 1)
    return folders.first.map(String.init)
  }

  /// The sounds of each speaker, where every sound lies in the folder of one of two speakers or more.
  private static func speakers(_ sounds: [Facts]) -> [String: [Facts]]? {
    guard !sounds.isEmpty, sounds.allSatisfy({ speaker(of: $0.name) != nil }) else { return nil }
    let groups = Dictionary(grouping: sounds) { speaker(of: $0.name) ?? "" }
    return groups.count > 1 && !areSides(Array(groups.keys)) ? groups : nil
  }

  /// Whether two folders are the sides of pairs, and not speakers; single letters may be either, and are taken for speakers.
  private static func areSides(_ folders: [String]) -> Bool {
    let names = folders.map { $0.lowercased() }.filter { $0.count > 1 }
    return names.count == 2 && names.contains(where: PairFolders.sourceNames.contains)
      && names.contains(where: PairFolders.targetNames.contains)
  }

  /// Resolution, rates, channels and lengths that models cannot make better, and speakers with too little.
  mutating func judgeVoices(_ sounds: [Facts]) {
    let coarse = sounds.filter { $0.encoding == "pcm8" }
    if let first = coarse.first {
      find(
        .note, .coarse,
        "\(coarse.count) of \(sounds.count) sounds have 8 bits, such as \(first.name), whose noise lies some 48 dB below "
          + "the loudest; a model learns it too.")
    }
    func rate(_ facts: Facts) -> Int { Int(facts.rate.prefix { $0.isNumber }) ?? 0 }
    let low = sounds.filter { rate($0) < 16_000 }
    if let first = low.first {
      find(
        .note, .lowRate,
        "\(low.count) of \(sounds.count) sounds have fewer than 16000 samples a second, such as \(first.name) with "
          + "\(first.rate), so that they have nothing above \(rate(first) / 2) Hz.")
    }
    let high = sounds.filter { rate($0) > 48_000 }
    if let first = high.first {
      find(
        .note, .highRate,
        "\(high.count) of \(sounds.count) sounds have more than 48000 samples a second, such as \(first.name) with "
          + "\(first.rate); systems resample them to their own rate at each reading, and resampling them once is quicker."
      )
    }
    let wide = sounds.filter { $0.shape != "mono" }
    if let first = wide.first {
      find(
        .note, .severalChannels,
        "\(wide.count) of \(sounds.count) sounds have several channels, such as \(first.name); systems that take mono "
          + "mix them down.")
    }
    let short = sounds.filter { $0.duration < 0.5 }
    if let first = short.first {
      find(
        .note, .shortSounds,
        "\(short.count) of \(sounds.count) sounds are shorter than half a second, such as \(first.name); systems leave out "
          + "what is shorter than their clips.")
    }
    guard let speakers = Self.speakers(sounds) else { return }
    let lonely = speakers.filter { $0.value.count == 1 }.keys.sorted()
    if let first = lonely.first {
      find(
        .warning, .fewUtterances,
        "\(lonely.count) of \(speakers.count) speakers have one utterance only, such as \(first), so that none is left to "
          + "measure on; record more of each, or leave the folder out.")
    }
    let seconds = speakers.mapValues { $0.reduce(0) { $0 + $1.duration } }
    let scarce = seconds.filter { $0.value < 60 && !lonely.contains($0.key) }.keys.sorted()
    if let first = scarce.first {
      find(
        .note, .fewUtterances,
        "\(scarce.count) of \(speakers.count) speakers have less than a minute of sound, such as \(first); a voice is "
          + "learned from several minutes.")
    }
  }

  /// The command that trains on the sounds, where they can be trained on.
  mutating func suggest(_ sounds: [Facts], _ system: (DataKind) -> String?) {
    guard report.isUsable, !sounds.isEmpty else { return }
    guard report.medium == .sounds else {
      let isDivided = Set(sounds.compactMap { Self.part($0.name) }).count > 1
      report.suggestedCommand = system(.videos).map {
        videoCommand($0, report.path, isDivided: isDivided)
      }
      return
    }
    let voices = Self.speakers(sounds) == nil ? nil : system(.voices)
    guard let system = voices ?? system(.sounds) else { return }
    let quoted = shellWord(report.path)
    let isDivided = Set(sounds.compactMap { Self.part($0.name) }).count > 1
    report.suggestedCommand =
      "atelier train \(system) --data \(quoted) --preset small --epochs 20"
      + (isDivided ? "" : " --hold-out 0.1")
  }
}

/// The command that trains a system on videos.
func videoCommand(_ system: String, _ path: String, isDivided: Bool) -> String {
  "atelier train \(system) --data \(shellWord(path)) --preset small --epochs 20"
    + (isDivided ? "" : " --hold-out 0.1")
}
