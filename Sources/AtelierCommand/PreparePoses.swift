import ArgumentParser
import Atelier
import Foundation

extension Prepare {
  /// `atelier data prepare poses`: stick figures of key points.
  struct Poses: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draws a stick figure for each file of a body's key points.",
      discussion: """
        Files are OpenPose's JSON (BODY_25 or COCO's 18 points, with face and hands where there are any) or COCO's \
        annotations, one a frame, in the order of their names; or a file of JSON lines, one a frame, with `keypoints` \
        or the same objects. The pictures lie beside a video's frames, in poses/VIDEO.

        --like brings the poses to the body and place of somebody else, by the rows of the ankles in both videos: the \
        person that a model was trained on.
        """)
    @Argument(help: "A folder of JSON files, or a file of JSON lines (.jsonl).", completion: .file())
    var input: String
    @Argument(help: "The folder to make.", completion: .directory)
    var output: String
    @Option(help: ArgumentHelp("The size of the frames that the points lie in.", valueName: "width×height"))
    var frames: String
    @Option(
      help: ArgumentHelp("The size of the pictures; default: that of the frames.", valueName: "width×height"))
    var size: String?
    @Option(
      help: "The JSON files or lines of the person whom the poses are brought to.", completion: .file())
    var like: String?
    @Option(
      help: ArgumentHelp("The size of that person's frames; default: --frames.", valueName: "width×height"))
    var likeFrames: String?
    @Option(
      help: "The folder of the video's frames, whose names the pictures take; default: they are numbered.",
      completion: .directory)
    var names: String?
    @Option(help: "Frames of the median by which points are smoothed; 1: none.")
    var smooth = 1
    @Flag(inversion: .prefixedNo, help: "Draw the points of face and hands.")
    var details = true

    func validate() throws {
      for text in [frames, size, likeFrames].compactMap(\.self) { _ = try Self.sides(text) }
      if smooth < 1 || smooth % 2 == 0 || smooth > 99 {
        throw ValidationError("--smooth must be odd, 1 to 99.")
      }
      if likeFrames != nil && like == nil { throw ValidationError("--like-frames belongs to --like.") }
    }

    private static func sides(_ text: String) throws -> (width: Int, height: Int) {
      let parts = text.replacing("×", with: "x").split(separator: "x").map { Int($0) ?? 0 }
      guard parts.count == 2, parts.allSatisfy({ (1...16_384).contains($0) }) else {
        throw ValidationError("a size is WIDTHxHEIGHT, such as 1920x1080, not '\(text)'.")
      }
      return (parts[0], parts[1])
    }

    func run() throws {
      let frames = try Self.sides(self.frames)
      let size = try size.map(Self.sides) ?? frames
      var drawing = PoseDrawing(width: size.width, height: size.height)
      drawing.details = details
      let example = try like.map {
        (folder: URL(fileURLWithPath: $0), size: try likeFrames.map(Self.sides) ?? frames)
      }
      try report(
        PosePictures.prepare(
          from: URL(fileURLWithPath: input), to: URL(fileURLWithPath: output), size: frames,
          drawing: drawing, like: example, window: smooth,
          named: names.map { URL(fileURLWithPath: $0) }, progress: showProgress), output)
    }
  }
}
