// swift-tools-version: 6.3
import Foundation
import PackageDescription

// The engine. `make setup` puts the libtorch of the PyPI wheel behind the symbolic link `.libtorch`, and
// `Scripts/setup --user` behind one in the user's own folder, for packages that depend on this one: SwiftPM
// lays their copy of it out anew, without the link. The environment variable LIBTORCH names another
// installation (a folder that holds `include` and `lib`). The compiler, the linker and the program look into
// these places in turn, so that what SwiftPM remembers of this manifest does not depend on what is there.
let libtorchPlaces =
  Context.environment["LIBTORCH"].map { [$0] } ?? [
    Context.packageDirectory + "/.libtorch",
    (Context.environment["XDG_DATA_HOME"] ?? (Context.environment["HOME"] ?? "") + "/.local/share")
      + "/atelier/libtorch",
  ]

// A libtorch built with CUDA registers its operators from static initialisers, so the linker must
// not drop the library although nothing refers to a symbol of it.
let libtorch = libtorchPlaces.first { FileManager.default.fileExists(atPath: $0 + "/lib") }
let hasCUDA = FileManager.default.fileExists(atPath: (libtorch ?? "") + "/lib/libtorch_cuda.so")
let cudaLinking = hasCUDA ? ["-Xlinker", "--no-as-needed", "-ltorch_cuda", "-lc10_cuda"] : []

let engineLinking: [LinkerSetting] = [
  .unsafeFlags(
    libtorchPlaces.flatMap { ["-L\($0)/lib", "-Xlinker", "-rpath", "-Xlinker", "\($0)/lib"] } + cudaLinking),
  .linkedLibrary("torch"), .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
]

// Faiss, which may be absent: what stands on it is then built without, and says so when it is used. The
// environment variable FAISS names the folder of an installation that holds `include` and `lib`.
func holdsFaiss(_ folder: String) -> Bool {
  // From version 1.7.3 on a search can be told how many lists to look through.
  let header = folder + "/include/faiss/IndexIVF.h"
  return (try? String(contentsOfFile: header, encoding: .utf8))?.contains("SearchParametersIVF") ?? false
}
let faissFolders =
  Context.environment["FAISS"].map { [$0] } ?? ["/opt/homebrew/opt/faiss", "/usr/local", "/usr"]
let faissFolder = faissFolders.first(where: holdsFaiss)
let faissLibraries = ["lib", "lib64"].compactMap { name in faissFolder.map { $0 + "/" + name } }
  .filter { FileManager.default.fileExists(atPath: $0) }
// Debian's Faiss is a static library, which names none of what it needs.
#if os(Linux)
  let isSharedFaiss = faissLibraries.contains {
    FileManager.default.fileExists(atPath: $0 + "/libfaiss.so")
  }
  let faissNeeds = isSharedFaiss ? [] : ["-lblas", "-llapack", "-lgomp"]
#else
  let faissNeeds: [String] = []
#endif

// Faiss's BLAS has functions of the same names as the engine's, and the loader takes those of the library that
// is named first; with the reference BLAS found first, the engine's matrix product takes many times as long.
// So the engine stands before it here, and these flags stay together in this order.
let faissLinking: [LinkerSetting] =
  faissFolder.map { folder in
    [
      .unsafeFlags(
        libtorchPlaces.map { "-L\($0)/lib" } + ["-ltorch", "-ltorch_cpu", "-lc10"]
          + (folder == "/usr"
            ? [] : faissLibraries.flatMap { ["-L\($0)", "-Xlinker", "-rpath", "-Xlinker", $0] })
          + ["-lfaiss"] + faissNeeds)
    ]
  } ?? []
let faissCompiling: [CXXSetting] =
  faissFolder.map { folder in
    [.define("ATELIER_FAISS")] + (folder == "/usr" ? [] : [.unsafeFlags(["-isystem\(folder)/include"])])
  } ?? []

