import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

struct IDXTests {
  @Test func picturesAndLabelsComeBackAsWritten() throws {
    try withTemporaryFolder { folder in
      try folder.idx("train-images-idx3-ubyte", shape: [3, 2, 2], (0..<12).map { UInt8($0) })
      try folder.idx("train-labels-idx1-ubyte", shape: [3], [1, 0, 1])
      let data = try openDataset(at: folder)
      #expect(data.count == 3)
      #expect(data.description.layout == .idx)
      #expect(data.description.imageShape == [1, 2, 2])
      #expect(data.description.classNames == ["0", "1"])
      #expect(data.description.labelHistogram == [1, 2])
      #expect(data.description.fingerprint.hasPrefix("sha256:"))
      let example = try data.example(at: 2)
      #expect(example["image"] == HostTensor([8, 9, 10, 11] as [UInt8], shape: [1, 2, 2]))
      #expect(example["label"] == HostTensor([1], shape: []))
      let batch = try data.batch(at: [2, 0])
      #expect(batch["image"] == HostTensor([8, 9, 10, 11, 0, 1, 2, 3] as [UInt8], shape: [2, 1, 2, 2]))
      #expect(batch["label"] == HostTensor([1, 1]))
      #expect(throws: DatasetError.self) { try data.example(at: 3) }
      #expect(throws: DatasetError.self) { try data.batch(at: [-1]) }
      #expect(throws: DatasetError.self) { try openDataset(at: folder, split: .test) }
    }
  }

  @Test func packedFilesAreUnpacked() throws {
    try withTemporaryFolder { folder in
      try folder.idx("t10k-images-idx3-ubyte", shape: [8, 1, 1], [UInt8](repeating: 7, count: 8))
      try folder.write("t10k-labels-idx1-ubyte.gz", packedLabels)
      let data = try openDataset(at: folder, split: .test)
      #expect(try data.batch(at: Array(0..<8))["label"]?.integers() == [3, 1, 4, 1, 5, 9, 2, 6])
    }
  }

  @Test func classNamesComeFromTheirFileOrFromFashionMNIST() throws {
    try withTemporaryFolder { folder in
      for name in ["named", "fashion-mnist"] {
        let place = folder.appendingPathComponent(name)
        try place.idx("train-images-idx3-ubyte", shape: [1, 1, 1], [0])
        try place.idx("train-labels-idx1-ubyte", shape: [1], [1])
      }
      try folder.write("named/classes.txt", "cat\ndog\n")
      #expect(
        try openDataset(at: folder.appendingPathComponent("named")).description.classNames == ["cat", "dog"])
      let fashion = try openDataset(at: folder.appendingPathComponent("fashion-mnist")).description
      #expect(fashion.classNames.first == "T-shirt/top" && fashion.classNames.count == 10)
      try folder.write("named/classes.txt", "cat\n")
      #expect(throws: DatasetError.self) { try openDataset(at: folder.appendingPathComponent("named")) }
    }
  }

  @Test(arguments: [
    [] as [UInt8], [0, 0, 8], [0, 0, 8, 3, 0, 0, 0, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9],
    [0, 0, 13, 1, 0, 0, 0, 1, 0],
    idxFile(shape: [0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], []), idxFile(shape: [2, 2, 2], [1, 2, 3]),
    idxFile(shape: [1, 1, 1], [1, 2, 3]), idxFile(shape: [4], [1, 2, 3, 4]), [0, 0, 8, 200],
  ]) func hostileFilesAreErrors(bytes: [UInt8]) throws {
    try withTemporaryFolder { folder in
      try folder.write("train-images-idx3-ubyte", bytes)
      try folder.idx("train-labels-idx1-ubyte", shape: [1], [0])
      #expect(throws: DatasetError.self) { try openDataset(at: folder) }
    }
  }

  @Test func damagedArchivesAreErrors() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("labels.gz")
      for length in 0..<packedLabels.count {
        try Data(packedLabels[0..<length]).write(to: file)
        #expect(throws: DatasetError.self) { try IDX.read(file) }
      }
      var flipped = packedLabels
      flipped[flipped.count - 6] ^= 0x10  // Inside the check sum.
      try Data(flipped).write(to: file)
      #expect(throws: DatasetError.self) { try IDX.read(file) }
      try Data(packedLabels).write(to: file)
      #expect(try IDX.read(file).bytes == [3, 1, 4, 1, 5, 9, 2, 6])
    }
  }

  @Test func labelsMustBeAsManyAsPictures() throws {
    try withTemporaryFolder { folder in
      try folder.idx("train-images-idx3-ubyte", shape: [2, 1, 1], [0, 0])
      try folder.idx("train-labels-idx1-ubyte", shape: [3], [0, 0, 0])
      let error = try #require(throws: DatasetError.self) { try openDataset(at: folder) }
      #expect(error.description.contains("3 labels") && error.description.contains("2 images"))
    }
  }

  @Test func preparationIsDoneOnceAtOpening() throws {
    try withTemporaryFolder { folder in
      try folder.idx(
        "train-images-idx3-ubyte", shape: [2, 4, 4],
        [UInt8](repeating: 9, count: 16) + [UInt8](repeating: 200, count: 16))
      try folder.idx("train-labels-idx1-ubyte", shape: [2], [0, 1])
      let data = try openDataset(at: folder, preparation: ImagePreparation(height: 8, width: 6, channels: 3))
      #expect(data.description.imageShape == [3, 8, 6])
      #expect(
        try data.example(at: 1)["image"] == HostTensor([UInt8](repeating: 200, count: 144), shape: [3, 8, 6]))
    }
  }
}

