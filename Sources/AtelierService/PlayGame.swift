import AtelierCore
public import AtelierGeneration
public import AtelierMedia

/// A video that somebody plays: where it can begin, what was done, and the frames as they are shown.
///
/// It belongs to one thread; see ``EngineThread``.
public final class PlayGame {
  /// A frame as it is shown.
  public struct Frame: Sendable, Hashable {
    /// How many frames came before it.
    public var number: Int
    /// The image, a PNG file.
    public var png: [UInt8]
    /// How long the model took, in milliseconds.
    public var milliseconds: Double
  }

  /// What a page has to know.
  public struct Facts: Codable, Sendable, Hashable {
    /// An action, and the key that takes it as browsers call it.
    public struct Action: Codable, Sendable, Hashable {
      /// What it is called.
      public var name: String
      /// The key.
      public var key: String
    }

    /// The system's name.
    public var system: String
    /// The run, step and fingerprint of the weights.
    public var checkpoint: String
    /// How wide and high frames are, in pixels.
    public var width: Int
    /// How high frames are, in pixels.
    public var height: Int
    /// The actions by number.
    public var actions: [Action]
    /// What first frames are called.
    public var starts: [String]
    /// Which of them the video began with.
    public var start: Int
    /// The number of the present frame.
    public var frame: Int
    /// Where the session is recorded; nil: nowhere.
    public var recording: String?
  }

  private let player: VideoPlayer
  private let origin: PlayRecording.Origin
  private let starts: [(name: String, image: Image)]
  private let recorder: PlayRecorder?
  private let recording: String?
  private let shown: (Image) throws -> Image
  private let codec = ImageCodec()
  private var start = 0
  /// The frame that is shown.
  public private(set) var frame: Frame

  /// Begins to play.
  ///
  /// - Parameters:
  ///   - starts: the frames that videos can begin with, at least one.
  ///   - start: the first one's number.
  ///   - recorder: takes what happens, and what its file is called.
  ///   - shown: makes a frame what is shown, with the label and the mark of generated videos.
  /// - Throws: what beginning and recording throw.
  public init(
    _ player: VideoPlayer, _ origin: PlayRecording.Origin, starts: [(name: String, image: Image)], start: Int,
    recorder: (recorder: PlayRecorder, name: String)? = nil, shown: @escaping (Image) throws -> Image = { $0 }
  ) throws {
    (self.player, self.origin, self.starts, self.shown) = (player, origin, starts, shown)
    (self.recorder, recording) = (recorder?.recorder, recorder?.name)
    frame = Frame(number: 0, png: [], milliseconds: 0)
    _ = try begin(start)
  }

  /// Begins anew.
  ///
  /// - Parameter number: that of the first frame.
  /// - Returns: the first frame; nil where there is no such number.
  /// - Throws: what beginning and recording throw.
  public func begin(_ number: Int) throws -> Frame? {
    guard starts.indices.contains(number) else { return nil }
    let first = try player.start(starts[number].image)
    try recorder?.add(.start(first, name: starts[number].name))
    start = number
    return try show(first, number: 0, milliseconds: 0)
  }

  /// Takes an action.
  ///
  /// - Returns: the next frame; nil where there is no such action.
  /// - Throws: what the model and recording throw.
  public func take(_ action: Int) throws -> Frame? {
    guard (0..<player.ability.actions).contains(action) else { return nil }
    let began = ContinuousClock.now
    let next = try player.advance(action)
    let (seconds, rest) = (ContinuousClock.now - began).components
    try recorder?.add(.action(action))
    return try show(
      next, number: frame.number + 1, milliseconds: Double(seconds) * 1000 + Double(rest) * 1e-15)
  }

  private func show(_ image: Image, number: Int, milliseconds: Double) throws -> Frame {
    frame = Frame(
      number: number, png: try codec.encode(try shown(image), as: .png), milliseconds: milliseconds)
    return frame
  }

  /// What a page has to know now.
  public var facts: Facts {
    Facts(
      system: origin.system, checkpoint: origin.checkpoint, width: player.width, height: player.height,
      actions: zip(player.actionNames, Self.keys(of: player.actionNames)).map {
        Facts.Action(name: $0, key: $1)
      },
      starts: starts.map(\.name), start: start, frame: frame.number, recording: recording)
  }

  // MARK: Keys

  private static let usual = [
    "left": "ArrowLeft", "right": "ArrowRight", "up": "ArrowUp", "down": "ArrowDown", "forward": "ArrowUp",
    "backward": "ArrowDown", "back": "ArrowDown", "jump": " ", "fire": " ", "shoot": " ", "attack": " ",
    "none": ".", "noop": ".", "stay": ".", "wait": ".",
  ]

  /// A key for each action, as browsers call it: arrows and the space bar for the usual names, a digit for numbers, and else
  /// the next digit or letter that is free; empty where none is left.
  package static func keys(of names: [String]) -> [String] {
    var free = "1234567890qwertyuiopasdfghjklzxcvbnm".map(String.init)
    var taken: Set<String> = []
    var keys = names.map { name -> String? in
      let wanted = usual[name.lowercased()] ?? (name.count == 1 ? name.lowercased() : nil)
      guard let wanted, taken.insert(wanted).inserted else { return nil }
      return wanted
    }
    free.removeAll(where: taken.contains)
    for place in keys.indices where keys[place] == nil {
      keys[place] = free.isEmpty ? "" : free.removeFirst()
    }
    return keys.map { $0 ?? "" }
  }
}
