import Atelier

/// A sound in blocks of about a minute, each with some seconds before and behind it, so that memory does not grow with the
/// sound. A sound of up to two minutes is one block.
struct SoundBlocks {
  /// Frames to work on, and which of them are the block's own.
  struct Block {
    let sound: Audio
    let own: Range<Int>
  }

  private let reader: ResampledReader
  /// Frames of a block, and of what surrounds it.
  private let (length, margin): (Int, Int)
  /// What was read and is still needed.
  private var held: Audio?
  /// How many of its first frames belong to earlier blocks.
  private var before = 0
  private var isAtEnd = false

  /// - Parameter grid: blocks and their margins begin at multiples of so many frames.
  init(_ reader: ResampledReader, grid: Int) {
    self.reader = reader
    // 60 times the length after which the inaudible mark repeats.
    let usual = reader.sampleRate * 6144 / 100
    length = max(1, (usual + grid - 1) / grid) * grid
    margin = max(1, (2 * reader.sampleRate + grid - 1) / grid) * grid
  }

  /// The next block; nil behind the last.
  mutating func next() throws -> Block? {
    // What is left over is no block of its own unless it is as long as one.
    let wanted = before + 2 * length
    while !isAtEnd, (held?.frames ?? 0) < wanted {
      guard let more = try reader.read(frames: wanted - (held?.frames ?? 0)) else {
        isAtEnd = true
        break
      }
      held = try held.map { try $0.joined(with: more) } ?? more
    }
    guard let sound = held, sound.frames > before else { return nil }
    guard !isAtEnd else {
      held = nil
      return Block(sound: sound, own: before..<sound.frames)
    }
    let end = before + length
    let block = Block(sound: try sound.cropped(0..<(end + margin)), own: before..<end)
    held = try sound.cropped((end - margin)..<sound.frames)
    before = margin
    return block
  }
}
