/// The kind of data, which decides which systems suit it.
public enum DataKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// Plain text.
  case text
  /// Images of one size without labels.
  case images
  /// Images with labels.
  case labelledImages
  /// Images of many sizes, to be cropped rather than resized.
  case photographs
  /// Aligned pairs of images.
  case imagePairs
  /// Label maps with the images that belong to them.
  case labelMaps
  /// Two sets of images without correspondence.
  case unpairedImages
  /// Images with captions or tags.
  case captionedImages
  /// Sentences with their translations.
  case sentencePairs
  /// Sounds.
  case sounds
  /// Sounds of several speakers, a folder each.
  case voices
  /// Texts with other fields beside them.
  case documents
  /// Texts with a class each.
  case labelledText
  /// Videos.
  case videos
  /// Videos with label maps of their frames beside them.
  case labelledVideos
  /// Videos with pictures of poses beside them.
  case posedVideos
  /// Videos with tables of actions beside them.
  case playedVideos
  /// Faces with a table of boxes and five landmarks beside them.
  case faces
  /// Faces of several people, with 68 landmarks in the table.
  case landmarkedFaces
}
