import Foundation
import Torch

/// A small feature matrix without chance in it: sin(a i (j + 1) + b j) + c j in row i and column j.
///
/// Expected numbers of the tests were computed with numpy and scipy from the same formula.
func waves(_ rows: Int, _ columns: Int, _ a: Double, _ b: Double, _ c: Double, scale: Double = 1) -> Tensor {
  let values = (0..<rows).flatMap { i in
    (0..<columns).map { j in (sin(a * Double(i * (j + 1)) + b * Double(j)) + c * Double(j)) * scale }
  }
  return Tensor(HostTensor(values, shape: [rows, columns]))
}

/// A float64 matrix of rows.
func matrix(_ rows: [[Double]]) -> Tensor {
  Tensor(HostTensor(rows.flatMap { $0 }, shape: [rows.count, rows.first?.count ?? 0]))
}

func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 1e-9) -> Bool {
  abs(a - b) <= tolerance * max(1, abs(b))
}

func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-9) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { isClose($0, $1, tolerance) }
}

/// The sentence of the error that `body` throws, or nil.
func sentence(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)"
  }
}

/// Runs `body` with a folder of its own that is removed afterwards.
func withFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: "metrics-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}
