import AtelierCore
public import AtelierData
import AtelierFaiss
import AtelierGeneration
import AtelierHashing
import AtelierMetrics
import Foundation
public import Torch

/// Computes the features of a data set's images once, finds neighbourhoods or clusters, and wraps the data so
/// that examples come from them.
///
/// What was computed becomes artefacts of the run: the table, which names the data, the plan and the hash of
/// the network in its metadata, and the network, which an image that was never seen is given to later. A
/// folder given by the caller keeps both for further runs, each under what it was made from, so that
/// neighbourhoods and clusters of the same data stand on one network.
package struct InstancePreparation {
  /// The plan of the system.
  let plan: InstancePlan
  /// Where the artefacts are kept beside the run, and looked for; nil: nowhere.
  let cache: URL?
  /// What random numbers follow from.
  let seed: Int
  /// Told what is being done.
  let say: (String) -> Void

  /// The wrapped data and the artefacts.
  struct Result {
    let dataset: InstanceDataset
    let artefacts: Artefacts
  }

  /// Prepares a data set, from artefacts where they are there and belong to it.
  ///
  /// - Throws: ``TrainingError`` where the artefacts belong to other data; `MetricError` or
  ///   ``ConfigurationError`` for data that are too small.
  func callAsFunction(_ base: any Dataset, existing: Artefacts?) throws -> Result {
    let wanted = fingerprint(base)
    if let existing, let data = existing.contents[InstanceTable.artefact] {
      guard let found = try Self.metadata(data)["fingerprint"], found == wanted else {
        throw TrainingError.cannotResume(
          reason: "its instances were made of other data or with other settings; begin a new run")
      }
      return try wrapped(base, existing)
    }
    let places = places(base, wanted)
    if let places, let kept = try read(places, fingerprint: wanted) { return try wrapped(base, kept) }
    let made = try make(base, fingerprint: wanted, network: places?.network)
    if let cache, let places {
      try RunDirectory.makeFolder(cache)
      for (name, place) in [(InstanceTable.artefact, places.table), (InstanceTable.embedder, places.network)]
      {
        if let content = made.contents[name] { try AtomicFile.write(content, to: place) }
      }
    }
    return try wrapped(base, made)
  }

  /// Refuses neighbourhoods and clusters that data are too few for, whatever images can be read.
  func check(_ base: any Dataset) throws { try check(count: base.count) }

  // MARK: Making

  private func check(count: Int) throws(ConfigurationError) {
    switch plan.purpose {
    case .neighbourhoods(let size):
      guard size < count else {
        throw ConfigurationError(
          "neighbours is \(size), but there are \(count) images, an instance itself not counted; choose at most "
            + "\(count - 1)")
      }
    case .clusters(let clusters):
      guard clusters <= count else {
        throw ConfigurationError(
          "classes is \(clusters), but there are \(count) images; choose fewer clusters")
      }
    }
  }

  private func make(_ base: any Dataset, fingerprint: String, network: URL?) throws -> Artefacts {
    func requireSome(_ count: Int) throws {
      guard count < 2 else { return }
      throw TrainingError.unfitData(
        path: base.description.name, reason: "it has \(count) readable images, too few for neighbourhoods")
    }
    let (source, rows, labels, features, mirrored): Described
    if Self.fits(base) {
      let read = try pictures(of: base, Array(0..<base.count))
      (rows, labels) = (read.rows, read.labels)
      try requireSome(rows.count)
      source = try network.flatMap(kept) ?? featureNetwork(read.images, labels)
      say("Computing the features of \(rows.count) images with \(source.source.name).")
      features = InstanceTable.unit(source.source.features(ofAll: read.images))
      mirrored =
        wantsMirrored ? InstanceTable.unit(source.source.features(ofAll: read.images.flipped([3]))) : nil
    } else {
      (source, rows, labels, features, mirrored) = try streamed(base, network)
      try requireSome(rows.count)
    }
    let count = rows.count
    try check(count: count)
    let stream = RandomStream(seed: UInt64(seed), purpose: "k-means")
    var (neighbours, radius) = (Tensor.zeros([count, 1], dtype: .int64), Tensor.zeros([count]))
    var (label, selected) = (Tensor(labels), Tensor?.none)
    switch plan.purpose {
    case .neighbourhoods(let size):
      say("Finding the \(size) nearest neighbours of each.")
      let found = try nearest(size, of: features)
      neighbours = found.indices
      radius = found.distances.selected(dim: 1, index: size - 1).asType(.float32)
      if plan.selected > 0, plan.selected < count {
        selected = try nearestRows(features, to: kMeans(features, k: plan.selected, using: stream))
      }
    case .clusters(let clusters):
      say("Finding \(clusters) clusters.")
      label = try kMeans(features, k: clusters, using: stream).assignment
    }
    let table = try InstanceTable(
      features: features, mirrored: mirrored, neighbours: neighbours, radius: radius, label: label,
      selected: selected)
    var metadata = [
      "fingerprint": fingerprint, "data": base.description.fingerprint, "features": source.source.name,
      "network": source.file.sha256Hex,
    ]
    for field in source.source.provenance.fields { metadata["provenance.\(field.name)"] = field.value }
    if rows != Array(0..<base.count) {
      metadata["rows"] = rows.map(String.init).joined(separator: ",")
    }
    return Artefacts([
      InstanceTable.artefact: try table.data(metadata: metadata), InstanceTable.embedder: source.file,
    ])
  }

  /// The nearest others of every instance: exactly, and of many instances through Faiss, where it is there.
  private func nearest(_ k: Int, of features: Tensor) throws -> Neighbours {
    let count = Double(features.shape[0])
    guard count * count * Double(features.shape[1]) > Self.mostExactProducts else {
      return try instanceNeighbours(features, k: k)
    }
    guard InvertedFileIndex.isAvailable else {
      say(
        "All distances between \(features.shape[0]) images are computed, which may take hours; where Faiss is installed "
          + "(`make setup`), an index finds neighbours among the most alike.")
      return try instanceNeighbours(features, k: k)
    }
    say(
      "They are found through an index of Faiss, which looks through the most alike of \(features.shape[0]) images."
    )
    return try InvertedFileIndex.instanceNeighbours(features, k: k, seed: seed & 0x7FFF_FFFF)
  }

  /// The products of numbers up to which all distances are computed: some ten minutes of two cores, 300,000 images with
  /// 512 features.
  @TaskLocal package static var mostExactProducts = 5e13

  /// The network, the examples that could be read with their labels, and their features.
  private typealias Described = (
    source: (source: any FeatureSource, file: Data), rows: [Int], labels: [Int], features: Tensor,
    mirrored: Tensor?
  )

  /// The bytes that all images may take in memory; beyond that they are read in parts.
  @TaskLocal package static var mostImageBytes = 4 << 30
  /// The bytes that the features of all images may take.
  private static let mostFeatureBytes = 16 << 30

  private static func fits(_ base: any Dataset) -> Bool {
    guard let shape = base.description.imageShape else { return true }
    return base.count <= mostImageBytes / max(1, shape.reduce(1, *))
  }

  private var wantsMirrored: Bool {
    if case .neighbourhoods = plan.purpose { plan.mirrors } else { false }
  }

  /// Features of images that do not fit into memory: a network learns from as many of them as do, evenly chosen, and the
  /// features of all are computed while they are read. Only the features are held.
  private func streamed(_ base: any Dataset, _ network: URL?) throws -> Described {
    let image = max(1, base.description.imageShape?.reduce(1, *) ?? 1)
    let most = max(2, Self.mostImageBytes / image)
    var source = network.flatMap(kept)
    if source == nil {
      say(
        "The images take more memory than \(Self.mostImageBytes >> 20) MiB: the network learns from \(most) of them."
      )
      let read = try pictures(of: base, (0..<most).map { $0 * base.count / most }, names: false)
      source = try featureNetwork(read.images, read.labels)
    }
    guard let source else {
      throw TrainingError.unfitData(path: base.description.name, reason: "it has no images")
    }
    say("Computing the features of \(base.count) images with \(source.source.name), as they are read.")
    var (rows, labels): ([Int], [Int]) = ([], [])
    var (parts, mirrored): ([Tensor], [Tensor]) = ([], [])
    for start in stride(from: 0, to: base.count, by: 4096) {
      let read = try pictures(of: base, Array(start..<min(start + 4096, base.count)), isPart: true)
      guard !read.rows.isEmpty else { continue }
      rows += read.rows
      labels += read.labels
      parts.append(InstanceTable.unit(source.source.features(ofAll: read.images)))
      if wantsMirrored {
        mirrored.append(InstanceTable.unit(source.source.features(ofAll: read.images.flipped([3]))))
      }
      let width = parts[0].shape[1]
      let all = 4 * width * base.count * (wantsMirrored ? 2 : 1)
      guard all <= Self.mostFeatureBytes else {
        throw TrainingError.unfitData(
          path: base.description.name,
          reason: "the features of its \(base.count) images would take \(all >> 30) GiB of memory, above the "
            + "\(Self.mostFeatureBytes >> 30) GiB that they may; make featureSize smaller, or learn from fewer images"
        )
      }
    }
    guard !parts.isEmpty else {
      throw TrainingError.unfitData(path: base.description.name, reason: "none of its images can be read")
    }
    return (
      source, rows, labels, .concatenated(parts, dim: 0),
      wantsMirrored ? .concatenated(mirrored, dim: 0) : nil
    )
  }

  /// Images as bytes with their labels (0 where there are none); an image that cannot be read is left out.
  ///
  /// - Parameters:
  ///   - names: whether such an image is named.
  ///   - isPart: whether others are read beside these, so that none need be readable.
  private func pictures(
    of base: any Dataset, _ chosen: [Int], names: Bool = true, isPart: Bool = false
  ) throws -> (rows: [Int], images: Tensor, labels: [Int]) {
    var (rows, labels): ([Int], [Int]) = ([], [])
    var parts: [Tensor] = []
    for start in stride(from: 0, to: chosen.count, by: 256) {
      let wanted = Array(chosen[start..<min(start + 256, chosen.count)])
      do throws(DatasetError) {
        let fields = try base.batch(at: wanted)
        try append(fields, wanted, &rows, &labels, &parts)
      } catch {
        guard case .corruptImage = error else { throw error }
        for row in wanted {
          do throws(DatasetError) {
            try append(try base.batch(at: [row]), [row], &rows, &labels, &parts)
          } catch {
            guard case .corruptImage = error else { throw error }
            if names { say("An image was left out: \(error.description)") }
          }
        }
      }
    }
    guard !parts.isEmpty || isPart else {
      throw TrainingError.unfitData(path: base.description.name, reason: "none of its images can be read")
    }
    return (rows, parts.isEmpty ? .zeros([0]) : .concatenated(parts, dim: 0), labels)
  }

  private func append(
    _ fields: [String: HostTensor], _ wanted: [Int], _ rows: inout [Int], _ labels: inout [Int],
    _ parts: inout [Tensor]
  ) throws(DatasetError) {
    guard let images = fields["image"] else { throw .invalid(reason: "the data have no images") }
    rows += wanted
    labels += fields["label"]?.integers() ?? [Int](repeating: 0, count: wanted.count)
    parts.append(Tensor(images))
  }

  /// The network that the features come from, and its file.
  private func featureNetwork(
    _ images: Tensor, _ labels: [Int]
  ) throws -> (source: any FeatureSource, file: Data) {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "embedder-\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    switch plan.source {
    case .selfSupervised:
      say("Training a self-supervised network on \(images.shape[0]) images.")
      let training = EmbedderTraining(
        epochs: plan.epochs, mirrors: plan.mirrors, seed: UInt64(seed), seconds: 3600,
        featureSize: plan.featureSize)
      let embedder = try training.run(images: images) { step, steps, loss in
        if let loss, step % 200 == 0 || step == steps {
          say("  step \(step) of \(steps), contrastive loss \(String(format: "%.3f", loss))")
        }
        return true
      }
      try embedder.save(to: file)
      return (embedder, try Data(contentsOf: file))
    case .classifier:
      say("Training a classifier on \(images.shape[0]) images.")
      // A tenth is held out for the accuracy that its file reports.
      let held = max(1, images.shape[0] / 10)
      let order = RandomStream(seed: UInt64(seed), purpose: "classifier split").permutation(images.shape[0])
      let all = Tensor(labels)
      func examples(_ from: Int, _ to: Int) throws -> ClassifierTraining.Examples {
        let rows = order.slice(0, from, to)
        return try ClassifierTraining.Examples(
          images: images.indexSelected(0, rows), labels: all.indexSelected(0, rows))
      }
      let training = ClassifierTraining(
        epochs: plan.epochs, mirrors: plan.mirrors, shift: 2, seed: UInt64(seed), seconds: 3600,
        featureSize: plan.featureSize)
      let classifier = try training.run(
        train: examples(held, images.shape[0]), test: examples(0, held), classes: (labels.max() ?? 0) + 1)
      try classifier.save(to: file)
      return (classifier, try Data(contentsOf: file))
    }
  }

  // MARK: Keeping

  private func fingerprint(_ base: any Dataset) -> String {
    let shape = base.description.imageShape.map { "\($0)" } ?? "none"
    return Data("instances 1 \(base.description.fingerprint) \(shape) \(plan.fingerprintText) \(seed)".utf8)
      .sha256Hex
  }

  /// Where the folder of the caller keeps the table and the network; nil where there is no folder.
  private func places(_ base: any Dataset, _ fingerprint: String) -> (table: URL, network: URL)? {
    guard let cache else { return nil }
    let shape = base.description.imageShape.map { "\($0)" } ?? "none"
    let network =
      "network 1 \(base.description.fingerprint) \(shape) \(plan.source) \(plan.featureSize) \(plan.epochs) "
      + "\(plan.mirrors) \(seed)"
    func place(_ name: String, _ hash: String) -> URL {
      let parts = name.split(separator: ".", maxSplits: 1)
      return cache.appendingPathComponent("\(parts[0])-\(hash.prefix(12)).\(parts[1])")
    }
    return (
      place(InstanceTable.artefact, fingerprint), place(InstanceTable.embedder, Data(network.utf8).sha256Hex)
    )
  }

  /// A network that was kept; nil where there is none or it cannot be read, and has to be trained.
  private func kept(_ file: URL) -> (source: any FeatureSource, file: Data)? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    let data: Data
    let network: InstanceFeatures
    do {
      data = try Data(contentsOf: file)
      network = try InstanceFeatures(Artefacts([InstanceTable.embedder: data]))
    } catch {
      say("\(file.path) cannot be used and is made anew: \(error)")
      return nil
    }
    say("Using the network in \(file.path).")
    return (network.source, data)
  }

  private func read(_ places: (table: URL, network: URL), fingerprint: String) throws -> Artefacts? {
    guard [places.table, places.network].allSatisfy({ FileManager.default.fileExists(atPath: $0.path) })
    else { return nil }
    let artefacts: Artefacts
    do {
      let (table, network) = (try Data(contentsOf: places.table), try Data(contentsOf: places.network))
      artefacts = Artefacts([InstanceTable.artefact: table, InstanceTable.embedder: network])
      let found = try Self.metadata(table)
      guard found["fingerprint"] == fingerprint, found["network"] == network.sha256Hex else { return nil }
    } catch {
      say("\(places.table.path) cannot be used and is made anew: \(error)")
      return nil
    }
    say("Using the features in \(places.table.path).")
    return artefacts
  }

  /// - Throws: ``TrainingError/damaged(path:reason:)`` for what is no table.
  private static func metadata(_ data: Data) throws -> [String: String] {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "instances-\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    try data.write(to: file)
    do { return try Safetensors.header(of: file).metadata } catch {
      throw TrainingError.damaged(
        path: "the run's artefact '\(InstanceTable.artefact)'",
        reason: "\(error.problem); put the run's own file back, or begin a new run")
    }
  }

  private func wrapped(_ base: any Dataset, _ artefacts: Artefacts) throws -> Result {
    guard let data = artefacts.contents[InstanceTable.artefact], let table = try InstanceTable(artefacts)
    else { throw ConfigurationError("the artefact '\(InstanceTable.artefact)' is missing") }
    let rows =
      try Self.metadata(data)["rows"].map { $0.split(separator: ",").compactMap { Int($0) } }
      ?? Array(0..<base.count)
    guard rows.count == table.count, rows.allSatisfy({ (0..<base.count).contains($0) }) else {
      throw ConfigurationError(
        "the table of instances has \(table.count) rows and the data \(base.count) images; make it anew")
    }
    switch plan.purpose {
    case .neighbourhoods:
      return Result(dataset: InstanceDataset(base, rows: rows, table: table), artefacts: artefacts)
    case .clusters(let count):
      let clusters = table.label.integers()
      guard clusters.allSatisfy({ $0 < count }) else {
        throw ConfigurationError(
          "the table of instances has more clusters than there are classes; make it anew")
      }
      return Result(
        dataset: InstanceDataset(base, rows: rows, clusters: clusters, count: count), artefacts: artefacts)
    }
  }
}

/// The network that gives a trained instance-conditioned model its features.
public struct InstanceFeatures {
  fileprivate let source: any FeatureSource

  /// Reads the network out of a model's artefacts.
  ///
  /// - Throws: `ConfigurationError` where the model has none.
  public init(_ artefacts: Artefacts) throws {
    guard let data = artefacts.contents[InstanceTable.embedder] else {
      throw ConfigurationError(
        "this model has no network for the features of new images, as imported ones have none; leave the instances "
          + "out, or train a model with Atelier")
    }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "embedder-\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    try data.write(to: file)
    if let embedder = try? InstanceEmbedder.load(from: file) {
      source = embedder
    } else {
      source = try ImageClassifier.load(from: file)
    }
  }

  /// What the features are called in protocols.
  public var name: String { source.name }

  /// Unit features `[n, size]` of images `[n, channels, height, width]` in -1 … 1, of the size that the model
  /// was trained with.
  public func callAsFunction(_ images: Tensor) -> Tensor {
    InstanceTable.unit(source.features(ofAll: images))
  }
}
