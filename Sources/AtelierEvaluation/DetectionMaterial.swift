import AtelierCore
import AtelierData
import AtelierMedia
import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// What is done to images before a detector sees them, to find how much of it its scores survive.
enum ImageDamage: CaseIterable {
  case none, jpeg75, jpeg50, halved, noise

  /// As part of a number's name.
  var name: String {
    switch self {
    case .none: "as they are"
    case .jpeg75: "JPEG of quality 75"
    case .jpeg50: "JPEG of quality 50"
    case .halved: "half the size and back"
    case .noise: "noise of 5 %"
    }
  }

  /// As part of a number's id.
  var id: String {
    switch self {
    case .none: "plain"
    case .jpeg75: "jpeg-75"
    case .jpeg50: "jpeg-50"
    case .halved: "halved"
    case .noise: "noise"
    }
  }

  /// Images uint8 `[n, channels, height, width]` after it.
  func applied(to images: HostTensor, seed: UInt64, number: Int) throws -> HostTensor {
    switch self {
    case .none: return images
    case .noise:
      let stream = RandomStream(seed: seed, purpose: "noise \(number)")
      let noisy = Tensor(images).asType(.float32) + stream.normal(images.shape) * (0.05 * 255)
      return noisy.round().clamped(min: 0, max: 255).asType(.uint8).host()
    case .jpeg75, .jpeg50, .halved:
      return Tensor.stacked(
        try Image.images(of: images).map { image in
          let (width, height) = (image.width, image.height)
          let damaged =
            switch self {
            case .halved:
              try image.resized(width: max(1, width / 2), height: max(1, height / 2))
                .resized(width: width, height: height, filter: .bicubic)
            default:
              try ImageCodec().decode(
                ImageCodec().encode(image, as: .jpeg, quality: self == .jpeg75 ? 75 : 50))
            }
          return Tensor(damaged.converted(toChannels: images.shape[1]).hostTensor())
        }
      ).host()
    }
  }
}

/// The scores of a detector for the videos of one part of the data.
struct DetectedVideos {
  /// A video with the log odds of its frames.
  struct Video {
    let manipulation: String?
    var odds: [Double] = []

    var isFake: Bool { manipulation != nil }
  }

  /// Those with frames, in the order of their names.
  let videos: [Video]
  /// Frames that could not be read, and count as nothing.
  let unread: Int

  var frameCount: Int { videos.reduce(0) { $0 + $1.odds.count } }
  /// Whether some video has several frames.
  var hasVideos: Bool { videos.contains { $0.odds.count > 1 } }
  /// The manipulations, sorted.
  var manipulations: [String] { Set(videos.compactMap(\.manipulation)).sorted() }

  /// Scores a part.
  ///
  /// - Parameters:
  ///   - limit: the most frames of a video, evenly spaced; 0: all.
  init(
    _ dataset: any FrameCollection, _ system: any FakeDetectingSystem, _ context: EvaluationContext,
    field: String, limit: Int, damage: ImageDamage = .none
  ) throws {
    var byVideo: [String: [Int]] = [:]
    for index in 0..<dataset.count { byVideo[dataset.video(of: index), default: []].append(index) }
    let names = byVideo.keys.sorted()
    var found = names.map { name in
      Video(manipulation: byVideo[name]?.first.flatMap { dataset.manipulation(of: $0) })
    }
    var wanted: [(video: Int, index: Int)] = []
    for (video, name) in names.enumerated() {
      let all = byVideo[name] ?? []
      let count = limit > 0 ? min(limit, all.count) : all.count
      wanted += (0..<count).map { (video, all[$0 * all.count / count]) }
    }
    var unread = 0
    for start in stride(from: 0, to: wanted.count, by: 32) {
      let part = Array(wanted[start..<min(start + 32, wanted.count)])
      let read = inParallel(part.count) { number -> Result<Example, DatasetError> in
        do throws(DatasetError) { return .success(try dataset.example(at: part[number].index)) } catch {
          return .failure(error)
        }
      }
      var (examples, videos): ([Example], [Int]) = ([], [])
      for (result, place) in zip(read, part) {
        switch result {
        case .success(let example):
          examples.append(example)
          videos.append(place.video)
        case .failure(.corruptImage): unread += 1
        case .failure(let error): throw error
        }
      }
      guard !examples.isEmpty else { continue }
      var fields = try dataset.collate(examples)
      if damage != .none, let images = fields["image"] {
        fields["image"] = try damage.applied(to: images, seed: context.options.seed, number: start)
      }
      let batch = context.data.batch(HostBatch(fields: fields, indices: [], epoch: 0, isFirst: false))
      let odds = try withoutGradients { try system.logOdds(of: batch[field]).to(.cpu).doubles() }
      for (video, value) in zip(videos, odds) { found[video].odds.append(value) }
    }
    videos = found.filter { !$0.odds.isEmpty }
    self.unread = unread
  }

  /// Some of the videos.
  init(_ videos: [Video]) { (self.videos, unread) = (videos, 0) }

  /// Real videos and those of one manipulation.
  func only(_ manipulation: String) -> DetectedVideos {
    DetectedVideos(videos.filter { $0.manipulation == nil || $0.manipulation == manipulation })
  }

  /// What is told from each other: videos by one score each, or all of their frames.
  func scores(_ score: VideoScore?, of chosen: [Int]? = nil) -> (scores: [Double], isFake: [Bool]) {
    var (scores, isFake): ([Double], [Bool]) = ([], [])
    for index in chosen ?? Array(videos.indices) {
      let video = videos[index]
      let own =
        score.map { $0(video.odds).map { [$0] } ?? [] } ?? video.odds.map(VideoScore.probability)
      scores += own
      isFake += [Bool](repeating: video.isFake, count: own.count)
    }
    return (scores, isFake)
  }
}
