import Atelier
import Foundation
import TestSupport
import Testing
import Torch

/// Sounds that are longer than what is held in memory at a time.
@Suite struct LongSoundTests {
  @Test func aLongSoundIsMadeInBlocksThatEqualTheWhole() throws {
    let atelier = try #require(
      Program(named: "atelier"), "the program atelier was not built beside the tests")
    let folder = try TemporaryFolder()
    let run = folder("run").path
    let changes = [
      "filters=[3, 4]", "kernelSizes=[5, 3]", "length=1024", "hop=1024", "sampleRate=8000", "factor=2",
      "batchSize=2",
    ]
    let training = try atelier.run(
      [
        "train", "audio-super-resolution", "--data", try TinyLayout.sounds.write(in: folder.url).path,
        "--run",
        run, "--steps", "1", "--quiet",
      ] + changes.flatMap { ["--set", $0] })
    try #require(training.status == 0, "\(training.errors)")
    // Two minutes and a half: two blocks and what is left.
    let frames = 1_200_001
    var samples: [Float] = []
    for frame in 0..<frames {
      let time = Double(frame) / 8000
      samples.append(Float(0.3 * sin(time * (900 + 200 * sin(time * 0.9))) + 0.1 * sin(time * 2411)))
    }
    let speech = folder("long.wav")
    try Audio(sampleRate: 8000, samples: samples).write(to: speech, encoding: .float32)
    let output = folder("made.wav")
    let made = try atelier.run(["generate", run, speech.path, "--output", output.path, "--no-mark"])
    try #require(made.status == 0, "\(made.errors)")
    let found = try Audio(contentsOf: output).samples
    try #require(found.count == frames)

    let generator = try Generator(
      contentsOf: URL(fileURLWithPath: run), registry: .standard, on: .cpu, say: { _ in })
    var expected: [Float] = []
    try generator.draw(
      Request(
        count: 1, conditions: ["signal": .tensor(Tensor(samples, shape: [1, 1, frames]))],
        sampling: SoundDrawing(), draws: StreamDraws(RandomStream(seed: 0)))
    ) { if let tensor = $0.tensor { expected = tensor.floats() } }
    let largest = zip(found, expected).map { abs($0 - max(-1, min(1, $1))) }.max() ?? 1
    #expect(largest < 2 / 32_768)
  }
}
