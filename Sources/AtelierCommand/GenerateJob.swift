import Atelier

/// What `generate` does with a model and the inputs of a command, and which options each of these jobs uses: what else a
/// command has is refused and never ignored. ``GenerateOption`` says which a system knows at all.
enum GenerateJob: String, CaseIterable, Sendable {
  case animation, dubbing, play, swappedVideo, swappedFaces, images, tags, detection, sentences, sounds
  case voices, frames, drawing

  /// What it makes, as sentences name it.
  var product: String {
    switch self {
    case .animation: "a still image in motion"
    case .dubbing: "a dubbed video"
    case .play: "a video that is played"
    case .swappedVideo: "a video with swapped faces"
    case .swappedFaces: "aligned faces that are swapped"
    case .images: "images made of images"
    case .tags: "the tags of images"
    case .detection: "what is found in images and videos"
    case .sentences: "translated sentences"
    case .sounds: "sounds made of sounds"
    case .voices: "converted voices"
    case .frames: "a video that follows frames"
    case .drawing: "what is drawn from a request alone"
    }
  }

  private static let translating: Set<String> = [
    "--direction", "--to", "--given", "--style", "--variations", "--style-map", "--region", "--vary",
    "--tile",
    "--overlap", "--alpha", "--format", "--quality", "--class", "--anonymise", "--recover", "--passcode",
  ]

  /// The options that it uses, by the names of ``GenerateOption/all``.
  var options: Set<String> {
    let own: Set<String> =
      switch self {
      case .animation: ["--sampling", "--no-label"]
      case .dubbing: ["--sampling", "--no-label"]
      case .play: ["--actions", "--no-label"]
      case .swappedVideo: ["--sampling", "--direction", "--to", "--no-label"]
      case .swappedFaces: Self.translating
      case .images: Self.translating.union(["--sampling"])
      case .tags: []
      case .detection: ["--sampling"]
      case .sentences: ["--sampling", "--text", "--alignment"]
      case .sounds: ["--sampling"]
      case .voices: ["--sampling", "--class", "--to", "--from", "--vocoder"]
      case .frames: ["--no-label", "--class"]
      case .drawing:
        [
          "--sampling", "--no-label", "--class", "--count", "--candidates", "--actions", "--interpolate",
          "--traverse", "--truncation", "--instance", "--prompt", "--temperature", "--length",
        ]
      }
    return own.union(["--output", "--files", "--condition"])
  }

  /// Refuses the first option of a command that it does not use.
  ///
  /// - Parameters:
  ///   - plan: says which options the system knows elsewhere.
  ///   - system: the system's name.
  func check(_ command: Generate, _ plan: SystemPlan, of system: String) throws {
    let known = GenerateOption.all.filter { $0.isKnown(plan) }
    guard let unused = known.first(where: { $0.isGiven(command) && !options.contains($0.name) }) else {
      return
    }
    throw Refusal.usage(
      "\(unused.name) is of no use to \(product), which \(system) makes here; leave it out (of use are "
        + "\(listed(known.map(\.name).filter(options.contains))))")
  }
}
