internal import CVips
internal import CVipsWorkers
internal import Foundation

/// Starts libvips, and reads its error buffer.
enum Vips {
  /// Whether libvips could be initialised; runs once.
  ///
  /// One thread per operation: parallelism is over images, and results do not depend on the number of cores.
  /// The operation cache is off because images do not repeat, and loaders that libvips marks untrusted are
  /// blocked.
  static let isReady: Bool = {
    // The reference also links the function that stands in for libvips's own.
    _ = cvips_workers_stay()
    guard vips_init("atelier") == 0 else { return false }
    cvips_silence()
    vips_concurrency_set(1)
    vips_cache_set_max(0)
    vips_block_untrusted_set(1)
    return true
  }()

  /// Held while operations are built and released, not while pixels are computed.
  ///
  /// Building an operation that liborc speeds up, such as a resize, has it compile code, and releasing it frees that code.
  /// Before liborc 0.4.34 both change one list of code memory without a lock, so that two threads can be given the
  /// same memory, and a process ends by an illegal instruction.
  static let building = NSRecursiveLock()

  /// Takes the last error: its first non-empty line, without the operation's name.
  static func takeError() -> String {
    defer { vips_error_clear() }
    guard let buffer = vips_error_buffer() else { return "its data is not valid" }
    let lines = String(cString: buffer).split(separator: "\n").map { line in
      line.trimmingCharacters(in: .whitespaces)
    }
    guard var text = lines.first(where: { !$0.isEmpty }) else { return "its data is not valid" }
    if let colon = text.range(of: ": ") { text = String(text[colon.upperBound...]) }
    while text.hasSuffix(".") { text.removeLast() }
    return text
  }
}

/// A failed libvips call, without the name of the file.
struct VipsFailure: Error {
  let reason: String
}

/// An owned reference to a libvips image, released at deinit.
final class VipsHandle {
  let pointer: UnsafeMutablePointer<VipsImage>

  private init(_ pointer: UnsafeMutablePointer<VipsImage>) { self.pointer = pointer }

  deinit { Vips.building.withLock { cvips_release(pointer) } }

  /// The result of a libvips call.
  convenience init(
    _ call: (UnsafeMutablePointer<UnsafeMutablePointer<VipsImage>?>) -> Int32
  ) throws(VipsFailure) {
    var result: UnsafeMutablePointer<VipsImage>?
    guard Vips.isReady else { throw VipsFailure(reason: "libvips could not be started") }
    let status = call(&result)
    guard status == 0, let result else { throw VipsFailure(reason: Vips.takeError()) }
    self.init(result)
  }

  /// A libvips image with a copy of the pixels.
  convenience init(_ image: Image) throws(VipsFailure) {
    try self.init { output in
      output.pointee = image.bytes.withUnsafeBytes { raw in
        vips_image_new_from_memory_copy(
          raw.baseAddress, raw.count, Int32(image.width), Int32(image.height), Int32(image.channels),
          image.vipsFormat)
      }
      return output.pointee == nil ? -1 : 0
    }
  }

  /// Applies an operation to this image.
  func map(
    _ call: (
      UnsafeMutablePointer<VipsImage>, UnsafeMutablePointer<UnsafeMutablePointer<VipsImage>?>
    ) -> Int32
  ) throws(VipsFailure) -> VipsHandle {
    let source = pointer
    // The result may evaluate its source lazily; libvips retains the source itself.
    return try withExtendedLifetime(self) { () throws(VipsFailure) in
      try VipsHandle { output in Vips.building.withLock { call(source, output) } }
    }
  }

  var width: Int { Int(vips_image_get_width(pointer)) }
  var height: Int { Int(vips_image_get_height(pointer)) }
  var channels: Int { Int(vips_image_get_bands(pointer)) }
  var format: VipsBandFormat { vips_image_get_format(pointer) }
  /// How samples are stored.
  var sampleKind: SampleFacts.Kind {
    switch format {
    case VIPS_FORMAT_UCHAR: .bytes
    case VIPS_FORMAT_USHORT: .words
    case VIPS_FORMAT_FLOAT, VIPS_FORMAT_DOUBLE: .floats
    default: .integers
    }
  }
  var interpretation: VipsInterpretation { vips_image_get_interpretation(pointer) }

  func has(_ field: String) -> Bool { vips_image_get_typeof(pointer, field) != 0 }

  /// A text field of the image's metadata, or nil.
  func text(_ field: String) -> String? {
    var value: UnsafePointer<CChar>?
    guard has(field), vips_image_get_string(pointer, field, &value) == 0, let value else { return nil }
    return String(cString: value)
  }

  /// The names of all metadata fields.
  var fields: [String] {
    guard let list = vips_image_get_fields(pointer) else { return [] }
    defer { g_strfreev(list) }
    var names: [String] = []
    var entry = list
    while let name = entry.pointee {
      names.append(String(cString: name))
      entry += 1
    }
    return names
  }

  /// The samples of all pixels, evaluated now.
  func values() throws(VipsFailure) -> [UInt8] {
    var length = 0
    guard let memory = vips_image_write_to_memory(pointer, &length) else {
      throw VipsFailure(reason: Vips.takeError())
    }
    defer { g_free(memory) }
    return [UInt8](UnsafeRawBufferPointer(start: memory, count: length))
  }

  /// The image, evaluated now.
  func pixels() throws(VipsFailure) -> Image {
    let bytes = try values()
    let depth = format == VIPS_FORMAT_USHORT ? 16 : format == VIPS_FORMAT_FLOAT ? 32 : 8
    guard bytes.count == width * height * channels * depth / 8, (1...256).contains(channels) else {
      throw VipsFailure(reason: "it has \(channels) channels of an unsupported sample format")
    }
    return Image(width: width, height: height, channels: channels, depth: depth, bytes: bytes)
  }
}
