internal import AtelierMedia
public import Foundation
public import Torch

/// How the source of a sound is made from it, where only the target is given.
public struct SoundDegradation: Sendable, Hashable {
  /// How many times fewer samples the source has.
  public var factor: Int

  /// Every `factor`-th sample behind a low-pass, brought back to the length by a cubic spline.
  public init(factor: Int) { self.factor = factor }

  /// The source of a signal, as long as the signal is.
  public func callAsFunction(_ signal: [Double]) -> [Double] {
    Array(splineUpsampled(decimated(signal, by: factor), by: factor).prefix(signal.count))
  }

  /// The source of sounds, float32 `[n, channels, samples]`.
  public func callAsFunction(_ sounds: HostTensor) -> HostTensor {
    let length = sounds.shape.last ?? 0
    let values = sounds.floats()
    guard length > 0 else { return sounds }
    let made = stride(from: 0, to: values.count, by: length).flatMap { start in
      self(values[start..<(start + length)].map(Double.init)).map(Float.init)
    }
    return HostTensor(made, shape: sounds.shape)
  }
}

/// Clips that whole sounds stand behind, which measures take as they are.
public protocol SoundCollection: Dataset {
  /// The number of sounds.
  var soundCount: Int { get }
  /// A whole sound with its source, float32 `[1, 1, samples]`; at most `longest` samples from its start.
  func wholeSound(_ index: Int, longest: Int) throws(DatasetError) -> (
    source: HostTensor?, target: HostTensor
  )
}

/// Clips of equal length from sounds, `hop` samples apart, read from the files when they are asked for.
struct SoundClips: SoundCollection {
  let description: DatasetDescription
  let names: (source: String?, target: String)
  let sampleRate: Int
  let length: Int
  let degradation: SoundDegradation?
  private let entries: [SoundFolder.Entry]
  /// The file of each sound's source; nil: sources are made of the sounds.
  private let sources: [SoundFolder.Entry]?
  private let clips: [(entry: Int, start: Int)]
  /// Samples on both sides of a clip that its source is made with.
  private let margin: Int

  init(
    _ folder: SoundFolder, _ split: DatasetSplit, names: (source: String?, target: String), sampleRate: Int,
    length: Int, hop: Int, degradation: SoundDegradation?, sources: [SoundFolder.Entry]? = nil
  ) throws(DatasetError) {
    self.names = names
    self.sampleRate = sampleRate
    self.length = length
    self.degradation = sources == nil ? degradation : nil
    self.sources = sources
    entries = folder.entries
    margin = self.degradation.map { 256 * $0.factor } ?? 0
    var (clips, short) = ([(entry: Int, start: Int)](), 0)
    for (number, entry) in folder.entries.enumerated() {
      // What both of a pair have.
      let samples = min(entry.samples(at: sampleRate), sources?[number].samples(at: sampleRate) ?? .max)
      guard samples >= length else {
        short += 1
        continue
      }
      clips += stride(from: 0, through: samples - length, by: hop).map { (number, $0) }
    }
    guard !clips.isEmpty else {
      throw .invalid(
        reason:
          "\(folder.name): none of its \(folder.entries.count) sounds has the \(length) samples of a clip at "
          + "\(sampleRate) Hz; make length smaller")
    }
    self.clips = clips
    var notes = folder.notes + folder.remarks(sampleRate: sampleRate, channels: 1)
    if short > 0 {
      notes.append(
        "\(short) of \(folder.entries.count) sounds are shorter than a clip of \(length) samples and are left out."
      )
    }
    description = DatasetDescription(
      layout: sources == nil ? .sounds : .pairedFolders, name: folder.name, split: split, count: clips.count,
      fingerprint: folder.fingerprint,
      notes: notes)
  }

  private init(_ whole: SoundClips, _ sounds: [Int], _ description: DatasetDescription) {
    (names, sampleRate, length) = (whole.names, whole.sampleRate, whole.length)
    (degradation, margin) = (whole.degradation, whole.margin)
    entries = sounds.map { whole.entries[$0] }
    sources = whole.sources.map { sources in sounds.map { sources[$0] } }
    let places = Dictionary(uniqueKeysWithValues: sounds.enumerated().map { ($0.element, $0.offset) })
    clips = whole.clips.compactMap { clip in places[clip.entry].map { ($0, clip.start) } }
    var description = description
    description.count = clips.count
    self.description = description
  }

