internal import Foundation

/// The key points of a body in a picture, as OpenPose and COCO's annotations name them.
public struct BodyPose: Sendable, Hashable {
  /// A key point in pixels; a confidence of 0 is one that was not found.
  public struct Point: Sendable, Hashable {
    /// From the left.
    public var x: Double
    /// From the top.
    public var y: Double
    /// How sure it is, 0 … 1.
    public var confidence: Double

    /// A point.
    public init(_ x: Double, _ y: Double, confidence: Double = 1) {
      (self.x, self.y, self.confidence) = (x, y, confidence)
    }

    /// Whether it was found.
    public var isFound: Bool { confidence > 0 }
  }

  /// Which points there are.
  public enum Form: Sendable, Hashable, CaseIterable {
    /// OpenPose's 18 points of COCO's.
    case coco
    /// OpenPose's 25 points, feet among them.
    case body25

    /// How many points there are.
    public var count: Int { self == .coco ? 18 : 25 }

    /// The points that limbs join.
    var limbs: [(Int, Int)] {
      switch self {
      case .coco:
        [
          (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12),
          (12, 13),
          (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
        ]
      case .body25:
        [
          (1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11), (8, 12),
          (12, 13),
          (13, 14), (1, 0), (0, 15), (15, 17), (0, 16), (16, 18), (14, 19), (19, 20), (14, 21), (11, 22),
          (22, 23), (11, 24),
        ]
      }
    }

    /// Nose, both ears and both ankles.
    fileprivate var marks: (nose: Int, ears: (Int, Int), ankles: (Int, Int)) {
      self == .coco ? (0, (16, 17), (10, 13)) : (0, (17, 18), (11, 14))
    }
  }

  /// Which points there are.
  public var form: Form
  /// The body's.
  public var body: [Point]
  /// Those of the face, 70 or none.
  public var face: [Point]
  /// Those of the hands, 21 or none each.
  public var hands: [[Point]]

  /// A pose; fewer or more points than the form has are an engine error of the caller.
  public init(_ form: Form, body: [Point], face: [Point] = [], hands: [[Point]] = []) {
    (self.form, self.body, self.face, self.hands) = (form, body, face, hands)
  }

  // MARK: Files

  /// The people of a file that OpenPose writes (`people`, each with `pose_keypoints_2d` of 18 or 25 points), of COCO's
  /// `annotations` (each with `keypoints` of 17), or one person's `keypoints`, COCO's 17 or OpenPose's 18 or 25, as
  /// `[x, y, confidence, …]` or `[[x, y, confidence], …]`.
  ///
  /// - Parameter source: what errors name.
  /// - Throws: ``DatasetError/corruptFile(path:reason:)`` for anything else.
  public static func people(in bytes: [UInt8], from source: String) throws(DatasetError) -> [BodyPose] {
    let file: File
    do { file = try JSONDecoder().decode(File.self, from: Data(bytes)) } catch {
      throw .corruptFile(path: source, reason: "it is no JSON with 'people', 'annotations' or 'keypoints'")
    }
    if let people = file.people {
      var poses: [BodyPose] = []
      for person in people {
        let body = try points(person.pose ?? person.oldPose ?? [], source)
        guard let form = Form.allCases.first(where: { $0.count == body.count }) else {
          throw .corruptFile(
            path: source, reason: "a person has \(body.count) key points, and 18 and 25 are known")
        }
        poses.append(
          BodyPose(
            form, body: body, face: try points(person.face ?? [], source),
            hands: [
              try points(person.leftHand ?? [], source),
              try points(person.rightHand ?? [], source),
            ]))
      }
      return poses
    }
    if let keypoints = file.keypoints {
      let given = try points(keypoints.numbers, source)
      if given.count == 17 { return [BodyPose(coco: given)] }
      guard let form = Form.allCases.first(where: { $0.count == given.count }) else {
        throw .corruptFile(
          path: source, reason: "a person has \(given.count) key points, and 17, 18 and 25 are known")
      }
      return [BodyPose(form, body: given)]
    }
    guard let annotations = file.annotations else {
      throw .corruptFile(path: source, reason: "it has none of 'people', 'annotations' and 'keypoints'")
    }
    var poses: [BodyPose] = []
    for annotation in annotations {
      let given = try points(annotation.keypoints ?? [], source)
      guard given.count == 17 else {
        throw .corruptFile(path: source, reason: "an annotation has \(given.count) key points, not COCO's 17")
      }
      poses.append(BodyPose(coco: given))
    }
    return poses
  }

