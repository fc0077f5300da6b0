internal import AtelierMedia
public import Foundation

/// What the images of a folder or table are, by a few of them.
public struct ImageShapes: Sendable, Hashable {
  /// What images of one kind are.
  public struct Shape: Sendable, Hashable {
    /// Channels without alpha, the most of any image.
    public let channels: Int
    /// The median of the shorter sides.
    public let side: Int
  }

  /// Images, or the targets of pairs.
  public let images: Shape?
  /// The sources of pairs.
  public let sources: Shape?

  /// Looks at some images below a folder; nothing is known of other data.
  ///
  /// - Parameter isSideBySide: whether a file holds two images.
  public init(at path: URL, isSideBySide: Bool = false) {
    self = ImageFolders.opening(path) { Self(in: path) }
  }

  private init(in path: URL) {
    if let shards = Self.shards(at: path) {
      (images, sources) = (shards, nil)
      return
    }
    if let folders = PairFolders.find(at: path) {
      images = Self.shape(of: folders.files(.target, of: .train).sorted { $0.key < $1.key }.map(\.value))
      sources = Self.shape(of: folders.files(.source, of: .train).sorted { $0.key < $1.key }.map(\.value))
      return
    }
    sources = nil
    let root = ImageFolders.isDivided(path) ? ImageFolders.folder(of: .train, in: path) ?? path : path
    let place = ImageFolders.isFolder(root) ? root : root.deletingLastPathComponent()
    images = Self.shape(of: ImageFiles(ImageFolders.pictures(below: place), below: place))
  }

  /// What a dozen images of the first shard are; nil where there are no shards, or none that can be read.
  private static func shards(at path: URL) -> Shape? {
    if let piped = (try? PipedShards(at: path)) ?? nil, let command = piped.commands.first {
      // The first ones, so that no shard is read to its end.
      guard let stream = try? ShardStream(command) else { return nil }
      return shape(of: Array(0..<12)) { _ in
        ((try? stream.next()) ?? nil).flatMap { try? ImageCodec().decode($0.image, named: $0.name) }
      }
    }
    guard let found = (try? ShardFiles(at: path)) ?? nil, let first = found.parts[.train]?.first,
      let index = try? ShardIndex.open(first).index
    else { return nil }
    let images = index.samples.compactMap(\.image)
    return shape(of: images) { member in
      try? TaggedImageSet.Picture(file: first, sentences: [], member: member).image(by: ImageCodec())
    }
  }

  /// What a dozen of the files are, evenly chosen; those that cannot be read are left to whoever reads all.
  private static func shape<Files: RandomAccessCollection<URL>>(of files: Files) -> Shape?
  where Files.Index == Int {
    shape(of: files) { try? ImageCodec().decode($0) }
  }

  private static func shape<Places: RandomAccessCollection>(
    of files: Places, _ image: (Places.Element) -> Image?
  ) -> Shape? where Places.Index == Int {
    let wanted = 12
    let step = max(1, files.count / wanted)
    var channels = 0
    var sides: [Int] = []
    for file in stride(from: 0, to: files.count, by: step).prefix(wanted).map({ files[$0] }) {
      guard let image = image(file) else { continue }
      channels = max(channels, image.channels - (image.hasAlpha ? 1 : 0))
      sides.append(min(image.width, image.height))
    }
    guard !sides.isEmpty else { return nil }
    return Shape(channels: channels, side: sides.sorted()[sides.count / 2])
  }
}