  /// The clips of some of the sounds.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where none of the sounds is as long as a clip.
  func keeping(_ sounds: [Int], _ description: DatasetDescription) throws(DatasetError) -> SoundClips {
    let kept = SoundClips(self, sounds, description)
    guard kept.count > 0 else {
      throw .invalid(
        reason:
          "\(description.name): none of the \(sounds.count) sounds of the \(description.split.rawValue) part has the "
          + "\(length) samples of a clip; make length smaller, or hold another share out")
    }
    return kept
  }

  var count: Int { clips.count }

  func example(at index: Int) throws(DatasetError) -> Example {
    guard clips.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(clips.count)")
    }
    let entry = entries[clips[index].entry]
    let start = clips[index].start
    // The margin before a clip is a whole number of the source's samples.
    let before = degradation.map { min(margin, start / $0.factor * $0.factor) } ?? 0
    let signal: [Double]
    do throws(AudioError) {
      signal = try samples(of: entry, from: start - before, count: before + length + margin)
    } catch { throw .corruptFile(path: entry.place.path, reason: error.description) }
    func clip(_ values: [Double]) -> HostTensor {
      let found = values.dropFirst(before).prefix(length).map(Float.init)
      return HostTensor(found + [Float](repeating: 0, count: length - found.count), shape: [1, length])
    }
    var fields = [names.target: clip(signal)]
    if let source = names.source, let degradation { fields[source] = clip(degradation(signal)) }
    if let source = names.source, let given = sources?[clips[index].entry] {
      do throws(AudioError) {
        // Without a margin, because nothing is made of it.
        fields[source] = clip(try samples(of: given, from: start - before, count: before + length))
      } catch { throw .corruptFile(path: given.file.path, reason: error.description) }
    }
    return Example(fields)
  }

  var soundCount: Int { entries.count }

  func wholeSound(_ index: Int, longest: Int) throws(DatasetError) -> (
    source: HostTensor?, target: HostTensor
  ) {
    guard entries.indices.contains(index) else { throw .invalid(reason: "there is no sound \(index)") }
    let entry = entries[index]
    let signal: [Double]
    do throws(AudioError) { signal = try samples(of: entry, from: 0, count: longest) } catch {
      throw .corruptFile(path: entry.place.path, reason: error.description)
    }
    func tensor(_ values: [Double]) -> HostTensor {
      HostTensor(values.map(Float.init), shape: [1, 1, values.count])
    }
    guard let given = sources?[index] else { return (degradation.map { tensor($0(signal)) }, tensor(signal)) }
    let source: [Double]
    do throws(AudioError) { source = try samples(of: given, from: 0, count: longest) } catch {
      throw .corruptFile(path: given.file.path, reason: error.description)
    }
    let shared = min(source.count, signal.count)
    return (tensor(Array(source.prefix(shared))), tensor(Array(signal.prefix(shared))))
  }

  func title(of index: Int) -> String? {
    let entry = entries[clips[index].entry]
    return "\(entry.name) at \(tenths(Double(clips[index].start) / Double(sampleRate))) s"
  }

  private func tenths(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }

  /// Samples of a sound as mono at the model's rate; fewer at its end.
  private func samples(of entry: SoundFolder.Entry, from start: Int, count: Int) throws(AudioError)
    -> [Double]
  {
    let ratio = Double(entry.sampleRate) / Double(sampleRate)
    let first = Int((Double(start) * ratio).rounded())
    // Some more on both sides, where the resampler knows nothing of what lies beyond.
    let lead = ratio == 1 ? 0 : min(first, 64 * Int(ratio.rounded(.up)))
    let reader = try entry.place.reader()
    try reader.seek(to: min(first - lead, entry.frames))
    let wanted = Int((Double(count) * ratio).rounded(.up)) + 2 * lead + 1
    guard let window = try reader.read(frames: max(1, wanted)) else { return [] }
    let mono = try window.mono().resampled(to: sampleRate).samples
    let skipped = Int((Double(lead) / ratio).rounded())
    guard mono.allSatisfy(\.isFinite) else {
      throw .damaged(file: entry.place.path, reason: "some of its samples are NaN or infinite")
    }
    return mono.dropFirst(skipped).prefix(count).map(Double.init)
  }
}
