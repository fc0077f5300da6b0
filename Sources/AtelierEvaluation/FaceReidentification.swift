import AtelierCore
import AtelierData
import AtelierMedia
import AtelierMetrics
import AtelierTraining
import Foundation
import Torch

/// Numbers of whether changed faces are still recognised, found, and turned as they were: by each recogniser that there is,
/// beside the real faces, blur and pixelation.
struct FaceReidentification {
  /// One way in which faces were changed.
  struct Version {
    /// What the numbers' identifiers begin with: `anonymised`, `wrongly-recovered`.
    let id: String
    /// The images, in the order of the real ones.
    let images: [Image]
    /// Whether recognition is to fail.
    let hides: Bool
    /// What it is called.
    var name: String { id.replacingOccurrences(of: "-", with: " ") }
  }

  /// Two images of each face whose cosine is a number.
  struct Comparison {
    let id: String
    let name: String
    let images: ([Image], [Image])
    let better: Better
    /// How the number is taken.
    let text: String
  }

  private let context: EvaluationContext
  private let real: FaceViews
  private let part: String
  private let provenance: Provenance
  private let witness: FaceWitness?
  /// Where MTCNN found the real faces.
  private let places: [Face?]
  private let judges: [(judge: FaceJudge, rows: [Int])]

  /// Prepares recognisers for real faces.
  ///
  /// - Parameters:
  ///   - real: held-out faces.
  ///   - training: faces of the training part, for a recogniser of its people; nil: none is trained.
  ///   - part: what was measured, for the protocols.
  init(
    _ real: FaceViews, training: FaceViews?, needer: String, part: String, _ provenance: Provenance,
    _ context: EvaluationContext
  ) throws {
    (self.real, self.part, self.provenance, self.context) = (real, part, provenance, context)
    let witness = try FaceWitness(context, for: needer)
    self.witness = witness
    let places = try real.images.map { try witness?.face(in: $0) }
    self.places = places
    var judges: [(FaceJudge, [Int])] = []
    if let witness {
      let found = real.images.indices.filter { places[$0] != nil }
      if found.count < 2 {
        context.note(
          "no re-identification by SFace: MTCNN finds \(found.count) of the \(real.images.count) real faces, drawn or small "
            + "ones perhaps")
      } else {
        judges.append((witness.judge(found.compactMap { places[$0] }), found))
      }
    }
    if let training {
      context.say("the classifier that recognises faces (trained on real images of the training part)")
      if let judge = try FaceJudge.trained(training, real, context.options) {
        judges.append((judge, Array(real.images.indices)))
      }
    }
    self.judges = judges
  }

  /// All numbers of some versions, and of comparisons.
  func numbers(_ versions: [Version], comparing comparisons: [Comparison] = []) throws -> [MeasuredNumber] {
    guard let size = real.images.first.map({ ($0.width, $0.height) }) else { return [] }
    let baselines = [
      Version(
        id: "blurred", images: try spoilt { try $0.blurred(sigma: 0.06 * Double(size.0)) }, hides: true),
      Version(
        id: "pixelated",
        images: try spoilt {
          try $0.resized(width: 8, height: 8).resized(width: size.0, height: size.1, filter: .nearest)
        }, hides: true),
    ]
    var numbers: [MeasuredNumber] = []
    for (judge, rows) in judges {
      context.say("recognising faces by \(judge.name)")
      numbers += try recognised(versions, baselines, judge, rows)
      numbers += try comparisons.map { try compared($0, judge, rows) }
    }
    if let witness { numbers += try found(versions, baselines, witness) }
    return numbers
  }

  /// The real faces, changed where the face is.
  private func spoilt(_ change: (Image) throws -> Image) throws -> [Image] {
    try zip(real.images, real.masks).map { image, mask in
      let changed = try change(image)
      guard let mask else { return changed }
      var bytes = image.bytes
      for place in bytes.indices {
        let share = Int(mask.bytes[place / image.channels])
        bytes[place] = UInt8(
          (Int(changed.bytes[place]) * share + Int(bytes[place]) * (255 - share) + 127) / 255)
      }
      return Image(width: image.width, height: image.height, channels: image.channels, bytes: bytes)
    }
  }

  // MARK: Who they are

  /// What one recogniser says of one version.
  private struct Verdict {
    let verification: IdentityVerification
    let accepted: [Double]
    let variances: [Double]
  }

