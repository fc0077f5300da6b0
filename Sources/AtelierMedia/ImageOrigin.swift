internal import Foundation

/// The provenance of a generated image, written into its file's metadata.
///
/// XMP with the properties of the IPTC Photo Metadata Standard: the digital source type, which viewers and
/// platforms read, the software and its version, and the checkpoint.
public struct ImageOrigin: Sendable, Hashable {
  /// The IPTC term for media that a trained model made.
  public static let sourceType =
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

  /// The program and its version.
  public var software: String
  /// The system's name.
  public var system: String
  /// The weights: run, step and fingerprint of the file.
  public var checkpoint: String

  /// A provenance record.
  public init(software: String, system: String, checkpoint: String) {
    self.software = software
    self.system = system
    self.checkpoint = checkpoint
  }

  /// The XMP packet.
  public var packet: String {
    """
    <?xpacket begin="\u{FEFF}" id="W5M0MpCehiHzreSzNTczkc9d"?>
    <x:xmpmeta xmlns:x="adobe:ns:meta/">
      <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description rdf:about=""
          xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
          xmlns:xmp="http://ns.adobe.com/xap/1.0/">
          <Iptc4xmpExt:DigitalSourceType>\(Self.sourceType)</Iptc4xmpExt:DigitalSourceType>
          <Iptc4xmpExt:AISystemUsed>\(Self.escaped("\(software), \(system)"))</Iptc4xmpExt:AISystemUsed>
          <Iptc4xmpExt:AISystemVersionUsed>\(Self.escaped(checkpoint))</Iptc4xmpExt:AISystemVersionUsed>
          <xmp:CreatorTool>\(Self.escaped(software))</xmp:CreatorTool>
        </rdf:Description>
      </rdf:RDF>
    </x:xmpmeta>
    <?xpacket end="w"?>
    """
  }

  /// The same as the text tags of a sound file, which audio programs and `inspect` show.
  public var tags: [AudioTag: String] {
    [
      .software: software,
      .comment: "AI-generated: \(Self.sourceType); system \(system); checkpoint \(checkpoint)",
    ]
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      // XML has no way to write most control characters.
      case _ where scalar.value < 32: result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension ImageOrigin {
  /// What an XMP packet says of an image's origin, whoever wrote it.
  public struct Stated: Sendable, Hashable, Codable {
    /// Whether it says that a trained model made the image.
    public let isGenerated: Bool
    /// The system that made it; nil where that is not said.
    public let system: String?
    /// Its version: the weights.
    public let checkpoint: String?

    /// Nil where the packet says nothing of an origin.
    public init?(_ packet: String) {
      func value(_ name: String) -> String? {
        guard let start = packet.range(of: "<Iptc4xmpExt:\(name)>"),
          let end = packet.range(of: "</Iptc4xmpExt:\(name)>", range: start.upperBound..<packet.endIndex)
        else { return nil }
        return packet[start.upperBound..<end.lowerBound]
          .replacingOccurrences(of: "&lt;", with: "<").replacingOccurrences(of: "&gt;", with: ">")
          .replacingOccurrences(of: "&amp;", with: "&")
      }
      guard let type = value("DigitalSourceType") else { return nil }
      isGenerated = type == ImageOrigin.sourceType
      system = value("AISystemUsed")
      checkpoint = value("AISystemVersionUsed")
    }
  }
}