  /// OpenPose's points of COCO's, which have no neck.
  private init(coco given: [Point]) {
    let (left, right) = (given[5], given[6])
    let neck =
      left.isFound && right.isFound
      ? Point(
        (left.x + right.x) / 2, (left.y + right.y) / 2, confidence: min(left.confidence, right.confidence))
      : Point(0, 0, confidence: 0)
    let order = [0, nil, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
    self.init(.coco, body: order.map { $0.map { given[$0] } ?? neck })
  }

  private struct File: Decodable {
    var people: [Person]?
    var annotations: [Annotation]?
    var keypoints: Keypoints?
  }

  /// A list of points, flat or a list each.
  private struct Keypoints: Decodable {
    let numbers: [Double]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let flat = try? container.decode([Double].self) {
        numbers = flat
      } else {
        // A point without a confidence was found.
        numbers = try container.decode([[Double]].self).flatMap { $0.count == 2 ? $0 + [1] : $0 }
      }
    }
  }

  private struct Person: Decodable {
    var pose: [Double]?
    var oldPose: [Double]?
    var face: [Double]?
    var leftHand: [Double]?
    var rightHand: [Double]?

    enum CodingKeys: String, CodingKey {
      case pose = "pose_keypoints_2d"
      case oldPose = "pose_keypoints"
      case face = "face_keypoints_2d"
      case leftHand = "hand_left_keypoints_2d"
      case rightHand = "hand_right_keypoints_2d"
    }
  }

  private struct Annotation: Decodable { var keypoints: [Double]? }

  private static func points(_ numbers: [Double], _ source: String) throws(DatasetError) -> [Point] {
    guard numbers.count % 3 == 0, numbers.count <= 3000, numbers.allSatisfy({ abs($0) < 1e6 }) else {
      throw .corruptFile(
        path: source, reason: "its key points are not groups of x, y and confidence in pixels")
    }
    return stride(from: 0, to: numbers.count, by: 3).map {
      Point(numbers[$0], numbers[$0 + 1], confidence: max(0, numbers[$0 + 2]))
    }
  }

  // MARK: What a pose tells

  /// How sure all points are together: of several people the one with most is meant.
  public var confidence: Double { body.reduce(0) { $0 + $1.confidence } }

  /// From the head, the nose or the middle of both ears, to the middle of the ankles, and the lower ankle's row; nil where
  /// one of them was not found.
  var stature: (height: Double, ankle: Double)? {
    let marks = form.marks
    let (right, left) = (body[marks.ankles.0], body[marks.ankles.1])
    var head = body[marks.nose]
    if !head.isFound {
      let ears = (body[marks.ears.0], body[marks.ears.1])
      guard ears.0.isFound, ears.1.isFound else { return nil }
      head = Point((ears.0.x + ears.1.x) / 2, (ears.0.y + ears.1.y) / 2)
    }
    guard right.isFound, left.isFound else { return nil }
    let (dx, dy) = (head.x - (right.x + left.x) / 2, head.y - (right.y + left.y) / 2)
    return ((dx * dx + dy * dy).squareRoot(), max(right.y, left.y))
  }

  /// The pose with every point that was found moved.
  func moved(_ change: (Point) -> Point) -> BodyPose {
    func each(_ points: [Point]) -> [Point] { points.map { $0.isFound ? change($0) : $0 } }
    return BodyPose(form, body: each(body), face: each(face), hands: hands.map(each))
  }
}

/// How the poses of one person are brought to another's body and place: the lower ankle's row says how far away somebody
/// stands, and with it how large he is in each picture.
///
/// Source: Chan et al. 2019, section 4 and appendix; carolineec/EverybodyDanceNow `data_prep/graph_posenorm.py`.
public struct PoseNormalization: Sendable, Hashable {
  /// The rows of the lower ankle nearest to the camera and farthest away.
  struct Ground: Sendable, Hashable {
    var near: Double
    var far: Double
  }

  let source: Ground
  let target: Ground
  /// How much taller the target is, near and far.
  let scales: (near: Double, far: Double)

  /// Equal numbers.
  public static func == (one: PoseNormalization, other: PoseNormalization) -> Bool {
    one.source == other.source && one.target == other.target && one.scales == other.scales
  }

  /// Hashes them.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(source)
    hasher.combine(target)
  }

