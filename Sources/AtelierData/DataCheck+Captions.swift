internal import AtelierMedia
internal import Foundation

/// Whether a folder holds images with words: a table of captions, or a text file for most of the images.
func holdsCaptions(_ path: URL) -> Bool {
  if CaptionShards.isPresent(at: path) { return true }
  guard ImageFolders.isFolder(path) else { return false }
  if let table = LabelTable.find(in: path) {
    // Of a table with labels and captions the labels count; the captions are there for whoever asks for them.
    return (try? LabelTable(table).hasLabels) == false && (try? CaptionTable.findAny(in: path)) != nil
  }
  if CaptionTable.find(in: path) != nil { return true }
  let root = ImageFolders.isDivided(path) ? ImageFolders.folder(of: .train, in: path) ?? path : path
  if CaptionTable.find(in: root) != nil { return true }
  let names = ImageFolders.pictures(below: root)
  let texts = names.count { name in
    let text = root.appendingPathComponent(name).deletingPathExtension().appendingPathExtension("txt")
    return FileManager.default.fileExists(atPath: text.path)
  }
  return texts > 0 && 2 * texts >= names.count
}

extension DataCheck {
  /// Reads images with words.
  mutating func readCaptions(_ progress: (@Sendable (Int, Int) -> Void)?) {
    var sets: [(split: DatasetSplit, data: any Dataset)] = []
    var words: [[DataReport.Tally]] = []
    for split in DatasetSplit.allCases {
      let found: TaggedImageSet
      do throws(DatasetError) { found = try openTaggedImages(at: path, split: split) } catch {
        if case .missingSplit = error, split != .train { continue }
        find(.error, .unreadable, error.description)
        continue
      }
      let sentences = found.pictures.flatMap(\.sentences)
      words.append([
        DataReport.Tally(name: "captions", count: sentences.count),
        DataReport.Tally(name: "words", count: sentences.reduce(0) { $0 + $1.count }),
        DataReport.Tally(name: "distinct words", count: Set(sentences.joined()).count),
      ])
      let description = DatasetDescription(
        layout: .flatImages, name: found.name, split: split, count: found.pictures.count,
        classNames: ["0"], fingerprint: found.fingerprint, notes: found.notes)
      sets.append((split, SurveyedPictures(description: description, pictures: found.pictures)))
    }
    guard let training = sets.first, training.split == .train else { return }
    judgeUse(training.data)
    judgeNotes(training.data.description)
    if CaptionShards.isPresent(at: path) {
      // Each part has shards of its own, where there are parts.
      for set in sets.dropFirst() where set.data.description.notes != training.data.description.notes {
        judgeNotes(set.data.description)
      }
    }
    let pictures = survey(sets, progress)
    for (set, text) in zip(sets, words) {
      addPart(set.split, set.data, pictures.filter { $0.split == set.split })
      report.parts[report.parts.count - 1].text = text
    }
    collectCorrupt(pictures)
    judgeFiles(pictures.count)
    judgeAnimations(pictures)
    judgeNumbers(pictures)
    if training.data.count < 100 {
      find(
        .warning, .fewExamples,
        "There are \(training.data.count) training images; most systems need hundreds to thousands.")
    }
    judgeDuplicates(DuplicateSearch(pictures))
    judgeShapes()
  }
}

/// Images of a set at their own sizes, for the check.
struct SurveyedPictures: Dataset {
  let description: DatasetDescription
  let pictures: [TaggedImageSet.Picture]

  var count: Int { pictures.count }

  func example(at index: Int) throws(DatasetError) -> Example {
    Example(["image": try pictures[index].image(by: ImageCodec()).hostTensor()])
  }
}
