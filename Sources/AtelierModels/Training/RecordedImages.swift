import AtelierCore

/// Batches of a reference case, each once.
final class RecordedImages: BatchSource {
  private var rest: ArraySlice<Batch>

  init(_ batches: [Batch]) { rest = batches[...] }

  func next() throws -> Batch {
    guard let batch = rest.popFirst() else {
      throw ConfigurationError("the step asked for more batches than were recorded")
    }
    return batch
  }
}
