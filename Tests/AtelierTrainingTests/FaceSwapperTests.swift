import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMedia
import AtelierModels
import Foundation
import Perception
import TestSupport
import Testing
import Torch

/// Swapped faces in whole images, with a detector that knows where they are.
@Suite struct FaceSwapperTests {
  private func swapper(
    _ faces: [Face], learnsMask: Bool = false, _ change: (inout FaceSwapDrawing) -> Void = { _ in }
  ) throws -> FaceSwapper {
    var configuration = DeepfakeAutoencoder.Configuration()
    configuration.imageSize = 16
    configuration.encoderChannels = [3, 4]
    configuration.innerChannels = 4
    configuration.latentSize = 6
    configuration.decoderChannels = [4, 3]
    configuration.learnMask = learnsMask
    let system = try DeepfakeAutoencoder(configuration, artefacts: Artefacts(), using: RandomStream(seed: 1))
    let description = ModelDescription(
      system: DeepfakeAutoencoder.identity.name, configuration: try configuration.values(),
      data: DatasetDescription(
        layout: .unpairedFolders, name: "faces", split: .train, count: 1, fingerprint: ""),
      artefacts: Artefacts(), step: 0)
    var settings = FaceSwapDrawing()
    settings.side = 64
    settings.colours = .none
    change(&settings)
    return FaceSwapper(try ImageTranslator(system, description), settings) { _, minimum in
      faces.filter { $0.box.width >= Double(minimum) }
    }
  }

  /// A face of a width around a place.
  private func face(_ x: Double, _ y: Double, width: Double) -> Face {
    func point(_ across: Double, _ down: Double) -> FacePoint {
      FacePoint(x: x + across * width, y: y + down * width)
    }
    return Face(
      box: FaceBox(left: x - width / 2, top: y - width / 2, right: x + width / 2, bottom: y + width / 2),
      landmarks: FaceLandmarks(
        leftEye: point(-0.2, -0.2), rightEye: point(0.2, -0.2), nose: point(0, 0),
        leftMouth: point(-0.18, 0.22),
        rightMouth: point(0.18, 0.22)), score: 0.9)
  }

  private let frame = TinyData.coloured(number: 2, width: 200, height: 120)

  private func changed(_ one: Image, _ other: Image, _ x: Int, _ y: Int) -> Bool {
    (0..<3).contains { one.bytes[(y * one.width + x) * 3 + $0] != other.bytes[(y * one.width + x) * 3 + $0] }
  }

  @Test func onlyTheFaceChanges() throws {
    let (made, count) = try swapper([face(60, 60, width: 60)])(frame)
    #expect(count == 1 && made.width == 200 && made.height == 120)
    #expect(changed(made, frame, 60, 60) && !changed(made, frame, 180, 60) && !changed(made, frame, 60, 2))
  }

  @Test func theLargestOrAllFacesAreSwapped() throws {
    let faces = [face(40, 60, width: 44), face(140, 60, width: 60)]
    let one = try swapper(faces)(frame)
    #expect(one.faces == 1 && changed(one.image, frame, 140, 60) && !changed(one.image, frame, 40, 60))
    let all = try swapper(faces) { $0.faces = .all }(frame)
    #expect(all.faces == 2 && changed(all.image, frame, 140, 60) && changed(all.image, frame, 40, 60))
    let large = try swapper(faces) { ($0.faces, $0.minimumFace) = (.all, 50) }(frame)
    #expect(large.faces == 1)
  }

  @Test func aFrameWithoutFacesStaysAsItIs() throws {
    let (made, count) = try swapper([])(frame)
    #expect(count == 0 && made == frame)
  }

  @Test(arguments: ColourMatching.allCases) func everyWayOfBlendingGivesAnImage(_ colours: ColourMatching)
    throws
  {
    for (seamless, mask) in [(false, false), (true, false), (false, true)] {
      let (made, _) = try swapper([face(60, 60, width: 60)], learnsMask: mask) {
        ($0.colours, $0.seamless) = (colours, seamless)
      }(frame)
      #expect(made.width == 200 && !changed(made, frame, 180, 60))
    }
  }

  @Test func whatCannotBeDrawnIsRefused() {
    for change: (inout FaceSwapDrawing) -> Void in [
      { $0.minimumFace = 3 }, { $0.side = 4 }, { $0.erosion = 1 }, { $0.feather = -1 },
    ] {
      var settings = FaceSwapDrawing()
      change(&settings)
      #expect(throws: ConfigurationError.self) { try settings.validate() }
    }
  }
}