  /// Measures two people.
  ///
  /// - Parameters:
  ///   - poses: those that are to be moved.
  ///   - example: those of the person whom they are to become.
  ///   - share: of the way from the median to the lowest ankle, how far above the median the far end may lie.
  /// - Throws: ``DatasetError/invalid(reason:)`` where no pose of a person shows head and ankles.
  public init(
    of poses: [BodyPose], to example: [BodyPose], share: Double = 0.5
  ) throws(DatasetError) {
    let (own, wanted) = (poses.compactMap(\.stature), example.compactMap(\.stature))
    for (statures, who) in [(own, "the poses to normalise"), (wanted, "the poses to come to")]
    where statures.isEmpty {
      throw .invalid(reason: "none of \(who) shows a head and both ankles; leave the normalisation out")
    }
    let source = Self.ground(own.map(\.ankle), share)
    var target = Self.ground(wanted.map(\.ankle), share)
    let range = source.near - source.far
    if range < target.near - target.far {
      // Somebody who hardly moves stays in the middle.
      let middle = (target.near + target.far) / 2
      target = Ground(near: middle + range / 2, far: middle - range / 2)
    }
    let (large, small) = (Self.heights(wanted, target), Self.heights(own, source))
    self.source = source
    self.target = target
    scales = (large.near / small.near, large.far / small.far)
  }

  private static func ground(_ ankles: [Double], _ share: Double) -> Ground {
    let sorted = ankles.sorted()
    let middle = sorted.count / 2
    let median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    let near = sorted[sorted.count - 1]
    // The farthest that lies above the median by less than a share of the way down from it.
    let far = sorted.first { $0 < median && median - $0 < share * (near - median) } ?? median
    return Ground(near: near, far: far)
  }

  /// The greatest heights at both ends; where nobody stands there, or somebody stands upright elsewhere only, that of all.
  private static func heights(
    _ statures: [(height: Double, ankle: Double)], _ ground: Ground
  ) -> (near: Double, far: Double) {
    let reach = 0.05 * (ground.near - ground.far)
    func greatest(_ row: Double) -> Double? {
      statures.filter { abs($0.ankle - row) <= reach }.map(\.height).max()
    }
    let all = max(statures.map(\.height).max() ?? 1, 1e-6)
    let near = greatest(ground.near) ?? all
    return (all - near > 0.1 * all ? all : near, max(greatest(ground.far) ?? near, 1e-6))
  }

  /// The poses of a video in the body and at the place of the other person.
  ///
  /// A pose without head or ankles is moved as the one before it.
  ///
  /// Poses are made larger or smaller around the lower ankle, which comes to its row, and the middle column.
  ///
  /// - Parameter width: of the pictures that the poses are of.
  public func callAsFunction(_ poses: [BodyPose], width: Double) -> [BodyPose] {
    guard var ankle = poses.lazy.compactMap(\.stature).first?.ankle else { return poses }
    return poses.map { pose in
      if let own = pose.stature?.ankle { ankle = own }
      let (row, scale) = change(at: ankle)
      return pose.moved {
        BodyPose.Point(
          ($0.x - width / 2) * scale + width / 2, ($0.y - ankle) * scale + row, confidence: $0.confidence)
      }
    }
  }

  /// What becomes of somebody whose lower ankle is in a row.
  private func change(at ankle: Double) -> (row: Double, scale: Double) {
    let range = source.near - source.far
    let place = range > 0 ? (ankle - source.far) / range : 1
    let row = target.far + place * (target.near - target.far)
    return (row, max(0.01, scales.far + place * (scales.near - scales.far)))
  }
}

extension [BodyPose] {
  /// Each point's median over the frames around it of those that found it; a point that most of them did not find is not
  /// there.
  ///
  /// Source: carolineec/EverybodyDanceNow `data_prep/renderopenpose.py` `getmedians_adapt`.
  ///
  /// - Parameter window: how many frames, an odd number.
  public func smoothed(window: Int = 7) -> [BodyPose] {
    func median(_ values: [Double]) -> Double {
      let sorted = values.sorted()
      let middle = sorted.count / 2
      return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
    return indices.map { index in
      let around = self[Swift.max(0, index - window / 2)..<Swift.min(count, index + window / 2 + 1)]
        .filter { $0.form == self[index].form }
      func each(_ part: (BodyPose) -> [BodyPose.Point]) -> [BodyPose.Point] {
        let lists = around.map(part).filter { $0.count == part(self[index]).count }
        return part(self[index]).indices.map { place in
          let found = lists.map { $0[place] }.filter(\.isFound)
          guard 2 * found.count > lists.count else { return BodyPose.Point(0, 0, confidence: 0) }
          return BodyPose.Point(
            median(found.map(\.x)), median(found.map(\.y)), confidence: median(found.map(\.confidence)))
        }
      }
      var pose = self[index]
      pose.body = each(\.body)
      pose.face = each(\.face)
      pose.hands = self[index].hands.indices.map { hand in
        each { $0.hands.indices.contains(hand) ? $0.hands[hand] : [] }
      }
      return pose
    }
  }
}
