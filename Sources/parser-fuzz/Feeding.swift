import Foundation
import ParserFuzzing
import Torch

/// The child's side: reads inputs one after the other and says in a shared page of memory how far it is.
struct Feeding {
  private let parser: FuzzedParser
  private let mutation: Mutation
  private let memory: Int
  private let timeout: Int

  /// - Parameters:
  ///   - memory: the most bytes that the process may take.
  ///   - timeout: the most seconds of processor time of an input.
  init(_ parser: FuzzedParser, seed: UInt64, memory: Int, timeout: Int) throws {
    self.parser = parser
    mutation = try Mutation(of: parser, seed: seed)
    (self.memory, self.timeout) = (memory, timeout)
  }

  func feed(_ numbers: Range<Int>, progress file: String) throws {
    // The small tensors of inputs gain nothing from more threads.
    Engine.threadCount = 1
    let page = try SharedPage(file)
    let folder = try FuzzFolder()
    defer { folder.remove() }
    page.folder = folder.url.path
    let parent = getppid()
    page[.number] = numbers.lowerBound
    for number in numbers {
      ProcessorTime.limit(seconds: Double(timeout))
      switch parser.outcome(of: mutation.input(number), in: folder) {
      case .accepted: page[.accepted] += 1
      case .refused: page[.refused] += 1
      case .wrong(let problem):
        FileHandle.standardError.write(Data("\(number): \(problem)\n".utf8))
        page[.wrong] += 1
      }
      if number % 256 == 0 || number == numbers.upperBound - 1 {
        page[.peakMemory] = Self.peakMemory
        // An input that took too much ends the process as a trap does.
        precondition(Self.peakMemory <= memory, "an input took more memory than it may")
      }
      page[.number] = number + 1
      // A proof that is stopped leaves nobody behind; what its page says is taken up.
      if number % 256 == 0, getppid() != parent { return }
    }
  }

  /// The most bytes of memory that the process has had; not that of the one that started it, which Linux counts in the usage of
  /// its child.
  static var peakMemory: Int {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return kibibytes.map { $0 << 10 } ?? Engine.memory()?.peak ?? 0
  }
}

/// A few numbers that a process shares with its parent, and that outlive a trap.
final class SharedPage {
  enum Slot: Int {
    case number, accepted, refused, wrong, peakMemory, milliseconds
  }

  private static let size = 4096
  private let start: UnsafeMutableRawPointer

  init(_ file: String) throws {
    let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0, ftruncate(descriptor, off_t(Self.size)) == 0,
      let start = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), start != MAP_FAILED
    else { throw CocoaError(.fileWriteUnknown) }
    close(descriptor)
    self.start = start
  }

  deinit { munmap(start, Self.size) }

  subscript(slot: Slot) -> Int {
    get { start.load(fromByteOffset: 8 * slot.rawValue, as: Int.self) }
    set { start.storeBytes(of: newValue, toByteOffset: 8 * slot.rawValue, as: Int.self) }
  }

  /// The child's folder of inputs, which a trap leaves behind.
  var folder: String {
    get { String(cString: (start + 256).assumingMemoryBound(to: CChar.self)) }
    set {
      for (index, byte) in (Array(newValue.utf8.prefix(1000)) + [0]).enumerated() {
        start.storeBytes(of: byte, toByteOffset: 256 + index, as: UInt8.self)
      }
    }
  }
}
