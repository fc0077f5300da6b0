/// The texts of errors, which may hold names and values of a file that was made to garble a terminal or a log.
extension String {
  /// The text on one line: line breaks become blanks, and other control characters U+FFFD.
  package var onOneLine: String {
    guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
    var result = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control
      result.append(!isControl ? scalar : (0x09...0x0D).contains(scalar.value) ? " " : "\u{FFFD}")
    }
    return String(result)
  }
}
