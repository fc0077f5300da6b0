internal import AtelierMedia
public import Foundation
public import Torch

/// Videos that were made of the same sources as others, by their names: a file each, or a folder of numbered images.
public struct MadeVideos: Sendable {
  private let place: URL
  private let sequences: [String: VideoFolder.Sequence]

  /// The videos of a folder. For one video alone the folder may hold its images themselves, or one file of any name.
  ///
  /// - Throws: ``DatasetError/notFound(path:)`` where there is no such folder, and ``DatasetError/unusable(path:reason:)`` that
  ///   names the first of the videos that is missing.
  public init(in folder: URL, of names: [String]) throws(DatasetError) {
    guard ImageFolders.isFolder(folder) else { throw .notFound(path: folder.path) }
    let found = VideoFolder.sequences(in: folder)
    let named = Dictionary(found.map { ($0.name, $0) }) { first, _ in first }
    place = folder
    if names.count == 1, found.count == 1, named[names[0]] == nil {
      sequences = [names[0]: found[0]]
      return
    }
    if let missing = names.first(where: { named[$0] == nil }) {
      throw .unusable(
        path: folder.path,
        reason:
          "it has no video \(missing); name a file, or a folder of numbered images, after each held-out video"
      )
    }
    sequences = named
  }

  /// The first frames of a video, bytes `[count, channels, height, width]`.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` where it has fewer, and what ``StoredFrames`` throws for frames that
  ///   cannot be read.
  public func frames(
    of name: String, count: Int, _ preparation: ImagePreparation
  ) throws(DatasetError) -> HostTensor {
    guard let sequence = sequences[name] else {
      throw .unusable(path: place.path, reason: "it has no video \(name)")
    }
    let stored = try StoredFrames(sequence, .images(preparation))
    guard stored.count >= count else {
      throw .unusable(
        path: place.path,
        reason: "its video \(name) has \(stored.count) frames, and \(count) are compared; make all of them")
    }
    return HostTensor(
      shape: [count] + preparation.shape, dtype: .uint8, bytes: stored.frames(Array(0..<count)))
  }
}
