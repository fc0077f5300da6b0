import AtelierCore
import AtelierData
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch

/// What is refused leaves everything as it was.
@Suite(.serialized) struct RefusalTests {
  private let registry = SystemRegistry([ToySystem.self])

  private func trained(in folder: TemporaryFolder) throws -> RunDirectory {
    try FileManager.default.createDirectory(at: folder("data"), withIntermediateDirectories: true)
    try TinyData.writeIDX(to: folder("data"), classes: 2, perClass: 6)
    return try SystemHarness(ToySystem.self, data: folder("data"))
      .train(in: folder.url, options: SystemHarness.options(steps: 2))
  }

  /// Every file below a folder with its bytes.
  private func contents(of folder: URL) throws -> [String: Data] {
    var contents: [String: Data] = [:]
    let files = FileManager.default.enumerator(atPath: folder.path)
    while let name = files?.nextObject() as? String {
      let file = folder.appendingPathComponent(name)
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder) else { continue }
      contents[name] = isFolder.boolValue ? Data() : try Data(contentsOf: file)
    }
    return contents
  }

  /// Changes that a run does not allow.
  enum Change: CaseIterable {
    case seed, threads, precision, device, limit, otherData
  }

  @Test(arguments: Change.allCases) func aRefusedResumptionChangesNothing(_ change: Change) throws {
    let folder = try TemporaryFolder()
    let run = try trained(in: folder)
    try FileManager.default.createDirectory(at: folder("other"), withIntermediateDirectories: true)
    try TinyData.writeIDX(to: folder("other"), classes: 2, perClass: 4)
    let before = try contents(of: run.url)
    let threads = Engine.threadCount
    defer { Engine.threadCount = threads }
    #expect(throws: TrainingError.self) {
      try Training.resume(
        run.url, registry: registry, dataPath: change == .otherData ? folder("other") : nil
      ) { options in
        options.steps = 4
        switch change {
        case .seed: options.seed += 1
        case .threads: options.threads = threads + 1
        case .precision: options.precision = .bfloat16
        case .device: options.device = Device(parsing: "cuda:99") ?? .cpu
        case .limit: options.steps = -1
        case .otherData: break
        }
      }
    }
    #expect(try contents(of: run.url) == before)
    Engine.threadCount = threads
    // And the run still goes on as if nothing had been asked.
    #expect(try Training.resume(run.url, registry: registry) { $0.steps = 4 }.step == 4)
  }

  @Test func aRunOfAMissingDeviceSaysSoBeforeAnythingIsOpened() throws {
    let folder = try TemporaryFolder()
    let run = try trained(in: folder)
    let text = try String(contentsOf: run.configuration, encoding: .utf8)
    try Data(text.replacing("device: cpu", with: "device: cuda:99").utf8).write(to: run.configuration)
    let error = #expect(throws: TrainingError.self) {
      try Training.resume(run.url, registry: registry) { $0.steps = 4 }
    }
    #expect(error == .unavailableDevice("cuda:99"))
    #expect(throws: TrainingError.unavailableDevice("cuda:99")) {
      try Training.openData(of: run.url, registry: registry)
    }
    let data = try Training.openData(of: run.url, registry: registry, device: .cpu)
    #expect(data.options.device == .cpu)
  }

  @Test func absurdCountsOfThreadsAndWorkersAreRefused() throws {
    #expect(throws: TrainingError.self) { try TrainingOptions(steps: 1, threads: 1_000_000).validate() }
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, classes: 2, perClass: 2)
    for workers in [0, 1_000_000] {
      #expect(throws: TrainingError.self) {
        try DataBinding.open(
          folder.url, for: ToySystem.self, configuration: [:], options: .init(workers: workers))
      }
    }
  }

  @Test func networksThatDoNotFitInMemoryAreAnErrorAndLeaveNothing() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(at: folder("data"), withIntermediateDirectories: true)
    try TinyData.writeIDX(to: folder("data"), classes: 2, perClass: 6)
    let data = try DataBinding.open(
      folder("data"), for: ToySystem.self, configuration: ["latentSize": 1_000_000_000_000], options: .init())
    let run = try RunDirectory.create(in: folder("runs"), name: "large")
    #expect(throws: TensorError.self) {
      try Training.start(data, in: run, options: SystemHarness.options(steps: 1))
    }
    #expect(!FileManager.default.fileExists(atPath: run.configuration.path))
    run.removeIfEmpty()
    #expect(!FileManager.default.fileExists(atPath: run.url.path))
  }
}
