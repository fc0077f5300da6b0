internal import AtelierMedia
internal import Foundation

/// The videos and images of a place.
struct FaceSources {
  struct Source {
    /// Relative to the place.
    var name: String
    var url: URL
    var kind: Kind
    /// What its crops' names begin with, like no other's.
    var stem: String
  }

  enum Kind { case video, frames, image }

  private(set) var all: [Source] = []

  init(_ place: URL, areFrames: Bool) throws(DatasetError) {
    guard FileManager.default.fileExists(atPath: place.path) else { throw .notFound(path: place.path) }
    let videos = MediaFiles.endings(.videos)
    var found: [(name: String, url: URL, kind: Kind)] = []
    if ImageFolders.isFolder(place) {
      try ImageFolders.requireListable(place)
      found += MediaFiles.names(.videos, below: place).map {
        (name: $0, url: place.appendingPathComponent($0), kind: Kind.video)
      }
      let images = ImageFolders.pictures(below: place)
      if areFrames {
        let folders = Set(images.map { ($0 as NSString).deletingLastPathComponent }).sorted()
        found += folders.map {
          (
            name: $0.isEmpty ? place.lastPathComponent : $0, url: place.appendingPathComponent($0),
            kind: Kind.frames
          )
        }
      } else {
        found += images.map { (name: $0, url: place.appendingPathComponent($0), kind: Kind.image) }
      }
    } else {
      let name = place.lastPathComponent
      let isVideo = videos.contains(place.pathExtension.lowercased())
      guard isVideo || ImageFolders.isImage(name) else {
        throw .unusable(
          path: place.path,
          reason:
            "it is neither a video (\(videos.sorted().joined(separator: ", "))) nor an image nor a folder of them"
        )
      }
      found.append((name: name, url: place, kind: isVideo ? Kind.video : Kind.image))
    }
    guard !found.isEmpty else {
      throw .unknownLayout(
        path: place.path, lookedFor: ["videos (\(videos.sorted().joined(separator: ", ")))", "images"])
    }
    var used: Set<String> = []
    for (name, url, kind) in found {
      let path = kind == .frames ? name : (name as NSString).deletingPathExtension
      var stem = String(path.replacingOccurrences(of: "/", with: "-").drop { $0 == "." })
      if stem.isEmpty { stem = "face" }
      var number = 1
      while !used.insert(number == 1 ? stem : "\(stem)-\(number)").inserted { number += 1 }
      all.append(Source(name: name, url: url, kind: kind, stem: number == 1 ? stem : "\(stem)-\(number)"))
    }
  }
}

/// A sheet of faces, a row for each identity.
struct ContactSheet {
  /// Faces a row, rows, and the side of each face in pixels.
  static let (columns, rows, side) = (8, 40, 96)

  let totals: [String: Int]
  private var chosen: [String: [String]] = [:]

  init(totals: [String: Int]) { self.totals = totals }

  /// Takes a face where it is one of those that are evenly spread over its identity.
  mutating func see(_ file: String, of name: String, _ place: Int) {
    let total = totals[name, default: 0]
    let next = chosen[name, default: []].count
    guard next < Self.columns, total > 0, place == next * total / min(Self.columns, total) else { return }
    chosen[name, default: []].append(file)
  }

  func image(in folder: StagedFolder) throws(ImageError) -> Image {
    let names = Array(totals.keys.sorted().prefix(Self.rows))
    let blank = Image(width: Self.side, height: Self.side, filledWith: [255, 255, 255])
    var cells: [Image] = []
    for name in names {
      let files = chosen[name, default: []]
      for file in files {
        cells.append(try ImageCodec().decode(folder.url(file)).resized(width: Self.side, height: Self.side))
      }
      cells += Array(repeating: blank, count: Self.columns - files.count)
    }
    return try ImageGrid(
      columns: Self.columns, scale: 1, rowTitles: names.map { "\($0): \(totals[$0, default: 0])" }
    ).render(cells)
  }
}
