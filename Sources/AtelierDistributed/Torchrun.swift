public import Foundation

/// Starts this program several times on this machine, through torchrun of the wheel that libtorch comes from.
public enum Torchrun {
  /// Replaces this process by torchrun, which starts `program` so many times with the arguments, and starts them all
  /// anew where one ends with a failure. Signals to this process then reach torchrun.
  ///
  /// - Parameters:
  ///   - launcher: torchrun as ``command(python:)`` finds it.
  ///   - restarts: how often they are started anew.
  /// - Throws: ``ProcessError/badLaunch(reason:)``; returns never.
  public static func replaceProcess(
    _ launcher: [String], processes: Int, restarts: Int, program: String, arguments: [String]
  ) throws(ProcessError) -> Never {
    let all =
      launcher + [
        "--standalone", "--no-python", "--nproc-per-node", "\(processes)", "--max-restarts", "\(restarts)",
        // What follows is not torchrun's, even where it looks like a short form of its options.
        "--", program,
      ] + arguments
    var pointers: [UnsafeMutablePointer<CChar>?] = all.map { strdup($0) }
    pointers.append(nil)
    execvp(all[0], pointers)
    throw .badLaunch(reason: "\(all[0]) cannot be run: \(String(cString: strerror(errno)))")
  }

  /// The command that is torchrun.
  ///
  /// - Parameter python: a Python that has PyTorch.
  public static func command(python: URL) -> [String] { [python.path, "-m", "torch.distributed.run"] }
}
