public import AtelierMedia
public import Foundation

/// The result of ``checkFaces(at:networks:progress:)``: Codable for programs, ``FaceReport/description`` for people.
public struct FaceReport: Sendable, Codable, Hashable {
  /// The kind of a finding, for programs to switch on.
  public enum Kind: String, Sendable, Codable, Hashable, CaseIterable {
    case corrupt, noFace, severalFaces, turned, blurred, duplicates, mixedPeople, commonPeople, table
  }

  /// One finding: a sentence that names files and the way out.
  public struct Finding: Sendable, Codable, Hashable {
    /// The severity.
    public var severity: DataReport.Severity
    /// The kind.
    public var kind: Kind
    /// The sentence.
    public var message: String
    /// The images that it is about, relative to the path.
    public var files: [String]
  }

  /// The path that was checked, as it was given.
  public var path: String
  /// The number of images.
  public var count: Int
  /// The number of images with a face.
  public var faces: Int
  /// Errors first, then warnings, then notes.
  public var findings: [Finding]

  /// Whether there is no finding of severity ``DataReport/Severity/error``.
  public var isUsable: Bool { !findings.contains { $0.severity == .error } }
}

extension FaceReport: CustomStringConvertible {
  /// The report for a terminal.
  public var description: String {
    var lines = ["\(path): a face in \(faces) of \(count) images", ""]
    if findings.isEmpty { lines.append("Nothing wrong was found.") }
    for finding in findings {
      lines.append("\(finding.severity.rawValue): \(finding.message)")
      lines += finding.files.prefix(5).map { "  " + $0 }
      if finding.files.count > 5 {
        lines.append("  … and \(finding.files.count - 5) more; the JSON report lists all")
      }
    }
    return lines.joined(separator: "\n")
  }
}

/// Checks a folder of faces before training: images without a face or with several, heads that are turned far, blur, copies,
/// other people in the folder of one, and people who are in training and test.
///
/// A folder within a part is a person, as `atelier data prepare faces` writes them; where there are none, people are told
/// apart by their faces.
///
/// - Parameter progress: called with the numbers of images done and in total.
/// - Throws: ``DatasetError`` where there are no images, and what the networks throw.
public func checkFaces(
  at path: URL, networks: FaceNetworks, progress: PreparationProgress? = nil
) throws -> FaceReport {
  try ImageFolders.requireListable(path)
  guard ImageFolders.isFolder(path) else { throw DatasetError.notFound(path: path.path) }
  let names = ImageFolders.pictures(below: path)
  guard !names.isEmpty else { throw ImageFolders.noImages(in: path) }
  var check = FaceCheck(path, names.count)
  for (index, name) in names.enumerated() {
    try check.look(at: name, networks)
    progress?(index + 1, names.count)
  }
  check.judge(networks.threshold)
  return check.report
}

private struct FaceCheck {
  /// Degrees from which on a head is turned far.
  static let (yaw, pitch) = (45.0, 35.0)
  /// The sharpness below which a face is blurred.
  static let sharpness = 20.0

  private struct Found {
    var name: String
    var vector: [Float]
  }

  let path: URL
  private(set) var report: FaceReport
  private var found: [Found] = []
  private var copies: [String: [String]] = [:]
  private var suspects: [FaceReport.Kind: [String]] = [:]

  init(_ path: URL, _ count: Int) {
    self.path = path
    report = FaceReport(path: path.relativePath, count: count, faces: 0, findings: [])
  }

  mutating func look(at name: String, _ networks: FaceNetworks) throws {
    let image: Image
    do throws(ImageError) {
      image = try ImageCodec().decode(path.appendingPathComponent(name)).rgb().with8Bits()
    } catch {
      if case .exhausted = error { throw error }
      suspects[.corrupt, default: []].append(name)
      return
    }
    copies[contentFingerprint(of: image.bytes), default: []].append(name)
    // Of a crop of a face the face is a large part.
    let least = max(12, min(image.width, image.height) / 6)
    let faces = try networks.faces(in: image, minimumFace: least, score: 0.8)
    func area(_ face: FaceNetworks.Described) -> Double { face.face.box.width * face.face.box.height }
    guard let main = faces.max(by: { area($0) < area($1) }) else {
      suspects[.noFace, default: []].append(name)
      return
    }
    report.faces += 1
    found.append(Found(name: name, vector: main.vector))
    if faces.count(where: { area($0) > area(main) / 4 }) > 1 {
      suspects[.severalFaces, default: []].append(name)
    }
    if abs(main.pose.yaw) > Self.yaw || abs(main.pose.pitch) > Self.pitch {
      suspects[.turned, default: []].append(name)
    }
    if main.sharpness < Self.sharpness { suspects[.blurred, default: []].append(name) }
  }

  // MARK: Findings

  private mutating func find(
    _ severity: DataReport.Severity, _ kind: FaceReport.Kind, _ files: [String], _ message: String
  ) {
    report.findings.append(.init(severity: severity, kind: kind, message: message, files: files))
  }

