import Atelier
import Foundation
import TestSupport
import Testing

/// Faces on the command line: swapped, made unknown, known again.
@Suite(.serialized) struct FaceCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  private func trained(_ system: String, _ data: URL, _ changes: [String], _ more: [String] = []) throws
    -> String
  {
    let run = folder(system).path
    let result = try atelier.run(
      ["train", system, "--preset", "small", "--data", data.path, "--run", run, "--steps", "2", "--quiet"]
        + more + changes.flatMap { ["--set", $0] })
    try #require(result.status == 0, "\(result.errors)")
    return run
  }

  private func refused(_ result: Program.Result, _ words: String...) {
    #expect(result.status == 64, "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    for word in words { #expect(result.errors.contains(word), "'\(word)' is missing in: \(result.errors)") }
  }

  private func face(_ side: Int = 48) throws -> URL {
    let file = folder("face.png")
    try TinyData.coloured(number: 3, width: side, height: side).write(to: file)
    return file
  }

  @Test func aFaceBecomesTheOtherPersons() throws {
    let data = folder("faces")
    try TinyData.writeClassFolders(to: data, classes: ["alice", "bob"], size: 16)
    let consent = folder("consent.yaml")
    let agreed = ["alice", "bob"].map { "  - {name: \($0), purpose: a test, until: 9999-12-31}\n" }
    try ("persons:\n" + agreed.joined()).write(to: consent, atomically: true, encoding: .utf8)
    let tiny = [
      "imageSize=16", "encoderChannels=[3, 4]", "innerChannels=4", "latentSize=6", "decoderChannels=[4, 3]",
      "batchSize=2",
    ]
    let run = try trained("deepfake-autoencoder", data, tiny, ["--consent", consent.path])
    let output = folder("swapped.png")
    let draw = ["generate", run, try face().path, "--output", output.path, "--force"]
    var results: [[UInt8]] = []
    for to in ["alice", "bob"] {
      let result = try atelier.run(draw + ["--to", to, "--no-mark"])
      try #require(result.status == 0, "\(result.errors)")
      let image = try Image(contentsOf: output)
      #expect(image.width == 48 && image.height == 48 && image.channels == 3)
      results.append(image.bytes)
    }
    #expect(results[0] != results[1])
    refused(try atelier.run(draw + ["--to", "bop"]), "did you mean 'bob'?", "alice and bob")
    refused(try atelier.run(draw + ["--to", "bob", "--direction", "AtoB"]), "choose one")
    refused(try atelier.run(draw + ["--anonymise"]), "it knows no passcodes")
    refused(try atelier.run(draw + ["clip.mp4", "--to", "bob"]), "name videos or aligned faces, not both")
    refused(
      try atelier.run(draw + ["--to", "bob", "--sampling", "faces=all"]),
      "--sampling is of no use to aligned faces")
    refused(
      try atelier.run(draw + ["--to", "bob", "--no-label"]), "--no-label is of no use to aligned faces")
    let film = ["generate", run, "clip.mp4", "--to", "bob"]
    for option in [
      ["--quality", "5"], ["--format", "png"], ["--given"], ["--alpha", "white"], ["--tile", "8"],
    ] {
      refused(try atelier.run(film + option), "\(option[0]) is of no use to a video with swapped faces")
    }
    // Two videos of one name would become one.
    let clips = ["v1/x.mp4", "v2/x.mp4"].map { folder($0) }
    for clip in clips {
      try FileManager.default.createDirectory(
        at: clip.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("no video".utf8).write(to: clip)
    }
    let swapped = folder("swapped-videos")
    refused(
      try atelier.run(["generate", run] + clips.map(\.path) + ["--to", "bob", "--files", swapped.path]),
      "two inputs would be written as")
    #expect(!FileManager.default.fileExists(atPath: swapped.path))
    try "persons: [{name: alice, purpose: a test, until: 9999-12-31}]".write(
      to: consent, atomically: true, encoding: .utf8)
    let result = try atelier.run(
      [
        "train", "deepfake-autoencoder", "--steps", "1", "--data", data.path, "--consent", consent.path,
        "--run",
        folder("x").path,
      ]
        + tiny.flatMap { ["--set", $0] })
    #expect(
      result.status != 0 && result.errors.contains("'bob', whose face is in the data"), "\(result.errors)")
  }

  @Test func aPasscodeIsNeverOnTheCommandLine() throws {
    let data = try TinyLayout.classFolders.write(in: folder.url)
    let run = try trained(
      "face-identity-transformer", data,
      [
        "imageSize=32", "generatorChannels=2", "residualBlocks=1", "discriminatorChannels=2",
        "discriminatorLayers=2", "classifierLayers=1", "recognizerChannels=2", "featureSize=4", "batchSize=2",
      ])
    let output = folder("unknown.png")
    let draw = ["generate", run, try face().path, "--output", output.path, "--force", "--no-mark"]
    func made(_ options: [String], _ code: String) throws -> [UInt8] {
      let result = try atelier.run(draw + options + ["--passcode", "env:CODE"], environment: ["CODE": code])
      try #require(result.status == 0, "\(result.errors)")
      return try Image(contentsOf: output).bytes
    }
    let bits = "0110100101101001"
    let unknown = try made(["--anonymise"], bits)
    #expect(try made(["--anonymise"], bits) == unknown)
    #expect(try made(["--anonymise"], "a phrase") != unknown)
    // What recovers is the passcode turned over.
    #expect(try made(["--recover"], "1001011010010110") == unknown)
    // A line of a pipe ends in LF or CR LF, of which neither belongs to the passcode.
    for end in ["\\n", "\\r\\n"] {
      let words = (draw + ["--anonymise", "--passcode", "fd:0"]).map { "'\($0)'" }.joined(separator: " ")
      let piped = try Program(URL(fileURLWithPath: "/bin/sh")).run([
        "-c", "printf '\(bits)\(end)1111\(end)' | '\(atelier.url.path)' \(words)",
      ])
      try #require(piped.status == 0, "\(piped.errors)")
      #expect(try Image(contentsOf: output).bytes == unknown)
    }
    let file = String(decoding: try Data(contentsOf: output), as: UTF8.self)
    #expect(!file.contains(bits) && !file.contains("1001011010010110"))

    // What spoils the way back is said, and done nevertheless.
    let anonymise = ["generate", run, try face().path, "--anonymise", "--passcode", "env:CODE", "--output"]
    for (name, more, words) in [
      ("lossy.jpg", ["--no-mark"], "JPEG changes pixels"),
      ("marked.png", [], "the invisible mark changes pixels"),
      ("both.jpg", [], "the invisible mark and JPEG change pixels"),
      ("whole.png", ["--no-mark"], ""),
    ] as [(String, [String], String)] {
      let result = try atelier.run(anonymise + [folder(name).path] + more, environment: ["CODE": bits])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("--format png --no-mark") == !words.isEmpty, "\(result.errors)")
      #expect(words.isEmpty || result.errors.contains(words), "\(result.errors)")
    }

    refused(try atelier.run(draw), "--anonymise", "--recover")
    refused(try atelier.run(draw + ["--anonymise", "--passcode", bits]), "env:NAME", "fd:NUMBER")
    let shown = try atelier.run(draw + ["--anonymise", "--passcode", bits])
    #expect(!shown.errors.contains(bits))
    refused(try atelier.run(draw + ["--recover", "--passcode", "env:NOWHERE_SET"]), "NOWHERE_SET", "not set")
    refused(try atelier.run(draw + ["--recover", "--passcode", "fd:9"]), "file descriptor 9")
    refused(try atelier.run(draw + ["--passcode", "env:CODE"]), "choose one")
    let short = try atelier.run(
      draw + ["--anonymise", "--passcode", "env:CODE"], environment: ["CODE": "0101"])
    #expect(
      short.status != 0 && short.errors.contains("has 4 bits, and this model's have 16"), "\(short.errors)")
    let both = try atelier.run(draw + ["--anonymise", "--recover"])
    #expect(both.status == 64)
  }
}
