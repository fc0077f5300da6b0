// Trains a system that is defined here, beside Atelier's own, and draws from the run:
//
//   swift run OwnSystem /usr/share/datasets/fashion-mnist runs own.png 2000
import Atelier
import Foundation

func train(on data: String, runs: String, file: String, steps: Int) throws {
  let registry = SystemRegistry(SystemRegistry.standard.systems + [LinearVAE.self])
  let system = try registry.system(named: "linear-vae")

  let binding = try DataBinding.open(URL(fileURLWithPath: data), for: system, configuration: [:])
  let run = try RunDirectory.create(in: URL(fileURLWithPath: runs), name: "linear-vae")
  try Training.start(binding, in: run, options: TrainingOptions(steps: steps))

  let model = try loadSystem(from: run.url, registry: registry)
  let request = Request(count: 20, draws: StreamDraws(RandomStream(seed: 1)))
  var images: [Image] = []
  try model.system.draw(request) { output in
    if let batch = output.tensor { images += try Image.images(of: batch.host()) }
  }
  try ImageGrid(columns: 10).render(images).write(to: URL(fileURLWithPath: file))
  print("\(run.url.path): \(model.description.step) steps; \(images.count) images in \(file)")
}

func fail(_ text: String, status: Int32) -> Never {
  FileHandle.standardError.write(Data("\(text)\n".utf8))
  exit(status)
}

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 4, let steps = arguments.last.flatMap({ Int($0) }), steps > 0 else {
  fail("Usage: OwnSystem DATA RUNS OUTPUT.png STEPS", status: 64)
}
do {
  try train(on: arguments[1], runs: arguments[2], file: arguments[3], steps: steps)
} catch {
  fail("OwnSystem: \(error)", status: 1)
}
