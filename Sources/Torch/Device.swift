internal import CTorch

/// The device that holds a tensor and runs its operations.
public struct Device: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The supported kinds of devices.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    case cpu, cuda, mps
  }

  /// The kind.
  public let kind: Kind
  /// The index among devices of the kind, from 0.
  public let index: Int

  /// The CPU.
  public static let cpu = Device(kind: .cpu, index: 0)
  /// Apple's GPU.
  public static let mps = Device(kind: .mps, index: 0)
  /// An NVIDIA GPU.
  public static func cuda(_ index: Int = 0) -> Device { Device(kind: .cuda, index: index) }

  private init(kind: Kind, index: Int) {
    self.kind = kind
    self.index = index
  }

  /// Reads `cpu`, `mps`, `cuda` or `cuda:1`; nil for anything else.
  public init?(parsing text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let kind = parts.first.flatMap({ Kind(rawValue: String($0)) }), parts.count <= 2 else { return nil }
    let index = parts.count == 2 ? Int(parts[1]) : 0
    guard let index, index >= 0, index < 128, kind == .cuda || index == 0 else { return nil }
    self.init(kind: kind, index: index)
  }

  /// `cpu`, `mps` or `cuda:0`, as ``init(parsing:)`` reads it.
  public var description: String { kind == .cuda ? "cuda:\(index)" : kind.rawValue }

  /// Whether this build of the engine and this machine can run on the device.
  public var isAvailable: Bool { CTDeviceAvailable(kindCode, Int32(index)) }

  var kindCode: Int32 {
    switch kind {
    case .cpu: Int32(CTCPU)
    case .cuda: Int32(CTCUDA)
    case .mps: Int32(CTMPS)
    }
  }

  init(kindCode: Int32, index: Int32) {
    switch Int(kindCode) {
    case Int(CTCUDA): self.init(kind: .cuda, index: Int(index))
    case Int(CTMPS): self.init(kind: .mps, index: 0)
    default: self.init(kind: .cpu, index: 0)
    }
  }
}
