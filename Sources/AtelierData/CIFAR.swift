public import Foundation

/// Reads the binary version of CIFAR-10 and CIFAR-100: records of one label byte (two for CIFAR-100, coarse
/// then fine) and 3,072 bytes of a planar 32 x 32 RGB image.
///
/// Source: Krizhevsky 2009 and the description on the data sets' page. Files are `data_batch_1.bin` and so
/// on with `test_batch.bin`, or `train.bin` and `test.bin`; class names are in `batches.meta.txt` or
/// `fine_label_names.txt`.
public enum CIFAR {
  /// Opens one part of a folder; labels of CIFAR-100 are the fine ones.
  public static func open(
    _ folder: URL, split: DatasetSplit = .train, preparation: ImagePreparation? = nil
  ) throws(DatasetError) -> InMemoryDataset {
    let files = files(in: folder, split: split)
    guard !files.isEmpty else {
      throw .missingSplit(
        path: folder.path, split: split,
        reason: split == .validation
          ? "CIFAR folders hold a train and a test part only"
          : "there is no \(split == .train ? "data_batch_1.bin or train.bin" : "test_batch.bin or test.bin")")
    }
    let hasTwoLabels = hasTwoLabels(folder, files)
    let record = hasTwoLabels ? 3074 : 3073
    var pixels: [UInt8] = []
    var labels: [Int] = []
    for file in files {
      let bytes: [UInt8]
      do { bytes = [UInt8](try Data(contentsOf: file)) } catch { throw .notFound(path: file.path) }
      guard !bytes.isEmpty, bytes.count % record == 0 else {
        throw .corruptFile(
          path: file.path, reason: "its \(bytes.count) bytes are not a whole number of records of \(record)")
      }
      pixels.reserveCapacity(pixels.count + bytes.count)
      for start in stride(from: 0, to: bytes.count, by: record) {
        labels.append(Int(bytes[start + record - 3073]))
        pixels.append(contentsOf: bytes[(start + record - 3072)..<(start + record)])
      }
    }
    let names = try lines(
      of: folder.appendingPathComponent(hasTwoLabels ? "fine_label_names.txt" : "batches.meta.txt"))
    return try InMemoryDataset(
      description: DatasetDescription(
        layout: hasTwoLabels ? .cifar100 : .cifar10, name: folder.lastPathComponent, split: split,
        count: labels.count, bitDepth: 8, classNames: names ?? [],
        fingerprint: try contentFingerprint(of: files.map { ($0.lastPathComponent, $0) })),
      shape: [3, 32, 32], pixels: pixels, labels: labels, source: files[0].path, preparation: preparation)
  }

  /// The layout of a folder with CIFAR files; nil for any other.
  static func layout(of folder: URL) -> DataLayout? {
    for split in [DatasetSplit.train, .test] {
      let files = files(in: folder, split: split)
      if !files.isEmpty { return hasTwoLabels(folder, files) ? .cifar100 : .cifar10 }
    }
    return nil
  }

  private static func files(in folder: URL, split: DatasetSplit) -> [URL] {
    let names = listing(of: folder, withImages: false)
    let batches =
      switch split {
      case .train: names.filter { $0.hasPrefix("data_batch_") && $0.hasSuffix(".bin") }
      case .test: names.filter { $0 == "test_batch.bin" }
      case .validation: [String]()
      }
    let chosen = batches.isEmpty ? names.filter { $0 == "\(split.rawValue).bin" } : batches
    return chosen.map { folder.appendingPathComponent($0) }
  }

  private static func hasTwoLabels(_ folder: URL, _ files: [URL]) -> Bool {
    let names = listing(of: folder, withImages: false)
    if names.contains("fine_label_names.txt") { return true }
    if names.contains("batches.meta.txt") { return false }
    return files.allSatisfy { file in
      let size = (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
      return size % 3074 == 0 && size % 3073 != 0
    }
  }
}
