import Foundation
import TestSupport
import Testing

/// Packages that depend on this one, built from nothing as their owners do; slow, so a proof.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["ATELIER_PROOF"] != nil))
struct OutsidePackageProofTests {
  private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// A package that takes the product `Torch` alone from a tagged version, and runs without any environment.
  @Test func aTaggedVersionIsDependedOnProof() throws {
    let folder = try TemporaryFolder()
    try command(["git", "clone", "--quiet", root.path, folder("Atelier").path])
    try command(["git", "-C", folder("Atelier").path, "tag", "99.0.0"])
    let client = folder("client")
    let sources = client.appendingPathComponent("Sources/client")
    try FileManager.default.createDirectory(at: sources, withIntermediateDirectories: true)
    let manifest = """
      // swift-tools-version: 6.3
      import PackageDescription
      let package = Package(
        name: "client",
        platforms: [.macOS(.v15)],
        dependencies: [.package(url: "\(folder("Atelier").absoluteString)", from: "99.0.0")],
        targets: [.executableTarget(name: "client", dependencies: [.product(name: "Torch", package: "Atelier")])]
      )
      """
    try Data(manifest.utf8).write(to: client.appendingPathComponent("Package.swift"))
    let program = "import Torch\nprint((Tensor([1, 2, 3]).asType(.float32) * 2).sum().item())\n"
    try Data(program.utf8).write(to: sources.appendingPathComponent("main.swift"))
    try build(client, scratch: client.appendingPathComponent(".build"))
    #expect(try command([client.appendingPathComponent(".build/debug/client").path]) == "12.0\n")
  }

  @Test(arguments: [("DrawFromRun", "Usage: DrawFromRun "), ("OwnSystem", "OVERVIEW: ")])
  func anExampleIsAPackageOfItsOwnProof(_ name: String, _ opening: String) throws {
    let folder = try TemporaryFolder()
    try build(root.appendingPathComponent("Examples/\(name)"), scratch: folder("build"))
    let program = Program(folder("build/debug/\(name)"))
    let result = try program.run([])
    #expect((result.output + result.errors).hasPrefix(opening))
  }

  private func build(_ package: URL, scratch: URL) throws {
    let libtorch =
      ProcessInfo.processInfo.environment["LIBTORCH"] ?? root.appendingPathComponent(".libtorch").path
    try command(
      ["swift", "build", "--package-path", package.path, "--scratch-path", scratch.path],
      environment: ["LIBTORCH": libtorch])
  }

  /// Runs a command to its end, which must be a good one.
  @discardableResult
  private func command(_ words: [String], environment: [String: String] = [:]) throws -> String {
    let result = try Program(URL(fileURLWithPath: "/usr/bin/env")).run(words, environment: environment)
    try #require(result.status == 0, "\(words.joined(separator: " ")): \(result.output) \(result.errors)")
    return result.output
  }
}