  mutating func judge(_ threshold: Double) {
    let sentences: [(FaceReport.Kind, String)] = [
      (.corrupt, "cannot be decoded; remove or repair them"),
      (.noFace, "show no face that is found; crop them with `atelier data prepare faces`, or leave them out"),
      (.severalFaces, "show several faces; crop them, as a model takes the image for one face"),
      (
        .turned,
        "show a head that is turned by more than \(Int(Self.yaw))° to the side or \(Int(Self.pitch))° up or down"
      ),
      (.blurred, "show a blurred face (a sharpness below \(Int(Self.sharpness)))"),
    ]
    for (kind, sentence) in sentences {
      guard let files = suspects[kind] else { continue }
      let isNote = kind == .turned || kind == .blurred
      let isHopeless = kind == .noFace && report.faces == 0 || kind == .corrupt && files.count == report.count
      find(
        isHopeless ? .error : isNote ? .note : .warning, kind, files,
        "\(files.count) of \(report.count) images \(sentence).")
    }
    judgeCopies()
    judgePeople(threshold)
    judgeTable()
    let order = DataReport.Severity.allCases
    report.findings = order.flatMap { severity in report.findings.filter { $0.severity == severity } }
  }

  private mutating func judgeCopies() {
    let groups = copies.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    guard !groups.isEmpty else { return }
    let crossing = groups.filter { Set($0.map(Self.part)).count > 1 }
    let surplus = groups.reduce(0) { $0 + $1.count - 1 }
    find(
      .note, .duplicates, groups.flatMap { $0.dropFirst() },
      "\(surplus) of \(report.count) images are copies of others.")
    if !crossing.isEmpty {
      find(
        .warning, .duplicates, crossing.flatMap(\.self),
        "Copies are in more than one part; measures on held-out faces will be too good.")
    }
  }

  private mutating func judgePeople(_ threshold: Double) {
    let people = people(threshold)
    var strangers: [String] = []
    for person in people where person.isFolder && person.faces.count > 2 {
      for face in person.faces {
        // The mean of the others.
        let rest = zip(person.sum, found[face].vector).map { $0 - $1 }
        if cosine(rest, found[face].vector) < threshold / 2 { strangers.append(found[face].name) }
      }
    }
    if !strangers.isEmpty {
      find(
        .warning, .mixedPeople, strangers,
        "\(strangers.count) faces are not like the others of their folder; look at them, and move or remove them."
      )
    }
    var common: [String] = []
    for person in people where person.part == .test || person.part == .validation {
      let twin = people.first { other in
        other.part == .train
          && dot(person.sum, other.sum) / Double(person.faces.count * other.faces.count) >= threshold
      }
      if let twin { common.append("\(person.name) = \(twin.name)") }
    }
    if !common.isEmpty {
      find(
        .warning, .commonPeople, common,
        "\(common.count) people of the held-out parts are in training too; what is measured there holds for known faces "
          + "only.")
    }
  }

  private struct Person {
    var name: String
    var part: DatasetSplit?
    var isFolder: Bool
    var faces: [Int]
    var sum: [Float]
  }

  /// The folders, or where faces lie in none, the groups of faces that are alike.
  private func people(_ threshold: Double) -> [Person] {
    var people: [Person] = []
    func add(_ name: String, _ part: DatasetSplit?, _ isFolder: Bool, _ faces: [Int]) {
      guard var sum = faces.first.map({ found[$0].vector }) else { return }
      for face in faces.dropFirst() {
        for index in sum.indices { sum[index] += found[face].vector[index] }
      }
      people.append(Person(name: name, part: part, isFolder: isFolder, faces: faces, sum: sum))
    }
    for (part, faces) in Dictionary(grouping: found.indices, by: { Self.part(found[$0].name) }) {
      let folders = Dictionary(grouping: faces) { index in
        found[index].name.split(separator: "/").dropLast().dropFirst(part == nil ? 0 : 1).joined(
          separator: "/")
      }
      for (folder, own) in folders where !folder.isEmpty {
        add(part.map { "\($0.rawValue)/\(folder)" } ?? folder, part, true, own)
      }
      guard let loose = folders[""] else { continue }
      let tracks = loose.enumerated().map { place, index in
        FaceTrack(
          source: place, first: 0, last: 0, box: FaceBox(left: 0, top: 0, right: 0, bottom: 0),
          sum: found[index].vector, count: 1)
      }
      for group in FaceClusters.groups(of: tracks, threshold: threshold) {
        add(found[loose[group[0]]].name, part, false, group.map { loose[$0] })
      }
    }
    return people.sorted { $0.name < $1.name }
  }

  private mutating func judgeTable() {
    guard FaceTable.isPresent(in: path) else { return }
    var missing: [String] = []
    do throws(DatasetError) {
      try FaceTable.forEachLine(file: path.appendingPathComponent(FaceTable.fileName)) { line, _ in
        let file = path.appendingPathComponent(line.file)
        if !FileManager.default.fileExists(atPath: file.path) { missing.append(line.file) }
      }
    } catch {
      find(.warning, .table, [], "\(error)")
      return
    }
    if !missing.isEmpty {
      find(
        .note, .table, missing,
        "\(missing.count) faces of \(FaceTable.fileName) are not there; nothing is pasted back for them.")
    }
  }

  /// The part of a file by the name of its first folder.
  private static func part(_ name: String) -> DatasetSplit? {
    let folders = name.split(separator: "/")
    guard folders.count > 1 else { return nil }
    return DatasetSplit.allCases.first { ImageFolders.names(of: $0).contains(folders[0].lowercased()) }
  }
}
