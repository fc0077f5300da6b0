public import AtelierCore
import AtelierData
import AtelierMetrics
import AtelierTraining
import Torch

/// The settings of measures that follow an object.
public struct TrackedObjectOptions: Settings {
  /// The class of the object in the label maps, by name or number; nil: the smallest one that is in most frames.
  public var object: String?

  /// The usual settings.
  public init() {}

  /// Accepts any name, which the data know or not.
  public func validate() throws(ConfigurationError) {}
}

extension EvaluationContext {
  /// Played videos and the object that is followed in them; nil, which is noted, where there are none or it cannot be.
  func trackedObject(
    _ options: TrackedObjectOptions
  ) throws -> (material: VideoMaterial, object: TrackedObject)? {
    guard let material = try videoMaterial(),
      let object = try TrackedObject(options.object, material, self)
    else { return nil }
    return (material, object)
  }
}

/// The object of played videos: where it is in real frames, as label maps beside them say, and in made ones, where it is found
/// by its colours.
struct TrackedObject {
  /// Where it is in the frames of a clip.
  struct Places {
    /// In the real frames, by the label maps.
    var real: [ColourDetector.Place?]
    /// In the real frames, by colours: how well they tell it.
    var found: [ColourDetector.Place?]
    /// In the made frames, by colours.
    var made: [ColourDetector.Place?]
    /// In the frames of each baseline, by colours; of the first frame repeated where the label map says.
    var beside: [[ColourDetector.Place?]]
  }

  /// What the object is called.
  let name: String
  /// Of each clip of the material.
  let places: [Places]
  /// What a protocol says of the detector.
  let setting: String

  /// The share of real frames in which it has to be found by its colours.
  static let fewest = 0.9

  /// The object that a name or number of a class names; by default the class that is smallest where it is, among those in at
  /// least half of the frames.
  ///
  /// Nil, which is noted, without label maps, and where colours do not tell the object from what is around it.
  ///
  /// - Throws: `MetricError` that lists the classes for another name.
  init?(_ wanted: String?, _ material: VideoMaterial, _ context: EvaluationContext) throws {
    guard material.clips.allSatisfy({ $0.labels != nil }) else {
      context.note(
        "no object was followed, because the held-out videos have no label maps; add a folder labels beside their frames"
      )
      return nil
    }
    let labels = material.clips.compactMap(\.labels)
    guard let number = try Self.number(wanted, labels, material.classNames) else {
      context.note("no object was followed, because no class of the label maps is in half of the frames")
      return nil
    }
    name = FieldNames(classes: material.classNames).name(ofClass: number)
    let masks = labels.map { $0.equal(Double(number)) }
    // Half of the real frames say what it looks like, and the others whether that tells.
    let even = zip(material.clips, masks).map { clip, mask in
      (images: Self.every(clip.real, from: 0), mask: Self.every(mask.asType(.uint8), from: 0))
    }
    let detector = try ColourDetector(
      images: .concatenated(even.map(\.images), dim: 0), masks: .concatenated(even.map(\.mask), dim: 0))
    places = try zip(material.clips, masks).map { clip, mask in
      let real = ColourDetector.places(of: mask)
      return Places(
        real: real, found: try detector.places(in: clip.real), made: try detector.places(in: clip.made),
        beside: try material.baselines.map { baseline in
          baseline.name == VideoMaterial.stillName
            ? real.map { _ in real[0] } : try detector.places(in: baseline.frames(clip))
        })
    }
    var (shown, known) = (0, 0)
    for clip in places {
      for time in stride(from: 1, to: clip.real.count, by: 2) where clip.real[time] != nil {
        shown += 1
        if clip.found[time] != nil { known += 1 }
      }
    }
    let share = Double(known) / Double(max(1, shown))
    guard share >= Self.fewest else {
      context.note(
        "no object was followed, because '\(name)' is found by its colours in \(Int(100 * share)) % of the real frames only"
      )
      return nil
    }
    setting =
      "\(material.setting); '\(name)' by label maps in real frames, by its colours in made ones (cells of 16 levels, learned "
      + "from every second real frame, found in \(Int((100 * share).rounded())) % of the others)"
  }

  /// Every second frame.
  private static func every(_ frames: Tensor, from start: Int) -> Tensor {
    frames.indexSelected(0, Tensor(Array(stride(from: start, to: frames.shape[0], by: 2))))
  }

  private static func number(_ wanted: String?, _ labels: [Tensor], _ names: [String]) throws -> Int? {
    let highest = Int(labels.map { $0.max().item() }.max() ?? 0)
    if let wanted {
      do { return try FieldNames(classes: names).number(ofClass: wanted, below: highest + 1) } catch {
        throw MetricError("the object to follow: \(error)")
      }
    }
    let all = Tensor.concatenated(labels, dim: 0)
    let frames = all.shape[0]
    let candidates = (0...highest).compactMap { number -> (number: Int, size: Double)? in
      let counts = all.equal(Double(number)).asType(.float32).sum(dims: [1, 2]).floats().filter { $0 > 0 }
      guard 2 * counts.count >= frames else { return nil }
      return (number, Double(counts.reduce(0, +)) / Double(counts.count))
    }
    guard candidates.count > 1 else { return nil }
    return candidates.min { $0.size < $1.size }?.number
  }
}
