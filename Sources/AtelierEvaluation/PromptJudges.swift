import AtelierData
import Torch

/// Classifiers of what is said, for held-out prompts that several speakers say: each learns from the real utterances of some of the
/// voices and judges utterances that come from the others, converted or not.
///
/// A conversion keeps the timing of the utterance that it was made of, so that a classifier that had heard this utterance could
/// tell it by its pauses; this one knows how others say it.
struct PromptJudges {
  /// The most prompts.
  static let mostPrompts = 100
  /// The most classifiers; more voices are left out several at once.
  private static let mostFolds = 4

  /// A classifier and the prompts that it has heard.
  private struct Judge {
    let classifier: UtteranceClassifier
    let heard: Set<Int>
  }

  /// How many parts the voices are in.
  let folds: Int
  private let prompts: [String: Int]
  private let foldOfSpeaker: [Int: Int]
  private let judges: [Judge?]

  /// The prompts that two speakers or more say, at most ``mostPrompts``.
  ///
  /// - Parameter first: utterances whose prompts come before others.
  static func shared(_ heldOut: any SpokenCollection, first: [Int]) -> [String] {
    var speakers: [String: Set<Int>] = [:]
    for index in 0..<heldOut.count {
      speakers[heldOut.prompt(of: index), default: []].insert(heldOut.speaker(of: index))
    }
    var (found, seen) = ([String](), Set<String>())
    for index in first + Array(0..<heldOut.count) {
      let prompt = heldOut.prompt(of: index)
      if speakers[prompt, default: []].count > 1, seen.insert(prompt).inserted { found.append(prompt) }
    }
    return Array(found.prefix(mostPrompts))
  }

  /// Trains on real utterances of these prompts, with each part of the voices left out in turn.
  init(_ names: [String], _ material: VoiceMaterial, steps: Int) throws {
    let heldOut = material.heldOut
    let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let known = (0..<heldOut.count).compactMap { index in
      numbers[heldOut.prompt(of: index)].map {
        (index: index, prompt: $0, speaker: heldOut.speaker(of: index))
      }
    }
    let voices = Set(known.map(\.speaker)).sorted()
    let folds = min(Self.mostFolds, voices.count)
    let foldOfSpeaker = Dictionary(
      uniqueKeysWithValues: voices.enumerated().map { ($1, $0 % folds) })
    judges = try (0..<folds).map { fold in
      let examples = try known.filter { foldOfSpeaker[$0.speaker] != fold }.map {
        UtteranceClassifier.Example(
          mel: material.logarithms(try material.mel(of: $0.index)), label: $0.prompt)
      }
      return UtteranceClassifier(
        examples, classes: names.count, by: .prompt, steps: steps, seed: material.seed
      ).map { Judge(classifier: $0, heard: Set(examples.map(\.label))) }
    }
    (prompts, self.folds, self.foldOfSpeaker) = (numbers, folds, foldOfSpeaker)
  }

  /// The mean share of wrong answers of one who guesses.
  var chance: Double {
    let shares = judges.compactMap { $0 }.map { 1 - 1 / Double($0.heard.count) }
    return shares.reduce(0, +) / Double(max(1, shares.count))
  }

  /// 1 where the held-out utterance's words are not heard in a spectrogram that was made of it, 0 where they are; nil where they
  /// are of no known prompt.
  func error(_ mel: Tensor, of index: Int, _ material: VoiceMaterial) -> Double? {
    guard let prompt = prompts[material.heldOut.prompt(of: index)],
      let fold = foldOfSpeaker[material.heldOut.speaker(of: index)],
      let judge = judges[fold], judge.heard.contains(prompt)
    else { return nil }
    return judge.classifier.label(of: material.logarithms(mel)) == prompt ? 0 : 1
  }

  /// The errors on all real utterances, each judged by the classifier that did not hear its voice.
  func errorsOfReal(_ material: VoiceMaterial) throws -> [Double] {
    try (0..<material.heldOut.count).compactMap { index in
      prompts[material.heldOut.prompt(of: index)] == nil
        ? nil : error(try material.mel(of: index), of: index, material)
    }
  }
}