  private func recognised(
    _ versions: [Version], _ baselines: [Version], _ judge: FaceJudge, _ rows: [Int]
  ) throws -> [MeasuredNumber] {
    func chosen<Item>(_ items: [Item]) -> [Item] { rows.map { items[$0] } }
    let views = FaceViews(
      images: chosen(real.images), masks: chosen(real.masks), identities: chosen(real.identities))
    let gallery = try judge.features(views.images, views)
    let among = try IdentityVerification(probes: gallery, gallery: gallery, identities: views.identities)
    // An attacker chooses the threshold on real faces.
    let threshold = among.threshold(falseAccepts: 0.01)
    func verdict(_ images: [Image]?) throws -> Verdict {
      let probes = try images.map { try judge.features(chosen($0), views) } ?? gallery
      let verification =
        images == nil
        ? among : try IdentityVerification(probes: probes, gallery: gallery, identities: views.identities)
      return Verdict(
        verification: verification, accepted: threshold.map(verification.accepted) ?? [],
        variances: try IdentityVerification.variances(probes, identities: views.identities))
    }
    let untouched = try verdict(nil)
    let others = try baselines.map { ($0.id, try verdict($0.images)) }
    let text = "\(part), \(rows.count) of them; \(judge.text)"
    let facts = provenance.merging(judge.provenance)
    return try versions.flatMap { version -> [MeasuredNumber] in
      let own = try verdict(version.images)
      func number(
        _ id: String, _ name: String, _ better: Better, _ words: String, _ values: (Verdict) -> [Double]
      ) throws -> MeasuredNumber? {
        let mine = values(own)
        guard !mine.isEmpty else { return nil }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
        return try MeasuredNumber(
          id: "\(version.id)-\(id)", name: "\(version.name): \(name) (\(judge.name))", meanOf: mine,
          seed: context.options.seed, better: better,
          baselines: ([("real", untouched)] + others).map {
            BaselineNumber(name: "\($0.0) faces", value: mean(values($0.1)))
          }, provenance: facts, protocolText: "\(text); \(words)")
      }
      let better: Better = version.hides ? .smaller : .larger
      let numbers = [
        try number(
          "rank-1", "recognised, rank 1", better,
          "share of faces whose nearest real face of another image is the same person's",
          \.verification.rankOne),
        try number(
          "tar", "recognised, TAR at FAR 0.01", better,
          "share of a person's other real images that are taken for the same person, at the threshold at which 1 % of "
            + "pairs of two people's real images are", \.accepted),
        try number(
          "identity", "cosine with the real face", better, "of a face and the real face that it is made of",
          \.verification.own),
        try number(
          "variance", "variance of a person", .smaller,
          "mean squared distance of a person's features from their mean, at length 1; intervals over people",
          \.variances),
      ]
      return try numbers.compactMap(\.self)
        + errorRate(version, own, [("real", untouched)] + others, judge, facts, text)
    }
  }

  private func compared(
    _ comparison: Comparison, _ judge: FaceJudge, _ rows: [Int]
  ) throws -> MeasuredNumber {
    let views = FaceViews(
      images: rows.map { comparison.images.0[$0] }, masks: rows.map { real.masks[$0] },
      identities: rows.map { real.identities[$0] })
    let cosines = try IdentityVerification(
      probes: judge.features(rows.map { comparison.images.1[$0] }, views),
      gallery: judge.features(views.images, views), identities: views.identities
    ).own
    return try MeasuredNumber(
      id: comparison.id, name: "\(comparison.name) (\(judge.name))", meanOf: cosines,
      seed: context.options.seed,
      better: comparison.better, provenance: provenance.merging(judge.provenance),
      protocolText: "\(part), \(rows.count) of them; \(judge.text); \(comparison.text)")
  }

  /// The equal error rate with its interval over faces; none where all are of one person.
  private func errorRate(
    _ version: Version, _ own: Verdict, _ others: [(String, Verdict)], _ judge: FaceJudge,
    _ facts: Provenance,
    _ text: String
  ) throws -> [MeasuredNumber] {
    guard let value = own.verification.equalErrorRate() else { return [] }
    let interval = try bootstrapInterval(
      count: own.verification.own.count, resamples: 200,
      using: RandomStream(seed: context.options.seed, purpose: "bootstrap")
    ) { own.verification.equalErrorRate(of: $0) ?? 0.5 }
    return [
      MeasuredNumber(
        id: "\(version.id)-eer", name: "\(version.name): equal error rate (\(judge.name))", value: value,
        interval: interval.interval, better: version.hides ? .larger : .smaller,
        baselines: others.map {
          BaselineNumber(name: "\($0.0) faces", value: $0.1.verification.equalErrorRate() ?? 0.5)
        } + [BaselineNumber(name: "chance", value: 0.5)], provenance: facts,
        protocolText:
          "\(text); changed faces against real ones of other images, all pairs; 200 resamples of faces")
    ]
  }

  // MARK: Where they are

  /// How often faces are still found, and how far their landmarks have moved.
  private func found(
    _ versions: [Version], _ baselines: [Version], _ witness: FaceWitness
  ) throws -> [MeasuredNumber] {
    let rows = real.images.indices.filter { places[$0] != nil }
    guard !rows.isEmpty else { return [] }
    context.say("looking for faces by MTCNN")
    func looked(_ version: Version) throws -> FaceAgreement {
      var agreement = FaceAgreement()
      for row in rows {
        guard let place = places[row] else { continue }
        agreement.add(try witness.face(in: version.images[row]), beside: place)
      }
      return agreement
    }
    let others = try baselines.map { ("\($0.id) faces", try looked($0)) }
    return try versions.flatMap { version in
      try looked(version).numbers(
        id: version.id, name: version.name, given: "the real face", beside: others,
        text: "\(part), \(rows.count) of them in which MTCNN finds the real face", provenance, context)
    }
  }
}
