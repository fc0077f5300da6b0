internal import Foundation

/// The machine's processor.
enum Processor {
  /// The maker's name, such as "AMD EPYC"; nil where the system does not say it.
  static var name: String? { field("model name") ?? brand }

  /// The model, such as "AuthenticAMD family 26 model 2", which decides the sizes of caches and with them how the
  /// engine's kernels group sums; nil where the system does not say it.
  static let model: String? = {
    let x86 = [("vendor_id", ""), ("cpu family", "family "), ("model", "model ")]
    let arm = [("CPU implementer", "implementer "), ("CPU part", "part ")]
    for fields in [x86, arm] {
      let words = fields.compactMap { name, prefix in field(name).map { prefix + $0 } }
      if words.count == fields.count { return words.joined(separator: " ") }
    }
    return brand
  }()

  /// A field of the first processor in Linux's list.
  private static func field(_ name: String) -> String? {
    for line in list.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2, parts[0] == name { return parts[1] }
    }
    return nil
  }

  private static let list = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""

  #if canImport(Darwin)
    private static var brand: String? {
      var size = 0
      guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 1 else { return nil }
      var bytes = [UInt8](repeating: 0, count: size)
      guard sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0) == 0 else { return nil }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  #else
    private static var brand: String? { nil }
  #endif
}
