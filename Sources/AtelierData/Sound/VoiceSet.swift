internal import Foundation
public import Torch

/// Utterances of several speakers as spectrograms, held in memory: random crops of one length, or whole.
struct VoiceSet: Dataset {
  let description: DatasetDescription
  /// The names of the values in examples.
  let names: (utterance: String, speaker: String)
  let serving: Voices.Serving
  /// Frames of a crop.
  let frames: Int
  let utterances: [VoiceFolder.Utterance]
  private let statistics: BandStatistics?

  init(
    _ utterances: [VoiceFolder.Utterance], _ description: DatasetDescription,
    names: (utterance: String, speaker: String),
    serving: Voices.Serving, frames: Int, statistics: BandStatistics?
  ) {
    (self.utterances, self.description, self.names) = (utterances, description, names)
    (self.serving, self.frames, self.statistics) = (serving, frames, statistics)
  }

  /// Some of the utterances.
  func keeping(_ indices: [Int], _ description: DatasetDescription) -> VoiceSet {
    VoiceSet(
      indices.map { utterances[$0] }, description, names: names, serving: serving, frames: frames,
      statistics: statistics)
  }

  var count: Int { utterances.count }
  var isInMemory: Bool { true }
  var isRandom: Bool { isCropped && description.split == .train }

  private var isCropped: Bool {
    switch serving {
    case .crops, .groups: true
    case .rounds: false
    }
  }

  /// The speaker of each utterance.
  var labels: [Int] { utterances.map(\.speaker) }

  func title(of index: Int) -> String? { utterances[index].entry.name }

  func example(at index: Int) throws(DatasetError) -> Example { try served(index) { _ in 0 } }

  func example(at index: Int, using generator: inout SeededGenerator) throws(DatasetError) -> Example {
    try served(index) { generator.integer(below: $0) }
  }

  /// - Parameter choose: a number from 0 and below the given one.
  private func served(_ index: Int, _ choose: (Int) -> Int) throws(DatasetError) -> Example {
    guard utterances.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(utterances.count)")
    }
    let utterance = utterances[index]
    let whole = statistics.map { utterance.spectrogram.standardised($0) } ?? utterance.spectrogram
    let shown =
      isCropped
      ? whole.crop(from: whole.frames > frames ? choose(whole.frames - frames + 1) : 0, count: frames) : whole
    return Example([names.utterance: shown.tensor, names.speaker: HostTensor([utterance.speaker], shape: [])])
  }

  /// Whole utterances are repeated to the length of the longest, and to a multiple of what networks take.
  func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try collate(examples, atLeast: [:])
  }

  /// Those of the whole batch count as well.
  func collate(
    _ examples: [Example], atLeast lengths: [String: Int]
  ) throws(DatasetError) -> [String: HostTensor] {
    guard case .rounds(let multiple) = serving else { return try Example.stacked(examples) }
    let own = examples.lazy.compactMap { $0[names.utterance]?.shape[1] }.max() ?? 0
    let longest = max(own, lengths[names.utterance] ?? 0)
    let frames = (longest + multiple - 1) / multiple * multiple
    return try Example.stacked(
      examples.map { example in
        var example = example
        example.fields[names.utterance] = example[names.utterance].map {
          Spectrogram($0).tiled(to: frames).tensor
        }
        return example
      })
  }

  /// The frames of a whole utterance.
  func lengths(of index: Int) -> [String: Int] {
    isCropped ? [:] : [names.utterance: utterances[index].spectrogram.frames]
  }

  /// Speakers equally often, however many utterances each has. Crops: as many as there are utterances, in rounds of all
  /// speakers in random order, one or several of each. Whole utterances: a batch of each speaker in turn, in the order of their labels, until one
  /// of them has no further batch.
  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    var own = [[Int]](repeating: [], count: description.classNames.count)
    for (index, utterance) in utterances.enumerated() { own[utterance.speaker].append(index) }
    own.removeAll(where: \.isEmpty)
    guard case .rounds = serving else {
      let size = max(batchSize, utterances.count / batchSize * batchSize)
      var chosen: [Int] = []
      while chosen.count < size {
        for speaker in generator.permutation(own.count) {
          let members = own[speaker]
          if case .groups(let count) = serving {
            chosen += generator.permutation(members.count).prefix(count).map { members[$0] }
          } else {
            chosen.append(members[generator.integer(below: members.count)])
          }
        }
      }
      return stride(from: 0, to: size, by: batchSize).map { Array(chosen[$0..<($0 + batchSize)]) }
    }
    let fewest = own.map(\.count).min() ?? 0
    let size = min(batchSize, fewest)
    guard size > 0 else { return [] }
    let orders = own.map { members in generator.permutation(members.count).map { members[$0] } }
    return (0..<(fewest / size)).flatMap { round in
      orders.map { Array($0[(round * size)..<((round + 1) * size)]) }
    }
  }
}
