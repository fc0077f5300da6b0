internal import CSndFile

/// Sound file formats; the first four can be written.
public enum AudioFormat: String, Sendable, Hashable, Codable, CaseIterable {
  /// RIFF WAVE, in its extensible and 64-bit forms too.
  case wav
  case flac
  /// Ogg, with Vorbis or Opus in it.
  case ogg
  case aiff
  case mp3
  /// Apple's Core Audio Format.
  case caf
  /// Sun's and NeXT's `.au`.
  case au
  /// NIST SPHERE, used by speech corpora.
  case sphere
  /// Any other format that ffmpeg reads, such as the sound of a video.
  case other

  /// The writable format of a file extension; nil for any other.
  public init?(fileExtension: String) {
    switch fileExtension.lowercased() {
    case "wav", "wave": self = .wav
    case "flac": self = .flac
    case "ogg", "oga": self = .ogg
    case "aif", "aiff": self = .aiff
    default: return nil
    }
  }

  /// The encodings that can be written in this format; the first is the default.
  public var writableEncodings: [AudioEncoding] {
    switch self {
    case .wav, .aiff: [.pcm16, .pcm24, .float32]
    case .flac: [.pcm16, .pcm24]
    case .ogg: [.vorbis]
    case .mp3, .caf, .au, .sphere, .other: []
    }
  }

  /// The libsndfile code of the container; 0 where it has none.
  var sndfileCode: Int32 {
    switch self {
    case .wav: Int32(SF_FORMAT_WAV)
    case .flac: Int32(SF_FORMAT_FLAC)
    case .ogg: Int32(SF_FORMAT_OGG)
    case .aiff: Int32(SF_FORMAT_AIFF)
    default: 0
    }
  }

  /// The format of a libsndfile code.
  init(sndfileCode code: Int32) {
    switch Int(code) & SF_FORMAT_TYPEMASK {
    case SF_FORMAT_WAV, SF_FORMAT_WAVEX, SF_FORMAT_RF64: self = .wav
    case SF_FORMAT_FLAC: self = .flac
    case SF_FORMAT_OGG: self = .ogg
    case SF_FORMAT_AIFF: self = .aiff
    case SF_FORMAT_CAF: self = .caf
    case SF_FORMAT_AU: self = .au
    case SF_FORMAT_NIST: self = .sphere
    // SF_FORMAT_MPEG, which headers before libsndfile 1.1 do not name.
    case 0x230000: self = .mp3
    default: self = .other
    }
  }
}

/// How samples are stored in a file.
public enum AudioEncoding: String, Sendable, Hashable, Codable, CaseIterable {
  /// Integers of 8 to 32 bits.
  case pcm8, pcm16, pcm24, pcm32
  /// Floating point.
  case float32, float64
  /// 8-bit logarithmic companding (ITU-T G.711).
  case muLaw, aLaw
  /// Adaptive differential PCM.
  case adpcm
  /// Lossy codecs.
  case vorbis, opus, mp3
  /// Any other.
  case other

  var sndfileCode: Int32 {
    switch self {
    case .pcm16: Int32(SF_FORMAT_PCM_16)
    case .pcm24: Int32(SF_FORMAT_PCM_24)
    case .float32: Int32(SF_FORMAT_FLOAT)
    case .vorbis: Int32(SF_FORMAT_VORBIS)
    default: 0
    }
  }

  init(sndfileCode code: Int32) {
    switch Int(code) & SF_FORMAT_SUBMASK {
    case SF_FORMAT_PCM_S8, SF_FORMAT_PCM_U8: self = .pcm8
    case SF_FORMAT_PCM_16: self = .pcm16
    case SF_FORMAT_PCM_24: self = .pcm24
    case SF_FORMAT_PCM_32: self = .pcm32
    case SF_FORMAT_FLOAT: self = .float32
    case SF_FORMAT_DOUBLE: self = .float64
    case SF_FORMAT_ULAW: self = .muLaw
    case SF_FORMAT_ALAW: self = .aLaw
    case SF_FORMAT_IMA_ADPCM, SF_FORMAT_MS_ADPCM, SF_FORMAT_VOX_ADPCM: self = .adpcm
    case SF_FORMAT_VORBIS: self = .vorbis
    case SF_FORMAT_OPUS: self = .opus
    // The three layers of MPEG, which headers before libsndfile 1.1 do not name.
    case 0x80, 0x81, 0x82: self = .mp3
    default: self = .other
    }
  }
}

/// A text tag of a sound file.
public enum AudioTag: String, Sendable, Hashable, Codable, CaseIterable {
  case title, copyright, software, artist, comment, date, album, license, trackNumber, genre

  var sndfileCode: Int32 {
    switch self {
    case .title: Int32(SF_STR_TITLE)
    case .copyright: Int32(SF_STR_COPYRIGHT)
    case .software: Int32(SF_STR_SOFTWARE)
    case .artist: Int32(SF_STR_ARTIST)
    case .comment: Int32(SF_STR_COMMENT)
    case .date: Int32(SF_STR_DATE)
    case .album: Int32(SF_STR_ALBUM)
    case .license: Int32(SF_STR_LICENSE)
    case .trackNumber: Int32(SF_STR_TRACKNUMBER)
    case .genre: Int32(SF_STR_GENRE)
    }
  }

  /// Whether a format can hold the tag; FLAC and Ogg (Vorbis comments) hold all.
  public func isCarried(by format: AudioFormat) -> Bool {
    switch format {
    case .flac, .ogg: true
    case .wav: self != .license
    // AIFF's copyright and software tags are ASCII, and the latter is padded.
    case .aiff: [.title, .artist, .comment].contains(self)
    case .mp3, .caf, .au, .sphere, .other: false
    }
  }
}

/// The header of a sound file.
public struct AudioInformation: Sendable, Hashable {
  /// The format of the contents, independent of the file's name.
  public let format: AudioFormat
  /// How the samples are stored.
  public let encoding: AudioEncoding
  /// The name of the encoding, also where ``encoding`` is `other`, such as `aac`.
  public let encodingName: String
  /// The sample rate in Hz.
  public let sampleRate: Int
  /// Samples in a frame.
  public let channels: Int
  /// Samples per channel; nil where the header does not say, as in most formats read by ffmpeg.
  public let frames: Int?
  /// The length in seconds; approximate where ``frames`` is nil, and nil where the file does not say.
  public let duration: Double?
  /// The file's text tags.
  public let tags: [AudioTag: String]
}
