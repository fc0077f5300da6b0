import Atelier
import Foundation

/// What `generate` does with a system that finds words for pictures: a line an image, its name and its tags.
struct TaggingJob: GenerateJob {
  private let tagger: ImageTagger
  private let inputs: [String]
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool {
    context.plan.ability(Tagging.self) != nil && context.startsFromInputs
  }

  static func scope(_ plan: SystemPlan) -> JobScope { JobScope("the tags of images", options: []) }

  init(_ context: GenerateContext) throws {
    guard try context.choices.conditions().isEmpty else {
      throw Refusal.usage("name images after the run or give --condition feature, not both")
    }
    tagger = try ImageTagger(context.generator.system, seed: context.command.seed)
    (inputs, results) = (context.command.inputs, context.results)
  }

  func run() throws {
    guard !inputs.isEmpty else {
      throw Refusal.usage("this system starts from images; name files or folders after the run")
    }
    let target = results.output == "-" ? nil : results.output.map { URL(fileURLWithPath: $0) }
    let files = try imageFiles(named: inputs, for: "generate")
    if let target {
      try ResultFiles.check([target], of: ["the tags"], inputs: files.map(\.path), force: results.force)
    }
    let found = try withTensorErrors { try tagger(files) }
    let lines = zip(files, found).map { "\($0.lastPathComponent): \($1.joined(separator: ", "))\n" }
    if let target {
      try Data(lines.joined().utf8).write(to: target, options: .atomic)
    } else {
      print(lines.joined(), terminator: "")
    }
  }
}
