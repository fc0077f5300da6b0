// Draws images from a trained run of any system that draws from its latent space, into one PNG file:
//
//   swift run DrawFromRun ../../runs/cgan-photos-001 grid.png 32
import Atelier
import Foundation

func draw(from run: String, into file: String, count: Int) throws {
  let generator = try Generator(contentsOf: URL(fileURLWithPath: run), registry: .standard)
  let request = Request(count: count, draws: StreamDraws(RandomStream(seed: 1)))
  var images: [Image] = []
  try generator.draw(request) { output in
    if let batch = output.tensor { images += try Image.images(of: batch.host()) }
  }
  try ImageGrid(columns: 8).render(images).write(to: URL(fileURLWithPath: file))
  print(
    "\(file): \(images.count) images of \(generator.description.system), step \(generator.description.step)")
}

func fail(_ text: String, status: Int32) -> Never {
  FileHandle.standardError.write(Data("\(text)\n".utf8))
  exit(status)
}

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 3, let count = arguments.last.flatMap({ Int($0) }), count > 0 else {
  fail("Usage: DrawFromRun RUN OUTPUT.png COUNT", status: 64)
}
do {
  try draw(from: arguments[1], into: arguments[2], count: count)
} catch {
  fail("DrawFromRun: \(error)", status: 1)
}
