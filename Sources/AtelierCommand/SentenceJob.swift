import Atelier
import Foundation

/// What `generate` does with a system that turns sentences into sentences: a line for each line.
struct SentenceJob: GenerateJob {
  private let generator: Generator
  private let sampling: any Settings
  /// Sentences from the command line.
  private let texts: [String]
  /// Files of sentences, a line each; - is standard input.
  private let inputs: [String]
  /// Where the alignment of the first sentence goes.
  private let alignment: String?
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool {
    let writing = context.command.writing
    return context.plan.ability(SentenceTranslation.self) != nil
      && (context.startsFromInputs || !writing.text.isEmpty || writing.alignment != nil)
  }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope("translated sentences", options: ["--sampling", "--text", "--alignment"])
  }

  init(_ context: GenerateContext) throws {
    guard try context.choices.conditions().isEmpty else {
      throw Refusal.usage("give sentences by --text, by files after the run or by --condition; choose one")
    }
    sampling = try context.choices.sampling()
    (texts, alignment) = (context.command.writing.text, context.command.writing.alignment)
    (generator, inputs, results) = (context.generator, context.command.inputs, context.results)
  }

  func run() throws {
    let target = results.output == "-" ? nil : results.output.map { URL(fileURLWithPath: $0) }
    let picture = alignment.map { URL(fileURLWithPath: $0) }
    let written = [(target, "the translations"), (picture, "the alignment")].compactMap { file, name in
      file.map { (file: $0, name: name) }
    }
    try ResultFiles.check(
      written.map(\.file), of: written.map(\.name), inputs: inputs.filter { $0 != "-" }, force: results.force)
    guard let ability = generator.plan.ability(SentenceTranslation.self),
      let condition = generator.plan.condition(ability.source),
      case .field(.sequence(_, let longest, let padding)) = condition.kind,
      let names = try generator.names(condition).tokens
    else { throw Refusal.usage("this system says nothing of the sentences that it takes") }
    var lines = texts.map { (text: $0, place: "the sentence") }
    for input in inputs {
      for (number, line) in try self.lines(of: input).enumerated() {
        lines.append((line, "line \(number + 1) of \(input == "-" ? "standard input" : input)"))
      }
    }
    guard !lines.isEmpty else {
      guard let input = inputs.first else {
        throw Refusal.usage(
          "this system starts from sentences; give --text, or name files of them after the run")
      }
      let named = inputs.count == 1 ? (input == "-" ? "standard input" : input) : "the files"
      throw Refusal.data("there is no sentence in \(named); a line is a sentence")
    }
    let tokens = try lines.map { line -> [Int]? in
      let text = line.text.trimmingCharacters(in: .whitespaces)
      guard !text.isEmpty else { return nil }
      let tokens = try names.encode(text)
      guard tokens.count <= longest else {
        throw Refusal.data(
          "\(line.place) has \(tokens.count) tokens, and the system takes at most \(longest); divide it")
      }
      return tokens
    }
    if let source = (generator.system as? any SentenceTranslatingSystem)?.vocabularies?.source {
      sayUnknown(source.unknownPieces(of: lines.map(\.text)), of: "what is to be translated")
    }
    if let picture { try drawAlignment(tokens.lazy.compactMap { $0 }.first ?? [], to: picture) }
    var text = ""
    for start in stride(from: 0, to: tokens.count, by: 16) {
      let piece = try translated(
        Array(tokens[start..<min(start + 16, tokens.count)]), ability.source, padding)
      if target == nil {
        SignsOfLife.heard()
        print(piece, terminator: "")
        fflush(nil)
      } else {
        text += piece
      }
    }
    if let target { try AtomicFile.write(Data(text.utf8), to: target) }
  }

  private func lines(of input: String) throws -> [String] {
    guard input == "-" else { return try TextFile.lines(of: URL(fileURLWithPath: input)) }
    let data = FileHandle.standardInput.readDataToEndOfFile()
    guard let text = String(validating: data, as: UTF8.self) else {
      throw Refusal.data("standard input is not text in UTF-8; convert it (iconv -t UTF-8)")
    }
    return TextFile.lines(of: text)
  }

  /// A line for each sentence; an empty one for an empty one.
  private func translated(_ tokens: [[Int]?], _ source: String, _ padding: Int) throws -> String {
    let given = tokens.compactMap { $0 }
    var found: [Substring] = []
    if !given.isEmpty {
      let longest = given.reduce(0) { max($0, $1.count) }
      let rows = given.flatMap { $0 + [Int](repeating: padding, count: longest - $0.count) }
      var text = ""
      try generator.draw(
        Request(
          count: given.count, conditions: [source: .tensor(Tensor(rows, shape: [given.count, longest]))],
          sampling: sampling, draws: StreamDraws(RandomStream(seed: 0)))
      ) { text += $0.text ?? "" }
      found = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    }
    var next = found.makeIterator()
    return tokens.map { ($0 == nil ? "" : next.next() ?? "") + "\n" }.joined()
  }

  private func drawAlignment(_ tokens: [Int], to file: URL) throws {
    guard let system = generator.system as? any SentenceTranslatingSystem,
      let vocabularies = system.vocabularies,
      !tokens.isEmpty
    else { throw Refusal.usage("there is no sentence to draw the alignment of") }
    let search = sampling as? TranslationSearch ?? TranslationSearch()
    let source = Tensor(tokens, shape: [1, tokens.count]).to(system.device)
    let found = try withTensorErrors {
      try withoutGradients { try system.drawing { try system.translations(of: source, search)[0] } }
    }
    guard let alignment = found.alignment else { return }
    let sheet = try alignmentSheet(
      alignment, source: vocabularies.source.names(of: tokens),
      target: vocabularies.target.names(of: found.tokens))
    try ImageCodec().write(sheet, to: file)
  }
}
