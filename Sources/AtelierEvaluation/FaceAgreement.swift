package import AtelierMedia
import AtelierMetrics

/// How changed faces lie beside given ones, as one detector sees both: whether a face is still found at each place, and the
/// landmark error of those that are.
package struct FaceAgreement {
  /// Of each given face 1 where a face is found that overlaps it by 0.3 or more, else 0.
  package private(set) var found: [Double] = []
  /// The normalised mean errors of the five landmarks, of the faces that are found.
  package private(set) var errors: [Double] = []
  /// How many faces an error could be taken of.
  package private(set) var comparedFaces = 0

  /// Of no faces yet.
  package init() {}

  /// Adds what became of one face.
  ///
  /// - Parameters:
  ///   - face: what is found in the changed image; nil where there is none.
  ///   - given: what is found in the image that it is compared with.
  package mutating func add(_ face: Face?, beside given: Face) {
    guard let face, face.box.overlap(with: given.box) >= 0.3 else {
      found.append(0)
      return
    }
    found.append(1)
    guard let error = face.landmarks.normalizedMeanError(from: given.landmarks) else { return }
    errors.append(error)
    comparedFaces += 1
  }

  /// The means of several clips, whose frames are alike; clips without a face are left out.
  package init(meansOf clips: [FaceAgreement]) {
    found = clips.filter { !$0.found.isEmpty }.map { Self.mean($0.found) }
    errors = clips.filter { !$0.errors.isEmpty }.map { Self.mean($0.errors) }
    comparedFaces = clips.reduce(0) { $0 + $1.comparedFaces }
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
  }

  /// How often faces are found, and their landmark error; none where there was no face to compare with.
  ///
  /// - Parameters:
  ///   - id: what the identifiers begin with.
  ///   - name: what the versions of the faces are called.
  ///   - given: what they are compared with, `the real face`.
  ///   - others: baselines by their names.
  ///   - text: what was measured.
  func numbers(
    id: String, name: String, given: String, beside others: [(name: String, agreement: FaceAgreement)],
    text: String, _ provenance: Provenance, _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    guard !found.isEmpty else { return [] }
    let facts = provenance.merging(["detector": "mtcnn"])
    func number(
      _ id: String, _ name: String, _ better: Better, _ text: String,
      _ values: (FaceAgreement) -> [Double]
    ) throws -> MeasuredNumber {
      try MeasuredNumber(
        id: id, name: "\(name) (MTCNN)", meanOf: values(self), seed: context.options.seed, better: better,
        baselines: others.filter { !values($0.agreement).isEmpty }.map {
          BaselineNumber(name: $0.name, value: Self.mean(values($0.agreement)))
        }, provenance: facts, protocolText: text)
    }
    var numbers = [
      try number(
        "\(id)-detected", "\(name): face found", .larger,
        "\(text); share in which it finds one that overlaps it by 0.3 or more, at a score of 0.8", \.found)
    ]
    if !errors.isEmpty {
      numbers.append(
        try number(
          "\(id)-landmarks", "\(name): landmark error", .smaller,
          "\(text); mean distance of its five landmarks from those of \(given), in distances of that one's eyes, of "
            + "the \(comparedFaces) faces that it finds in both", \.errors))
    }
    return numbers
  }
}
