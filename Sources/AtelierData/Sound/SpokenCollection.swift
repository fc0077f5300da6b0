internal import AtelierMedia
internal import Foundation

/// Utterances of several speakers, which measures take whole.
public protocol SpokenCollection: Dataset {
  /// The number of the speaker of an utterance, an index into the description's class names.
  func speaker(of index: Int) -> Int
  /// What an utterance is called among its speaker's: its path without the speaker's folder and without ending. Speakers
  /// who say the same have utterances of one name.
  func prompt(of index: Int) -> String
  /// The mono samples of an utterance at a rate.
  ///
  /// - Throws: ``DatasetError/corruptFile(path:reason:)`` for a file that cannot be decoded any more.
  func samples(of index: Int, at rate: Int) throws(DatasetError) -> [Float]
}

extension VoiceSet: SpokenCollection {
  func speaker(of index: Int) -> Int { utterances[index].speaker }

  func prompt(of index: Int) -> String {
    let parts = utterances[index].entry.name.split(separator: "/")
    let name = parts.dropFirst(parts.count > 1 ? 1 : 0).joined(separator: "/")
    return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
  }

  func samples(of index: Int, at rate: Int) throws(DatasetError) -> [Float] {
    let place = utterances[index].entry.place
    do throws(AudioError) { return try VoiceFolder.samples(of: place, at: rate) } catch {
      throw .corruptFile(path: place.path, reason: error.description)
    }
  }
}
