import ArgumentParser
import Atelier
import Foundation

/// `atelier generate`: images or text from a trained model.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Generates images or text with a trained model.",
    discussion: """
      RUN is a run's folder, a checkpoint's folder or a model.safetensors.

      A system that starts from images takes them after RUN: files, folders, or - for standard input. Each result \
      has its image's size, format and depth, and goes to --output (one image), into --files, or beside \
      nothing else into the present folder. Inputs are never written over.

      Other systems draw --count images into one grid (--output samples.png) or into a folder of files (--files \
      DIR), sounds as WAV, videos as MP4, or write text to standard output. Nothing that is there is written over \
      without --force.

      Every system takes its conditions by --condition NAME=VALUE and its settings of drawing by --sampling \
      KEY=VALUE; `atelier systems NAME` lists them. Most options below are another spelling of one of them.

        atelier generate runs/pix2pix-facades-001 plan.png --output house.png
        atelier generate runs/cyclegan-001 photographs --files paintings --direction BtoA
        atelier generate runs/munit-001 cat.jpg --files dogs --variations 5
        atelier generate runs/funit-001 cat.jpg --style foxes --output fox.jpg
        atelier generate runs/sean-001 map.png --style a.jpg b.jpg --style-map a.png b.png --region sky=2
        atelier generate runs/oasis-001 map.png --vary sky --variations 4 --files skies
        atelier generate runs/cgan-fashion-001 --class Sneaker --count 16
        atelier generate runs/ic-gan-001 --instance cat.png --count 16
        atelier generate runs/playable-video-001 first.png --actions "left*12 jump" --output played.mp4
        atelier generate runs/vae-001 --interpolate 10 --count 4
        atelier generate runs/dall-e-001 --prompt "red heart" --candidates 64 --count 8
        atelier generate runs/rnn-001 --prompt "To be" --temperature 0.8
        atelier generate runs/transformer-001 --text "Select the cell." --sampling beams=4
        atelier generate runs/transformer-001 sentences.txt --output translations.txt
        atelier generate runs/face-identity-transformer-001 face.png --anonymise --output unknown.png
        atelier generate runs/stargan-vc-001 speech.wav --to anna --output converted.wav
        atelier generate runs/autovc-001 speech.wav --to stranger.wav --vocoder runs/vocoder-001 --files converted
        atelier generate runs/deepfake-detection-001 clip.mp4 --sampling every=5 --output clip.jsonl
        atelier generate runs/first-order-motion-001 face.jpg --condition driving=talk.mp4 --output moving.mp4
        atelier generate runs/vid2vid-001 label-maps --output street.mp4
        atelier generate runs/wav2lip-001 face.mp4 --condition mels=speech.wav --output dubbed.mp4
        atelier generate runs/ic-gan-001 --condition features=cats.safetensors --sampling truncation=0.7
      """)

  @Argument(help: ArgumentHelp("A run, a checkpoint or a model file.", valueName: "run"), completion: .file())
  var trained: String

  @Argument(
    help: ArgumentHelp(
      "Images, sounds, videos or sentences to start from: files, folders, or - where standard input is taken.",
      valueName: "input"),
    completion: .file())
  var inputs: [String] = []

  @Option(help: "The file to write; - is standard output.", completion: .file())
  var output: String?

  @Option(help: "A folder to write one file an output into.", completion: .directory)
  var files: String?

  @Flag(help: "Draw from the checkpoint that was best on the validation part, and not from the newest.")
  var best = false

  @Flag(help: "Write over files that are there.")
  var force = false

  @Option(
    help: ArgumentHelp(
      "A condition by its name: a class, a text, or the file of an image, a label map, a sound, features or a tensor.",
      valueName: "name=value"))
  var condition: [String] = []

  @Option(help: ArgumentHelp("A setting of drawing by its name.", valueName: "key=value"))
  var sampling: [String] = []

  @Option(help: "What the random numbers follow from.")
  var seed: UInt64 = 0

  @Flag(
    inversion: .prefixedNo,
    help: "Write into the metadata of each image and sound that a model made it, and which.")
  var provenance = true

  @Flag(
    inversion: .prefixedNo,
    help: "Put an invisible mark into each image, an inaudible one into each sound; see 'atelier inspect'.")
  var mark = true

  @Flag(
    inversion: .prefixedNo,
    help: "Write 'AI-generated' visibly into a corner of each frame of a video.")
  var label = true

  @OptionGroup(title: "Computing") var machine: MachineOptions
  @OptionGroup(title: "Images from images") var translating: TranslationOptions
  @OptionGroup(title: "Drawing") var drawing: DrawingOptions
  @OptionGroup(title: "Writing text") var writing: WritingOptions
  @OptionGroup(title: "Voices") var voices: VoiceOptions
  @OptionGroup(title: "Passcodes") var passcodes: PasscodeOptions

  /// The conditions as they are typed, also those that have an option of their own.
  var givenConditions: [String] { condition + (drawing.actions.map { ["actions=\($0)"] } ?? []) }

  func run() throws {
    let device = try machine.applied()
    let generator = try Generator(
      contentsOf: modelPlace(trained, best: best), registry: AtelierTool.systems, on: device,
      say: { standardError("\($0)\n") })
    try GenerateOption.check(self, generator.plan, of: generator.description.system)
    try GenerateJobs.job(for: GenerateContext(self, generator)).run()
    standardError(drawnFrom(generator))
  }

  /// From which step, and whether there will be later ones.
  private func drawnFrom(_ generator: Generator) -> String {
    let (folder, step) = (URL(fileURLWithPath: trained), generator.description.step)
    // What was imported has no steps, and is trained.
    let isCheckpoint =
      generator.file.deletingLastPathComponent().lastPathComponent == RunDirectory.stepName(0)
    guard step > 0 || isCheckpoint else { return "Drawn from \(folder.lastPathComponent).\n" }
    let stand = step == 0 ? "step 0, before any training" : "step \(step)"
    let isInTraining = RunDirectory(url: folder).isInTraining
    return "Drawn from \(stand) of \(folder.lastPathComponent)"
      + (isInTraining ? ", its newest checkpoint; the run is in training.\n" : ".\n")
  }
}
