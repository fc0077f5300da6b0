internal import CTorch
public import Foundation

/// A TorchScript module: named tensors and a traced `forward`.
///
/// PyTorch and libtorch load the file without this package. The trace records the engine's operations:
/// numbers that the computation read from a tensor or its shape become constants, so sizes stay free only
/// where the operations themselves are free of them. Whoever writes a file has to run it at other sizes.
public final class ScriptModule {
  private let handle: OpaquePointer
  private var names: [String] = []

  /// A module without tensors.
  ///
  /// - Parameter name: the last part of the type's name, a plain word.
  public init(_ name: String) throws {
    guard let handle = CTScriptModuleCreate(name) else { throw ScriptError(engineReason()) }
    self.handle = handle
  }

  deinit { CTScriptModuleFree(handle) }

  /// Adds a tensor as an attribute; a dotted name creates submodules. The traced computation must use this
  /// same tensor object.
  public func add(_ tensor: Tensor, named name: String, isParameter: Bool) throws {
    let done = withExtendedLifetime(tensor) {
      CTScriptModuleAddTensor(handle, name, tensor.handle, isParameter)
    }
    guard done else { throw ScriptError(engineReason()) }
    names.append(name)
  }

  /// Traces `body` as `forward`; once per module.
  ///
  /// - Parameters:
  ///   - inputs: the arguments of `forward` in order; their names are plain words.
  ///   - body: gets the traced inputs; an error ends the trace.
  public func record(_ inputs: [(name: String, tensor: Tensor)], _ body: ([Tensor]) throws -> Tensor) throws {
    try withoutActuallyEscaping(body) { body in
      let recording = Recording(body)
      let names = inputs.map(\.name).joined(separator: "\n")
      let done = withHandles(inputs.map(\.tensor)) { handles, count in
        withoutGradients {
          let context = Unmanaged.passUnretained(recording).toOpaque()
          return CTScriptModuleTrace(handle, handles, count, names, recorded, context)
        }
      }
      if let thrown = recording.thrown { throw thrown }
      guard done else { throw ScriptError(engineReason()) }
    }
  }

  /// The names of the tensors that `forward` reads.
  public var readNames: [String] { names.filter { CTScriptModuleReads(handle, $0) } }

  /// Writes the module, with extra text files inside.
  public func write(to url: URL, extraFiles: [String: String]) throws {
    for (name, text) in extraFiles where !CTScriptModuleAddText(handle, name, text) {
      throw ScriptError(engineReason())
    }
    let done = CTScriptModuleSave(handle, url.path)
    guard done else { throw ScriptError("\(url.path) cannot be written: \(engineReason())") }
  }

  /// Runs a file's `forward` in this process.
  public static func run(_ url: URL, _ inputs: [Tensor]) throws -> Tensor {
    let result = withHandles(inputs) { CTScriptFileRun(url.path, $0, $1) }
    guard let result else { throw ScriptError("\(url.path) cannot be run: \(engineReason())") }
    return Tensor(owning: result)
  }
}

/// Whether operations on this thread are being recorded into a ``ScriptModule``, which keeps every number that is read
/// from a shape.
public var isRecordingScript: Bool { CTIsTracing() }

/// A loaded TorchScript file, run in evaluation mode.
public final class LoadedScript {
  private let handle: OpaquePointer
  private let url: URL

  /// Reads a file that PyTorch, libtorch or ``ScriptModule/write(to:extraFiles:)`` wrote.
  ///
  /// - Throws: ``ScriptError`` where it is missing or not TorchScript.
  public init(_ url: URL) throws {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw ScriptError("\(url.path) does not exist; name a TorchScript file")
    }
    guard let handle = CTScriptModuleLoad(url.path) else {
      throw ScriptError("\(url.path) cannot be read as TorchScript: \(engineReason())")
    }
    self.handle = handle
    self.url = url
  }

  deinit { CTScriptModuleFree(handle) }

  /// The output of `forward` for the inputs, without gradients.
  ///
  /// - Throws: ``ScriptError`` where it fails, or returns anything but one tensor.
  public func callAsFunction(_ inputs: [Tensor]) throws -> Tensor {
    let result = withHandles(inputs) { CTScriptModuleRun(handle, $0, $1) }
    guard let result else { throw ScriptError("\(url.path) cannot be run: \(engineReason())") }
    return Tensor(owning: result)
  }
}

/// Why a TorchScript module could not be made, written or run; one sentence.
public struct ScriptError: Error, Sendable, CustomStringConvertible, LocalizedError {
  /// The sentence.
  public let description: String

  init(_ description: String) { self.description = description }

  /// ``description``, so that `localizedDescription` shows it too.
  public var errorDescription: String? { description }
}

/// Passes a closure and its error through the engine.
private final class Recording {
  let body: ([Tensor]) throws -> Tensor
  var thrown: (any Error)?

  init(_ body: @escaping ([Tensor]) throws -> Tensor) { self.body = body }
}

/// The engine's callback: input handles are borrowed, the output handle is passed to the engine.
private func recorded(
  _ context: UnsafeMutableRawPointer?, _ inputs: UnsafePointer<OpaquePointer>, _ count: Int32
) -> OpaquePointer? {
  guard let context else { return nil }
  let recording = Unmanaged<Recording>.fromOpaque(context).takeUnretainedValue()
  do {
    // Aliases, as Swift tensors own their handles and these belong to the engine.
    let tensors = (0..<Int(count)).map { Tensor(CTTensorAlias(inputs[$0]), "recorded", rank: 0) }
    let output = try recording.body(tensors)
    return withExtendedLifetime(output) { CTTensorAlias(output.handle) }
  } catch {
    recording.thrown = error
    return nil
  }
}

private func engineReason() -> String {
  String(cString: CTLastError()).split(separator: "\n").first.map(String.init) ?? "no reason given"
}
