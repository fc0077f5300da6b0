// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "OwnSystem",
  platforms: [.macOS(.v15)],
  dependencies: [
    // Elsewhere: .package(url: "https://…/Atelier", from: "0.1.0")
    .package(name: "Atelier", path: "../..")
  ],
  targets: [
    .executableTarget(
      name: "OwnSystem",
      dependencies: [
        .product(name: "Atelier", package: "Atelier"), .product(name: "AtelierCommand", package: "Atelier"),
      ])
  ]
)
