package import AtelierMedia
internal import Foundation
internal import Torch

extension TaggedImageSet.Picture {
  /// What errors call the image: its file, with the member of an archive.
  var place: String { member.map { "\(file.path)/\($0.name)" } ?? file.path }

  /// The image.
  ///
  /// - Throws: ``DatasetError/corruptImage(path:reason:)`` that names the file, and the member of an archive.
  package func image(by codec: ImageCodec) throws(DatasetError) -> Image {
    guard let member else {
      do throws(ImageError) { return try codec.decode(file) } catch { throw .unreadable(place, error) }
    }
    let bytes: [UInt8]
    do throws(FileFormatError) {
      bytes = try ByteSource(file).bytes(at: member.range.lowerBound, count: member.range.count)
    } catch { throw .corruptImage(path: place, reason: error.problem) }
    do throws(ImageError) { return try codec.decode(bytes, named: place) } catch {
      throw .unreadable(place, error)
    }
  }
}
