public import AtelierData
import AtelierMedia
public import Foundation
public import Torch

/// An image that the user gives beside the data: a painting whose style is learned, a photograph that is
/// repainted.
public struct GivenImage: Component, Hashable {
  /// What the caller names: `style`, `content`.
  public let name: String
  /// What it is for, as the end of "… needs".
  public let summary: String

  /// Declares an image.
  public init(_ name: String, _ summary: String) {
    self.name = name
    self.summary = summary
  }

  /// The name of the artefact that holds it.
  public var artefact: String { name + ".png" }
}

extension Artefacts {
  /// The longest side that a given image is kept at; larger ones are shrunk once, when they are given.
  public static var longestSide: Int { 1024 }

  /// Takes in an image file of any format that libvips reads.
  ///
  /// It is kept as a PNG without transparency, at most ``longestSide`` long, so that a run needs nothing
  /// outside its folder.
  ///
  /// - Throws: `ImageError` naming the file.
  public mutating func add(_ picture: GivenImage, from file: URL) throws {
    var image = try Image(contentsOf: file).rgb().with8Bits()
    let side = max(image.width, image.height)
    if side > Self.longestSide {
      image = try image.resized(toLongestSide: Self.longestSide)
    }
    contents[picture.artefact] = Data(try ImageCodec().encode(image, as: .png))
  }

  /// A given image as float32 `[1, 3, height, width]` in 0 … 1; nil where none was given.
  ///
  /// - Parameters:
  ///   - name: the name of its ``GivenImage``.
  ///   - longestSide: what its longer side is resized to; nil leaves it.
  ///   - size: height and width that it is resized to, whatever its proportions; goes before `longestSide`.
  /// - Throws: `ImageError` where the artefact is damaged.
  public func picture(
    _ name: String, longestSide: Int? = nil, size: (height: Int, width: Int)? = nil
  ) throws -> Tensor? {
    guard let data = contents[GivenImage(name, "").artefact] else { return nil }
    var image = try ImageCodec().decode([UInt8](data), named: "the image '\(name)'").rgb().with8Bits()
    if let size {
      if (image.height, image.width) != (size.height, size.width) {
        image = try image.resized(width: size.width, height: size.height)
      }
    } else if let longestSide {
      image = try image.resized(toLongestSide: longestSide)
    }
    let shape = [1, image.height, image.width, 3]
    return Tensor(HostTensor(shape: shape, dtype: .uint8, bytes: image.bytes)).asType(.float32)
      .permuted([0, 3, 1, 2]).contiguous() / 255
  }

  /// The height and width of a given image; nil where none was given.
  public func givenImageSize(_ name: String) throws -> (height: Int, width: Int)? {
    guard let data = contents[GivenImage(name, "").artefact] else { return nil }
    let image = try ImageCodec().decode([UInt8](data), named: "the image '\(name)'")
    return (image.height, image.width)
  }
}

extension Image {
  /// The image with its longer side at a length, the other in proportion.
  fileprivate func resized(toLongestSide side: Int) throws(ImageError) -> Image {
    let longest = max(width, height)
    guard longest != side else { return self }
    func scaled(_ length: Int) -> Int { max(1, (length * side + longest / 2) / longest) }
    return try resized(width: scaled(width), height: scaled(height))
  }
}
