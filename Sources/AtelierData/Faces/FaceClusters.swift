internal import AtelierMedia

/// Faces in tracks, and tracks in identities.
struct FaceTrack {
  /// The source, by number, and the frames from the first to the last.
  var source: Int
  var first: Int
  var last: Int
  /// Where the face was last.
  var box: FaceBox
  /// The sum of the vectors of its faces.
  var sum: [Float]
  var count: Int
}

/// Follows the faces of one video from frame to frame: a face goes to the track whose box it overlaps and whose faces it is
/// like.
struct FaceTracker {
  /// Frames in which a face may be missed.
  static let patience = 15
  /// The least overlap with the box in the track's last frame.
  static let overlap = 0.2

  let source: Int
  let threshold: Double
  /// The places of this source's tracks that may go on.
  private var open: [Int] = []

  init(source: Int, threshold: Double) { (self.source, self.threshold) = (source, threshold) }

  /// The tracks of a frame's faces; new ones are appended.
  mutating func assign(
    _ faces: [FaceNetworks.Described], frame: Int, every step: Int, to tracks: inout [FaceTrack]
  ) -> [Int] {
    open.removeAll { tracks[$0].last < frame - Self.patience * step }
    var pairs: [(score: Double, face: Int, track: Int)] = []
    for (index, face) in faces.enumerated() {
      for place in open {
        let overlap = face.face.box.overlap(with: tracks[place].box)
        let likeness = cosine(face.vector, tracks[place].sum)
        if overlap >= Self.overlap, likeness >= threshold { pairs.append((overlap + likeness, index, place)) }
      }
    }
    pairs.sort { ($1.score, $0.face, $0.track) < ($0.score, $1.face, $1.track) }
    var result = [Int?](repeating: nil, count: faces.count)
    var taken: Set<Int> = []
    for pair in pairs where result[pair.face] == nil && taken.insert(pair.track).inserted {
      result[pair.face] = pair.track
    }
    return faces.enumerated().map { index, face in
      if let place = result[index] {
        tracks[place].last = frame
        tracks[place].box = face.face.box
        tracks[place].count += 1
        for number in face.vector.indices { tracks[place].sum[number] += face.vector[number] }
        return place
      }
      tracks.append(
        FaceTrack(
          source: source, first: frame, last: frame, box: face.face.box, sum: face.vector, count: 1))
      open.append(tracks.count - 1)
      return tracks.count - 1
    }
  }
}

/// Groups tracks into identities by average linkage: the mean cosine between the faces of two groups.
///
/// Two tracks of one source that overlap in time are two people.
struct FaceClusters {
  /// The number of tracks that are compared with each other at once; more are grouped in pieces first.
  static let piece = 2000

  private struct Group {
    var members: [Int]
    var sum: [Float]
    var count: Int
    /// Where its tracks are, in order.
    var spans: [Span]
  }

  private struct Span: Comparable {
    var source: Int
    var first: Int
    var last: Int

    static func < (one: Span, other: Span) -> Bool { (one.source, one.first) < (other.source, other.first) }
  }

  /// The places of the tracks of each identity, that with the most faces first.
  static func groups(of tracks: [FaceTrack], threshold: Double) -> [[Int]] {
    var groups = tracks.enumerated().map { place, track in
      Group(
        members: [place], sum: track.sum, count: track.count,
        spans: [Span(source: track.source, first: track.first, last: track.last)])
    }
    while groups.count > piece {
      let pieces = stride(from: 0, to: groups.count, by: piece).flatMap {
        merged(Array(groups[$0..<min($0 + piece, groups.count)]), threshold)
      }
      if pieces.count == groups.count { break }
      groups = pieces
    }
    return merged(groups, threshold)
      .sorted { ($1.count, $0.members[0]) < ($0.count, $1.members[0]) }
      .map { $0.members.sorted() }
  }

  /// Merges the two most alike groups again and again.
  private static func merged(_ groups: [Group], _ threshold: Double) -> [Group] {
    var groups: [Group?] = groups
    /// The best partner behind or before each group.
    func best(of place: Int) -> (likeness: Double, place: Int)? {
      guard let own = groups[place] else { return nil }
      var found: (likeness: Double, place: Int)?
      for (other, group) in groups.enumerated() where other != place {
        guard let group else { continue }
        let likeness = dot(own.sum, group.sum) / (Double(own.count) * Double(group.count))
        if likeness >= threshold, likeness > found?.likeness ?? -2, !overlap(own.spans, group.spans) {
          found = (likeness, other)
        }
      }
      return found
    }
    var partners = groups.indices.map { best(of: $0) }
    while true {
      var top: (likeness: Double, place: Int)?
      for (place, partner) in partners.enumerated() {
        if let partner, partner.likeness > top?.likeness ?? -2 { top = (partner.likeness, place) }
      }
      guard let top, let other = partners[top.place]?.place, var one = groups[top.place],
        let two = groups[other]
      else { break }
      one.members = (one.members + two.members).sorted()
      for number in one.sum.indices { one.sum[number] += two.sum[number] }
      one.count += two.count
      one.spans = (one.spans + two.spans).sorted()
      groups[top.place] = one
      groups[other] = nil
      partners[other] = nil
      for (place, partner) in partners.enumerated() where groups[place] != nil {
        if place == top.place || partner?.place == top.place || partner?.place == other {
          partners[place] = best(of: place)
        } else if let group = groups[place], !overlap(group.spans, one.spans) {
          // The merged group may be the better partner now.
          let likeness = dot(group.sum, one.sum) / (Double(group.count) * Double(one.count))
          if likeness >= threshold, likeness > partner?.likeness ?? -2 {
            partners[place] = (likeness, top.place)
          }
        }
      }
    }
    return groups.compactMap(\.self)
  }

  /// Whether two ordered lists of spans have frames of one source in common.
  private static func overlap(_ one: [Span], _ two: [Span]) -> Bool {
    var (i, j) = (0, 0)
    while i < one.count, j < two.count {
      let (a, b) = (one[i], two[j])
      if a.source == b.source, a.first <= b.last, b.first <= a.last { return true }
      if (a.source, a.last) < (b.source, b.last) { i += 1 } else { j += 1 }
    }
    return false
  }
}

/// The inner product.
func dot(_ one: [Float], _ two: [Float]) -> Double {
  var sum: Float = 0
  for index in 0..<min(one.count, two.count) { sum += one[index] * two[index] }
  return Double(sum)
}

/// The cosine between two vectors; 0 where one is 0.
func cosine(_ one: [Float], _ two: [Float]) -> Double {
  let length = (dot(one, one) * dot(two, two)).squareRoot()
  return length > 0 ? dot(one, two) / length : 0
}
