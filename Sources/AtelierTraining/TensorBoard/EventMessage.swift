import CTensorBoard

/// The contents of an event, as protobuf-c packs them.
enum EventMessage {
  /// The first event of a file.
  case version(String)
  /// Numbers of a step.
  case scalars([(name: String, value: Float)])
  /// An image: a PNG or GIF file's bytes, its size, and 1 for grey, 2 for grey and alpha, 3 for RGB, 4 for RGB
  /// and alpha.
  case image(name: String, file: [UInt8], width: Int, height: Int, colorspace: Int)
  /// A sound: a WAV file's bytes, and what its header says.
  case audio(name: String, wav: [UInt8], sampleRate: Int, channels: Int, frames: Int)
  /// A text in Markdown.
  case text(name: String, text: String)

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
    case .image(let name, let file, let width, let height, let colorspace):
      var image = Atelier__Tensorboard__Summary__Image()
      atelier__tensorboard__summary__image__init(&image)
      image.width = Int32(width)
      image.height = Int32(height)
      image.colorspace = Int32(colorspace)
      image.encoded_image_string = arena.data(file)
      var value = Atelier__Tensorboard__Summary__Value(tag: arena.text(name))
      value.value_case = ATELIER__TENSORBOARD__SUMMARY__VALUE__VALUE_IMAGE
      value.image = arena.array([image])
      event.summarize([value], arena)
    case .audio(let name, let wav, let sampleRate, let channels, let frames):
      var audio = Atelier__Tensorboard__Summary__Audio()
      atelier__tensorboard__summary__audio__init(&audio)
      audio.sample_rate = Float(sampleRate)
      audio.num_channels = Int64(channels)
      audio.length_frames = Int64(frames)
      audio.encoded_audio_string = arena.data(wav)
      audio.content_type = arena.text("audio/wav")
      var value = Atelier__Tensorboard__Summary__Value(tag: arena.text(name))
      value.value_case = ATELIER__TENSORBOARD__SUMMARY__VALUE__VALUE_AUDIO
      value.audio = arena.array([audio])
      event.summarize([value], arena)
    case .text(let name, let text):
      var plugin = Atelier__Tensorboard__Summary__Metadata__PluginData()
      atelier__tensorboard__summary__metadata__plugin_data__init(&plugin)
      plugin.plugin_name = arena.text("text")
      var metadata = Atelier__Tensorboard__Summary__Metadata()
      atelier__tensorboard__summary__metadata__init(&metadata)
      metadata.plugin_data = arena.array([plugin])
      metadata.data_class = 2
      var tensor = Atelier__Tensorboard__Summary__Tensor()
      atelier__tensorboard__summary__tensor__init(&tensor)
      tensor.dtype = 7
      tensor.n_string_val = 1
      tensor.string_val = arena.array([arena.data(Array(text.utf8))])
      var value = Atelier__Tensorboard__Summary__Value(tag: arena.text(name))
      value.value_case = ATELIER__TENSORBOARD__SUMMARY__VALUE__VALUE_TENSOR
      value.tensor = arena.array([tensor])
      value.metadata = arena.array([metadata])
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

  /// Bytes with their number.
  func data(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    ProtobufCBinaryData(len: bytes.count, data: array(bytes))
  }

  /// A text that ends with zero.
  func text(_ text: String) -> UnsafeMutablePointer<CChar> { array(Array(text.utf8CString)) }
}
