public import Foundation

/// Writes a sound file in windows, without holding all of it in memory.
///
/// The file appears whole when ``finish()`` is called; until then its frames lie in a hidden file beside it, which is
/// removed where writing ends earlier. Its bytes equal those of ``AudioCodec/write(_:to:encoding:quality:tags:)``.
/// A writer is not thread-safe.
public final class AudioWriter {
  private let file: URL
  private let partial: URL
  private let sink: SoundSink
  private let descriptor: Int32
  private var isFinished = false

  /// Begins a file; the extension selects the format.
  ///
  /// - Parameters:
  ///   - encoding: one of the format's ``AudioFormat/writableEncodings``; nil takes the first.
  ///   - quality: 0...1, for Vorbis only.
  ///   - tags: as for ``AudioCodec/encode(_:as:encoding:quality:tags:)``.
  public init(
    _ file: URL, sampleRate: Int, channels: Int, encoding: AudioEncoding? = nil, quality: Double = 0.6,
    tags: [AudioTag: String] = [:]
  ) throws(AudioError) {
    guard let format = AudioFormat(fileExtension: file.pathExtension) else {
      throw .unwritable(file: file.path, reason: "its name must end in .wav, .flac, .ogg or .aiff")
    }
    let partial = file.deletingLastPathComponent().appendingPathComponent(
      ".\(file.lastPathComponent).\(UUID().uuidString)")
    let descriptor = open(partial.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw .unwritable(
        file: file.path,
        reason: Shortage.fullDisk(errno, writing: nil) ?? "the folder is missing, full or not writable")
    }
    do throws(AudioError) {
      sink = try SoundSink(
        file.path, format, encoding, quality, tags, sampleRate: sampleRate, channels: channels, file: partial
      ) { SoundHandle(writingTo: descriptor, &$0) }
    } catch {
      close(descriptor)
      unlink(partial.path)
      throw error
    }
    (self.file, self.partial, self.descriptor) = (file, partial, descriptor)
  }

  deinit {
    if !isFinished {
      try? sink.close()
      close(descriptor)
      unlink(partial.path)
    }
  }

  /// Adds frames of the file's rate and channels.
  public func write(_ audio: Audio) throws(AudioError) {
    precondition(!isFinished, "AudioWriter: the file is finished")
    try sink.write(audio)
  }

  /// Completes the file and puts it in its place.
  public func finish() throws(AudioError) {
    guard !isFinished else { return }
    try sink.close()
    let isWritten = fsync(descriptor) == 0 && rename(partial.path, file.path) == 0
    let full = isWritten ? nil : Shortage.fullDisk(errno, writing: partial)
    isFinished = true
    close(descriptor)
    guard isWritten else {
      unlink(partial.path)
      throw .unwritable(file: file.path, reason: full ?? "the folder is missing, full or not writable")
    }
  }
}
