import CTensorBoard

/// The contents of an event, as protobuf-c packs them.
enum EventMessage {
  /// The first event of a file.
  case version(String)
  /// Numbers of a step.
  case scalars([(name: String, value: Float)])
  /// An image: a PNG file's bytes, its size, and 1 for grey, 2 for grey and alpha, 3 for RGB, 4 for RGB and
  /// alpha.
  case image(name: String, png: [UInt8], width: Int, height: Int, colorspace: Int)

  /// An `Event` in protobuf's wire format.
  ///
  /// - Parameter time: seconds since 1970.
  func packed(step: Int, time: Double) -> [UInt8] {
    // Messages point at their parts, which the arena keeps until all are packed.
    let arena = Arena()
    var event = Atelier__Tensorboard__Event()
    atelier__tensorboard__event__init(&event)
    event.wall_time = time
    event.step = Int64(step)
    switch self {
    case .version(let text):
      event.what_case = ATELIER__TENSORBOARD__EVENT__WHAT_FILE_VERSION
      event.file_version = arena.text(text)
    case .scalars(let scalars):
      event.summarize(
        scalars.map { name, number in
          var value = Atelier__Tensorboard__Summary__Value(tag: arena.text(name))
          value.value_case = ATELIER__TENSORBOARD__SUMMARY__VALUE__VALUE_SIMPLE_VALUE
          value.simple_value = number
          return value
        }, arena)
    case .image(let name, let png, let width, let height, let colorspace):
      var image = Atelier__Tensorboard__Summary__Image()
      atelier__tensorboard__summary__image__init(&image)
      image.width = Int32(width)
      image.height = Int32(height)
      image.colorspace = Int32(colorspace)
      image.encoded_image_string = ProtobufCBinaryData(len: png.count, data: arena.array(png))
      var value = Atelier__Tensorboard__Summary__Value(tag: arena.text(name))
      value.value_case = ATELIER__TENSORBOARD__SUMMARY__VALUE__VALUE_IMAGE
      value.image = arena.array([image])
      event.summarize([value], arena)
    }
    let size = atelier__tensorboard__event__get_packed_size(&event)
    return withExtendedLifetime(arena) {
      [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        count = atelier__tensorboard__event__pack(&event, buffer.baseAddress)
      }
    }
  }
}

extension Atelier__Tensorboard__Summary__Value {
  fileprivate init(tag: UnsafeMutablePointer<CChar>) {
    self.init()
    atelier__tensorboard__summary__value__init(&self)
    self.tag = tag
  }
}

extension Atelier__Tensorboard__Event {
  fileprivate mutating func summarize(_ values: [Atelier__Tensorboard__Summary__Value], _ arena: Arena) {
    var summary = Atelier__Tensorboard__Summary()
    atelier__tensorboard__summary__init(&summary)
    summary.n_value = values.count
    summary.value = arena.array(values.map { Optional(arena.array([$0])) })
    what_case = ATELIER__TENSORBOARD__EVENT__WHAT_SUMMARY
    self.summary = arena.array([summary])
  }
}

/// Copies of values at addresses that stay while it lives.
private final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit { for block in blocks { block.deallocate() } }

  /// Values that need no deinitialization, side by side; C structures, pointers and numbers are such.
  func array<Element>(_ values: [Element]) -> UnsafeMutablePointer<Element> {
    let place = UnsafeMutablePointer<Element>.allocate(capacity: max(values.count, 1))
    place.initialize(from: values, count: values.count)
    blocks.append(UnsafeMutableRawPointer(place))
    return place
  }

  /// A text that ends with zero.
  func text(_ text: String) -> UnsafeMutablePointer<CChar> { array(Array(text.utf8CString)) }
}
