internal import AtelierMedia
public import Foundation

/// Paths of images below a folder: places in a ``FolderTree``, or strings, decoded when they are asked for.
struct FileNames: RandomAccessCollection, Sendable {
  private enum Storage: Sendable {
    case list([String])
    case places(FolderTree, below: Int, FilePieces, order: [UInt32]?)
  }

  private let storage: Storage

  /// Names that were made otherwise.
  init(_ names: [String]) { storage = .list(names) }

  /// Images of a tree by their paths from a folder of it.
  ///
  /// - Parameter order: the place in the pieces of each path; nil: as the pieces stand, where those are in order.
  init(_ tree: FolderTree, below folder: Int, _ pieces: FilePieces, order: [UInt32]? = nil) {
    guard !tree.isByteOrdered, order == nil else {
      storage = .places(tree, below: folder, pieces, order: order)
      return
    }
    let plain = FileNames(tree, below: folder, pieces, order: [])
    storage = .places(tree, below: folder, pieces, order: plain.sortedPlaces(0..<pieces.count))
  }

  var startIndex: Int { 0 }

  var endIndex: Int {
    switch storage {
    case .list(let names): names.count
    case .places(_, _, let pieces, _): pieces.count
    }
  }

  subscript(_ index: Int) -> String {
    switch storage {
    case .list(let names): return names[index]
    case .places(_, _, _, let order?) where !order.isEmpty: return name(Int(order[index]))
    case .places: return name(index)
    }
  }

  /// The path at a place in the pieces.
  private func name(_ place: Int) -> String {
    guard case .places(let tree, let top, let pieces, _) = storage else { return self[place] }
    let (folder, entry) = pieces[place]
    let name = tree.name(entry, in: folder)
    return folder == top ? name : tree.path(of: folder, below: top) + name
  }

  /// Places in the order of their paths as strings, which is not that of bytes where Unicode writes a character in
  /// several ways.
  func sortedPlaces(_ places: Range<Int>) -> [UInt32] {
    places.map { UInt32($0) }.sorted { name(Int($0)) < name(Int($1)) }
  }

  /// The tree that they are places of; nil for strings.
  var tree: FolderTree? {
    if case .places(let tree, _, _, _) = storage { tree } else { nil }
  }

  /// Whether images of a format that may hold any numbers are in the folders; nil where names have to be looked at.
  var holdTIFF: Bool? {
    guard case .places(let tree, _, let pieces, _) = storage else { return nil }
    return pieces.pieces.contains { tree.folders[Int($0.folder)].tiffs > 0 }
  }
}

extension ImageFiles: Equatable {
  /// Whether the files are the same ones in the same order.
  public static func == (one: ImageFiles, other: ImageFiles) -> Bool { one.elementsEqual(other) }
}

/// Image files in the order of the examples: places below a folder, or URLs, made when they are asked for.
public struct ImageFiles: RandomAccessCollection, Sendable {
  private enum Storage: Sendable {
    case urls([URL])
    case names(FileNames, below: URL)
  }

  private let storage: Storage
  /// The places of those that count; nil: all.
  private let chosen: [UInt32]?

  private init(_ storage: Storage, _ chosen: [UInt32]? = nil) {
    (self.storage, self.chosen) = (storage, chosen)
  }

  /// Files one by one.
  public init(_ files: [URL]) { self.init(.urls(files)) }

  /// Files below a folder.
  init(_ names: FileNames, below root: URL) { self.init(.names(names, below: root)) }

  /// The first place.
  public var startIndex: Int { 0 }

  /// The number of files.
  public var endIndex: Int {
    if let chosen { return chosen.count }
    switch storage {
    case .urls(let files): return files.count
    case .names(let names, _): return names.count
    }
  }

  /// The file at a place.
  public subscript(_ index: Int) -> URL {
    let place = chosen.map { Int($0[index]) } ?? index
    switch storage {
    case .urls(let files): return files[place]
    case .names(let names, let root): return root.appending(path: names[place], directoryHint: .notDirectory)
    }
  }

  /// The files at some places of these.
  func choosing(_ places: some Sequence<Int>) -> ImageFiles {
    ImageFiles(storage, places.map { place in chosen.map { $0[place] } ?? UInt32(place) })
  }

  /// What is kept beside the index of their folder; nil where they have none.
  var facts: FolderFacts? {
    guard case .names(let names, _) = storage, let facts = names.tree?.facts, facts.areKept else {
      return nil
    }
    return facts
  }
}
