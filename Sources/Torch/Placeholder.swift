internal import CTorch

extension Tensor {
  /// A float32 tensor of a shape without values and without memory for them.
  ///
  /// ``copy(from:)`` and ``fill(_:)`` give it values, in the layout that it has, and it stays the same object;
  /// random fills pass it by; whatever asks for its values fails.
  public static func placeholder(_ shape: [Int]) -> Tensor {
    let lengths = shape.map(Int64.init)
    return Tensor(CTTensorPlaceholder(lengths, Int32(lengths.count)), "placeholder", rank: shape.count)
  }

  /// Whether it has a shape and no values.
  public var isPlaceholder: Bool { CTTensorIsPlaceholder(handle) }
}