struct CIFARTests {
  func record(_ labels: [UInt8], _ tone: UInt8) -> [UInt8] {
    labels + [UInt8](repeating: tone, count: 1024) + [UInt8](repeating: 1, count: 1024)
      + [UInt8](repeating: 2, count: 1024)
  }

  @Test func batchesOfCIFAR10AreReadInOrder() throws {
    try withTemporaryFolder { folder in
      try folder.write("data_batch_1.bin", record([1], 10) + record([0], 20))
      try folder.write("data_batch_2.bin", record([1], 30))
      try folder.write("test_batch.bin", record([0], 40))
      try folder.write("batches.meta.txt", "airplane\nautomobile\n\n")
      let data = try openDataset(at: folder)
      #expect(data.description.layout == .cifar10)
      #expect(data.count == 3 && data.description.labelHistogram == [1, 2])
      #expect(data.description.classNames == ["airplane", "automobile"])
      let image = try #require(try data.example(at: 2)["image"])
      #expect(image.shape == [3, 32, 32])
      #expect(image.bytes[0] == 30 && image.bytes[1024] == 1 && image.bytes[3071] == 2)
      #expect(try openDataset(at: folder, split: .test).count == 1)
    }
  }

  @Test func theFineLabelOfCIFAR100Counts() throws {
    try withTemporaryFolder { folder in
      try folder.write("train.bin", record([9, 1], 10) + record([9, 0], 20))
      try folder.write("fine_label_names.txt", "apple\nbee\n")
      let data = try openDataset(at: folder)
      #expect(data.description.layout == .cifar100)
      #expect(try data.batch(at: [0, 1])["label"]?.integers() == [1, 0])
      #expect(try data.example(at: 1)["image"]?.bytes[0] == 20)
    }
  }

  @Test func recordsCutShortAndUnknownLabelsAreErrors() throws {
    try withTemporaryFolder { folder in
      try folder.write("batches.meta.txt", "airplane\n")
      try folder.write("train.bin", Array(record([0], 1).dropLast()))
      #expect(throws: DatasetError.self) { try openDataset(at: folder) }
      try folder.write("train.bin", record([1], 1))
      #expect(throws: DatasetError.self) { try openDataset(at: folder) }
      try folder.write("train.bin", [])
      #expect(throws: DatasetError.self) { try openDataset(at: folder) }
    }
  }
}

struct FolderTests {
  let preparation = ImagePreparation(height: 4, width: 4, channels: 3)

  @Test func aFolderAClassInOrderOfNames() throws {
    try withTemporaryFolder { folder in
      try folder.picture("zebra/1.png", tone: 10)
      try folder.picture("ant/b.jpg", tone: 20)
      try folder.picture("ant/deep/a.webp", tone: 30)
      try folder.picture("ant/c.tiff", tone: 40)
      try folder.write("ant/notes.txt", "not a picture")
      let data = try openDataset(at: folder, preparation: preparation)
      #expect(data.description.layout == .classFolders)
      #expect(data.description.classNames == ["ant", "zebra"])
      #expect(data.description.labelHistogram == [3, 1])
      let batch = try data.batch(at: [0, 1, 2, 3])
      #expect(batch["image"]?.shape == [4, 3, 4, 4])
      #expect(batch["label"]?.integers() == [0, 0, 0, 1])
      #expect(try data.example(at: 3)["image"]?.bytes[0] == 10)
      // Without a preparation every image keeps its size.
      #expect(try openDataset(at: folder).example(at: 3)["image"]?.shape == [3, 4, 6])
    }
  }

  @Test func partsShareTheirClasses() throws {
    try withTemporaryFolder { folder in
      try folder.picture("train/b/1.png", tone: 1)
      try folder.picture("train/a/1.png", tone: 2)
      try folder.picture("test/b/1.png", tone: 3)
      let test = try openDataset(at: folder, split: .test)
      #expect(test.description.classNames == ["a", "b"])
      #expect(test.description.labelHistogram == [0, 1])
      #expect(try openDataset(at: folder).count == 2)
      #expect(throws: DatasetError.self) { try openDataset(at: folder, split: .validation) }
    }
  }

  @Test func oneFolderTooHighIsNoted() throws {
    try withTemporaryFolder { folder in
      try folder.picture("animals/cat/1.png", tone: 1)
      try folder.picture("animals/dog/1.png", tone: 2)
      let description = try openDataset(at: folder).description
      #expect(description.classNames == ["animals"])
      #expect(description.notes.contains { $0.contains("one folder too high") })
    }
  }