// SentencePiece, which may be absent as well: `unigram` and `bpe` then say what is to be installed. The environment
// variable SENTENCEPIECE names the folder of an installation that holds `include` and `lib`.
let sentencePieceFolders =
  Context.environment["SENTENCEPIECE"].map { [$0] }
  ?? ["/opt/homebrew/opt/sentencepiece", "/usr/local", "/usr"]
let sentencePieceFolder = sentencePieceFolders.first {
  FileManager.default.fileExists(atPath: $0 + "/include/sentencepiece_trainer.h")
}
let sentencePieceCompiling: [CXXSetting] =
  sentencePieceFolder.map { folder in
    [.define("ATELIER_SENTENCE_PIECE")]
      + (folder == "/usr" ? [] : [.unsafeFlags(["-isystem\(folder)/include"])])
  } ?? []
let sentencePieceLinking: [LinkerSetting] =
  sentencePieceFolder.map { folder in
    [.linkedLibrary("sentencepiece"), .linkedLibrary("sentencepiece_train")]
      + (folder == "/usr"
        ? [] : [.unsafeFlags(["-L\(folder)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(folder)/lib"])])
  } ?? []

// libtorch's own folders hold gloo's code and not its headers; `declarations` stands for them.
let distributedCompiling: [CXXSetting] = [
  .headerSearchPath("declarations"),
  .unsafeFlags(
    libtorchPlaces.flatMap {
      ["-isystem\($0)/include", "-isystem\($0)/include/torch/csrc/api/include"]
    }),
]

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

