public import ArgumentParser
public import Atelier
import Foundation

extension Prepare {
  /// `atelier data prepare faces`.
  struct Faces: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Cuts aligned faces out of videos and images, a folder a person.",
      discussion: """
        MTCNN finds faces, which are followed from frame to frame, SFace says which are of one person, and each is \
        turned upright and cut out; `atelier weights install mtcnn sface` fetches both. faces.jsonl says of each crop \
        its source and frame, box, landmarks, transform, sharpness and pose, so that a changed crop can be pasted back; \
        contact-sheet.png shows some of each person: look at it, as people can be taken for one another.

          atelier data prepare faces interview.mp4 faces
          atelier data prepare faces videos faces --preset faceswap --size 256 --turn 45
          atelier data prepare faces photographs faces --preset arcface --size 112
        """)

    @Argument(help: "A video, an image, or a folder of videos and images.", completion: .file())
    var input: String
    @Argument(help: "The folder to make.", completion: .directory)
    var output: String
    @Option(
      help: ArgumentHelp(
        "Where the face stands in its crop: \(FaceLayout.allCases.map(\.rawValue).joined(separator: ", ")).",
        valueName: "layout"))
    var preset = FaceLayout.ffhq
    @Option(help: "The side of the crops in pixels.")
    var size = FaceOptions().size
    @Option(
      parsing: .unconditional, help: "How much more to take on each side, as a part of the preset's side.")
    var margin = FaceOptions().margin
    @Option(help: "The shorter side of the smallest face in pixels; time falls with its square.")
    var minimumFace = FaceOptions().minimumFace
    @Option(help: "The least score of a face, 0 to 1.")
    var score = FaceOptions().score
    @Option(help: "Look at one frame of so many.")
    var every = FaceOptions().every
    @Option(help: "Leave out people with fewer faces.")
    var minimumCount = FaceOptions().minimumCount
    @Option(help: "Leave out faces whose sharpness is less (some 20 is blurred).")
    var sharpness = FaceOptions().sharpness
    @Option(help: "Leave out faces that are turned further, in degrees.")
    var turn: Double?
    @Option(
      parsing: .unconditional,
      help: "The cosine from which on faces are of one person; default: 0.363, as OpenCV's.")
    var likeness: Double?
    @Flag(help: "Folders of images are frames of videos; else each image stands for itself.")
    var frames = false

    func run() throws {
      var options = FaceOptions()
      (options.layout, options.size, options.margin) = (preset, size, margin)
      (options.minimumFace, options.score, options.every) = (minimumFace, score, every)
      (options.minimumCount, options.sharpness, options.turn) = (minimumCount, sharpness, turn)
      (options.likeness, options.areFrames) = (likeness, frames)
      let networks = try FaceNetworks.installed(for: "data prepare faces")
      for origin in networks.origins { standardError("\(origin.name): licence: \(origin.licence)\n") }
      try report(
        FaceSet.prepare(
          from: DataArchive.folder(at: URL(fileURLWithPath: input)), to: URL(fileURLWithPath: output),
          options: options,
          networks: networks, progress: showProgress), output)
    }
  }
}

extension Prepare {
  /// `atelier data prepare rendered-faces`.
  struct RenderedFaces: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draws faces of people that nobody is, with exact landmarks.",
      discussion: """
        Each person has its own proportions, colours and hair; each clip a motion of head, eyes, brows and mouth, a light \
        and a background that do not depend on who it is. The folders train and test are laid out as `data prepare \
        faces` lays out a folder: a folder a person, frames in the order of time, and faces.jsonl, which has all 68 \
        landmarks besides the five; so every system of faces trains on it, and first-order-motion takes the folders \
        for videos. consent.yaml says that nobody is shown, contact-sheet.png shows some of each person.

          atelier data prepare rendered-faces faces --identities 40 --frames 48
          atelier data prepare rendered-faces pair --identities 2 --preset faceswap --same-motion
          atelier data prepare rendered-faces strangers --first 41 --identities 10
          atelier data prepare rendered-faces talks --speech voices --frames 100
        """)

    @Argument(help: "The folder to make.", completion: .directory)
    var output: String
    @Option(help: "The number of people.")
    var identities = RenderedFaceOptions().identities
    @Option(help: "The number of the first person; another seed or number is another person.")
    var first = RenderedFaceOptions().first
    @Option(help: "Clips of each person.")
    var clips = RenderedFaceOptions().clips
    @Option(help: "How many of the clips are held out, in the folder test.")
    var testClips = RenderedFaceOptions().testClips
    @Option(help: "Frames of each clip.")
    var frames = RenderedFaceOptions().frames
    @Option(help: "Frames a second (default: 12, and 25 with --speech).")
    var frameRate: Double?
    @Option(help: "The side of the square images in pixels.")
    var size = RenderedFaceOptions().size
    @Option(
      help: ArgumentHelp(
        "Crops in which the face stands still, as of `data prepare faces`: "
          + "\(FaceLayout.allCases.map(\.rawValue).joined(separator: ", ")); default: whole frames.",
        valueName: "layout"))
    var preset: FaceLayout?
    @Flag(help: "Everybody moves alike in clips of the same number: pairs of one expression.")
    var sameMotion = false
    @Flag(
      help:
        "Write masks of the face's skin into a folder masks of each part, which folders a class must not have."
    )
    var masks = false
    @Option(
      help: ArgumentHelp(
        "A folder of sounds, or of speakers' folders, that the people say: mouths follow them, and a WAV lies beside each clip.",
        valueName: "folder"), completion: .directory)
    var speech: String?
    @Option(help: "What everything follows from.")
    var seed: UInt64 = 0

    func run() throws {
      var options = RenderedFaceOptions()
      (options.identities, options.first, options.seed) = (identities, first, seed)
      (options.clips, options.testClips, options.frames) = (clips, testClips, frames)
      (options.size, options.layout, options.speech) = (size, preset, speech)
      options.frameRate = frameRate ?? (speech == nil ? options.frameRate : 25)
      (options.sharesMotion, options.hasMasks) = (sameMotion, masks)
      try report(
        RenderedFaceSet.prepare(
          to: URL(fileURLWithPath: output), options: options, progress: showProgress), output)
    }
  }
}

extension FaceLayout: ExpressibleByArgument {}