  @Test func flatFoldersHaveNoLabelsAndSaySo() throws {
    try withTemporaryFolder { folder in
      try folder.picture("b.png", tone: 2)
      try folder.picture("a.png", tone: 1)
      let data = try openDataset(at: folder)
      #expect(data.description.layout == .flatImages)
      #expect(data.description.notes == ["There are no labels; every label is 0."])
      #expect(try data.example(at: 0)["image"]?.bytes[0] == 1)
    }
  }

  @Test func whatIsNotThereIsSaid() throws {
    try withTemporaryFolder { folder in
      let error = try #require(throws: DatasetError.self) { try openDataset(at: folder) }
      #expect(error.description.contains("IDX") && error.description.contains("metadata.jsonl"))
      #expect(throws: DatasetError.notFound(path: folder.path + "/none")) {
        try openDataset(at: folder.appendingPathComponent("none"))
      }
      try folder.write("train.txt", "words")
      #expect(try detectLayout(at: folder) == .text)
      #expect(throws: DatasetError.self) { try openDataset(at: folder) }
    }
  }

  @Test func contentsChangeTheFingerprintAndPlacesDoNot() throws {
    try withTemporaryFolder { folder in
      for place in ["x", "y"] { try folder.picture("\(place)/a/1.png", tone: 1) }
      func fingerprint(_ place: String) throws -> String {
        try openDataset(at: folder.appendingPathComponent(place)).description.fingerprint
      }
      #expect(try fingerprint("x") == fingerprint("y"))
      try folder.picture("y/a/1.png", tone: 2)
      #expect(try fingerprint("x") != fingerprint("y"))
    }
  }
}

struct TableTests {
  @Test func jsonLinesNameFilesLabelsAndNumbers() throws {
    try withTemporaryFolder { folder in
      try folder.picture("pictures/1.png", tone: 1)
      try folder.picture("pictures/2.png", tone: 2)
      try folder.write(
        "metadata.jsonl",
        #"{"file_name": "pictures/2.png", "label": "tree", "age": 3.5, "text": "old"}"# + "\n\n"
          + #"{"file_name": "pictures/1.png", "label": "bush", "age": 1, "text": "new"}"# + "\n")
      let data = try openDataset(at: folder)
      #expect(data.description.layout == .table)
      #expect(data.description.classNames == ["bush", "tree"])
      #expect(data.description.notes.contains { $0.contains("text") })
      let batch = try data.batch(at: [0, 1])
      #expect(batch["label"]?.integers() == [1, 0])
      #expect(batch["age"] == HostTensor([3.5, 1] as [Float]))
      #expect(batch["image"]?.bytes[0] == 2)
    }
  }

  @Test func csvLabelsAreSortedAsNumbersAndSplitByTheirColumn() throws {
    try withTemporaryFolder { folder in
      for index in 1...3 { try folder.picture("\(index).png", tone: UInt8(index)) }
      try folder.write(
        "labels.csv", "filename,label,split\n1.png,10,train\n\"2.png\",9,train\n3.png,10,test\n")
      let train = try openDataset(at: folder)
      #expect(train.description.classNames == ["9", "10"])
      #expect(try train.batch(at: [0, 1])["label"]?.integers() == [1, 0])
      let test = try openDataset(at: folder.appendingPathComponent("labels.csv"), split: .test)
      #expect(test.count == 1 && test.description.labelHistogram == [0, 1])
      #expect(throws: DatasetError.self) { try openDataset(at: folder, split: .validation) }
    }
  }

  @Test(arguments: [
    "name,label\n1.png,0\n", "file_name,label\n../1.png,0\n", "file_name,label\n/etc/passwd,0\n",
    "file_name,label\nnone.png,0\n", "file_name,label\n1.png,\n", "file_name,label\n", "",
    "file_name,file_name\na,b\n",
    "file_name,label\n,4\n",
  ]) func badTablesAreErrors(table: String) throws {
    try withTemporaryFolder { folder in
      try folder.picture("1.png", tone: 1)
      try folder.write("metadata.csv", table)
      #expect(throws: DatasetError.self) { try openDataset(at: folder) }
    }
  }

  @Test func aLineThatIsNotJSONIsNamed() throws {
    try withTemporaryFolder { folder in
      try folder.picture("1.png", tone: 1)
      try folder.write("metadata.jsonl", "{\"file_name\": \"1.png\"}\nnot json\n")
      let error = try #require(throws: DatasetError.self) { try openDataset(at: folder) }
      #expect(error.description.contains("line 2"))
    }
  }

  @Test func theLabelColumnMayBeChosen() throws {
    try withTemporaryFolder { folder in
      try folder.picture("1.png", tone: 1)
      try folder.write("metadata.csv", "file_name,kind\n1.png,fern\n")
      let data = try openDataset(at: folder, options: DatasetOptions(labelColumn: "kind"))
      #expect(data.description.classNames == ["fern"])
      #expect(throws: DatasetError.self) {
        try openDataset(at: folder, options: DatasetOptions(labelColumn: "sort"))
      }
    }
  }
}