// A build of `parser-fuzz` with libFuzzer, whose `main` takes the place of the program's; see the Makefile.
// gold cannot link libFuzzer.
let fuzzerLinking: [LinkerSetting] =
  Context.environment["ATELIER_FUZZER"] == nil
  ? [] : [.unsafeFlags(["-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "muldefs"])]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let csv = Target.Dependency.product(name: "SwiftCSV", package: "SwiftCSV")
let http: [Target.Dependency] = [
  .product(name: "FlyingFox", package: "FlyingFox"), .product(name: "FlyingSocks", package: "FlyingFox"),
]

/// A Swift target; every one is compiled with the same settings.
func library(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

/// A program of `Examples`, under another name than in its own package, which depends on this one.
func example(_ name: String, _ more: [Target.Dependency] = []) -> Target {
  .executableTarget(
    name: name + "Example", dependencies: everything + more, path: "Examples/\(name)/Sources/\(name)",
    swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

/// What the umbrella `Atelier` re-exports. Whoever imports the umbrella names these as well: the build
/// follows direct dependencies only, and an umbrella's own module does not change when theirs do.
let umbrella: [Target.Dependency] = [
  "Torch", "TorchNN", "Perception", "AtelierMedia", "AtelierData", "AtelierCore", "AtelierModels",
  "AtelierGeneration", "AtelierMetrics", "AtelierTraining", "AtelierEvaluation",
]
let everything: [Target.Dependency] = ["Atelier"] + umbrella

// SHA-256 is the system's own: CryptoKit on macOS, OpenSSL's libcrypto elsewhere.
#if os(macOS)
  let hashing = [library("AtelierHashing", [])]
#else
  let hashing: [Target] = [
    .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    library("AtelierHashing", ["CLibCrypto"]),
  ]
#endif

let package = Package(
  name: "Atelier",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Torch", targets: ["Torch"]),
    .library(name: "TorchNN", targets: ["TorchNN"]),
    .library(name: "Atelier", targets: ["Atelier"]),
    .library(name: "AtelierGeneration", targets: ["AtelierGeneration"]),
    .library(name: "AtelierFaiss", targets: ["AtelierFaiss"]),
    .library(name: "AtelierCommand", targets: ["AtelierCommand"]),
    .executable(name: "atelier", targets: ["AtelierProgram"]),
    .executable(name: "neighbours-benchmark", targets: ["neighbours-benchmark"]),
    .executable(name: "conformance", targets: ["conformance"]),
    .library(name: "AtelierSentencePiece", type: .dynamic, targets: ["SentencePieceShim"]),
    .library(name: "AtelierFaissIndex", type: .dynamic, targets: ["FaissShim"]),
    .library(name: "AtelierGloo", type: .dynamic, targets: ["DistributedShim"]),
    .library(name: "AtelierDistributed", targets: ["AtelierDistributed"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swiftcsv/SwiftCSV", from: "0.10.0"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: hashing + [
    // A target may import only what stands above it.
    .target(
      name: "CTorch",
      cxxSettings: [
        .unsafeFlags(
          libtorchPlaces.flatMap {
            ["-isystem\($0)/include", "-isystem\($0)/include/torch/csrc/api/include"]
          })
      ],
      linkerSettings: engineLinking),
    library("Torch", ["CTorch"]),
    library("TorchNN", ["Torch"]),
    .target(name: "CSideLibrary"),
    // Nothing depends on the library that calls libtorch's collectives: CDistributed loads it at run time.
    .target(
      name: "DistributedShim", exclude: ["declarations"], cxxSettings: distributedCompiling,
      linkerSettings: engineLinking),
    .target(name: "CDistributed", dependencies: ["CSideLibrary"]),
    library("AtelierDistributed", ["CDistributed", "Torch"]),
    .systemLibrary(
      name: "CVips", pkgConfig: "vips", providers: [.apt(["libvips-dev"]), .brew(["vips"])]),
    .target(name: "CVipsWorkers", dependencies: ["CVips"]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CFreeType", pkgConfig: "freetype2",
      providers: [.apt(["libfreetype-dev"]), .brew(["freetype"])]),
    .systemLibrary(
      name: "CHarfBuzz", pkgConfig: "harfbuzz",
      providers: [.apt(["libharfbuzz-dev"]), .brew(["harfbuzz"])]),
    .systemLibrary(
      name: "CSndFile", pkgConfig: "sndfile",
      providers: [.apt(["libsndfile1-dev"]), .brew(["libsndfile"])]),
    .systemLibrary(
      name: "CSoxr", pkgConfig: "soxr", providers: [.apt(["libsoxr-dev"]), .brew(["libsoxr"])]),
    .systemLibrary(
      name: "CProtobufC", pkgConfig: "libprotobuf-c",
      providers: [.apt(["libprotobuf-c-dev"]), .brew(["protobuf-c"])]),
    .target(
      name: "CTensorBoard", dependencies: ["CProtobufC"], exclude: ["tensorboard_event.proto"]),
    library("AtelierMedia", ["CVips", "CVipsWorkers", "CFreeType", "CHarfBuzz", "CSndFile", "CSoxr"]),
    // Nothing depends on the library that is linked with SentencePiece: CSentencePiece loads it at run time.
    .target(
      name: "SentencePieceShim", cxxSettings: sentencePieceCompiling, linkerSettings: sentencePieceLinking),
    .target(name: "CSentencePiece", dependencies: ["CSideLibrary"]),
    library("AtelierData", ["Torch", "AtelierHashing", "AtelierMedia", "CZlib", "CSentencePiece", csv]),
    library("Perception", ["Torch", "TorchNN", "AtelierHashing", "CZlib"]),
    .target(name: "CCoroutine"),
    library("AtelierCore", ["CCoroutine", "Torch", "TorchNN", "Perception", "AtelierMedia", "AtelierData"]),
    library(
      "AtelierModels", ["Torch", "TorchNN", "Perception", "AtelierMedia", "AtelierData", "AtelierCore"]),
    library(
      "AtelierGeneration",
      ["Torch", "TorchNN", "Perception", "AtelierHashing", "AtelierMedia", "AtelierData", "AtelierCore"]),
    library("AtelierMetrics", ["Torch", "TorchNN", "Perception"]),
    // Nothing depends on the library that is linked with Faiss, whose BLAS has functions of the engine's names: CFaiss
    // loads it at run time.
    .target(name: "FaissShim", cxxSettings: faissCompiling, linkerSettings: faissLinking),
    .target(name: "CFaiss", dependencies: ["CSideLibrary"]),
    library("AtelierFaiss", ["CFaiss", "Torch", "AtelierMetrics"]),
    library(
      "AtelierTraining",
      [
        "Torch", "TorchNN", "Perception", "AtelierHashing", "AtelierMedia", "AtelierData", "AtelierCore",
        "AtelierGeneration", "AtelierMetrics", "AtelierFaiss", "CTensorBoard", yams,
      ]),
    library(
      "AtelierEvaluation",
      [
        "Torch", "TorchNN", "Perception", "AtelierMedia", "AtelierData", "AtelierCore", "AtelierGeneration",
        "AtelierMetrics", "AtelierTraining",
      ]),
    library("Atelier", umbrella),
    library("AtelierService", ["AtelierMedia", "AtelierCore", "AtelierGeneration"] + http),
    library(
      "AtelierCommand", everything + ["AtelierDistributed", "AtelierService", argumentParser, yams]),
    program("AtelierProgram", ["AtelierCommand", "AtelierCore", "AtelierModels"]),
    program("neighbours-benchmark", ["AtelierFaiss", "AtelierMetrics", "Torch", argumentParser]),
    library("ReferenceCases", everything),
    program("conformance", everything + ["ReferenceCases", argumentParser]),
    // Proofs that `make proof` runs.
    library(
      "ParserFuzzing",
      [
        "Torch", "TorchNN", "Perception", "AtelierMedia", "AtelierData", "AtelierCore", "AtelierGeneration",
        "AtelierMetrics", "AtelierTraining",
      ]),
    .executableTarget(
      name: "parser-fuzz", dependencies: ["AtelierHashing", "ParserFuzzing", "Torch", argumentParser],
      swiftSettings: swiftSettings, linkerSettings: fuzzerLinking),
    program("kill-proof", everything + ["AtelierHashing", "TestSupport", argumentParser]),

    .target(
      name: "TestSupport", dependencies: everything + ["AtelierDistributed"], path: "Tests/TestSupport",
      swiftSettings: swiftSettings),
    tests("TorchTests", ["Torch"], exclude: ["Fixtures"]),
    tests("TorchNNTests", ["Torch", "TorchNN"]),
    tests("AtelierDistributedTests", ["AtelierDistributed", "Torch", "TestSupport"]),
    tests("PerceptionTests", ["Torch", "TorchNN", "Perception", "TestSupport"]),
    tests("AtelierMediaTests", ["AtelierMedia", "CVipsWorkers"]),
    tests("AtelierDataTests", ["AtelierData", "AtelierMedia", "Torch"]),
    tests("AtelierModelsTests", everything + ["TestSupport"], exclude: ["Fixtures"]),
    tests("AtelierMetricsTests", ["AtelierMetrics", "Perception"]),
    tests(
      "AtelierFaissTests", ["AtelierFaiss", "AtelierMetrics", "Torch", "TestSupport", "AtelierProgram"]),
    tests("AtelierTrainingTests", everything + ["AtelierFaiss", "ReferenceCases", "TestSupport"]),
    tests(
      "CommandTests", everything + ["AtelierService", "AtelierCommand", "AtelierProgram", "TestSupport"],
      exclude: ["Snapshots"]
    ),
    tests("ConformanceTests", everything + ["ReferenceCases", "TestSupport"]),
    // The examples are packages of their own; built here as well, they cannot fall behind.
    example("DrawFromRun"),
    example("OwnSystem", ["AtelierCommand"]),
    tests(
      "PackageTests",
      everything + [
        "AtelierHashing", "ParserFuzzing", "parser-fuzz", "DrawFromRunExample", "OwnSystemExample",
        "TestSupport",
      ]),
  ],
  cxxLanguageStandard: .cxx20
)
