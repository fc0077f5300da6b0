import Foundation

extension Settings {
  /// What a key takes, as part of a sentence: "a whole number, at least 1", "reflect or zeros". With a dot that of a
  /// key of a table.
  ///
  /// The kind and the choices follow from the property's type, bounds from what ``validate()`` objects to.
  public func allowedValues(of key: String) -> String? {
    let path = key.split(separator: ".").map(String.init)
    guard let type = ConfigurationExpectation.type(at: path, of: self),
      var text = ConfigurationExpectation.sentence(for: type, key: key)
    else { return nil }
    for start in ["expected ", "choose "] where text.hasPrefix(start) { text.removeFirst(start.count) }
    return ([text] + bounds(of: path)).joined(separator: ", ")
  }

  /// What is said of values that are mostly too small or too large.
  private func bounds(of path: [String]) -> [String] {
    guard let type = ConfigurationExpectation.type(at: path, of: self), let key = path.last else { return [] }
    let tried: [ConfigurationValue]
    switch type {
    case is Int.Type, is Optional<Int>.Type: tried = [.integer(-1), .integer(0)]
    case is Double.Type, is Optional<Double>.Type: tried = [.number(-1), .number(0), .number(1), .number(2)]
    default: return []
    }
    var found: [String] = []
    for value in tried {
      let nested = path.dropLast().reversed().reduce((path.last ?? "", value)) { ($1, .table([$0.0: $0.1])) }
      do throws(ConfigurationError) {
        try overlaid(with: [nested.0: nested.1]).validate()
      } catch {
        // "dropout lies in 0 ..< 1, not at 2"
        let sentence = error.description
        guard sentence.hasPrefix("\(key) ") || sentence.hasPrefix("\(path.joined(separator: ".")) ") else {
          continue
        }
        let rest = sentence.drop { $0 != " " }.dropFirst()
        let end = rest.range(of: ", not ")?.lowerBound ?? rest.firstIndex(of: ";") ?? rest.endIndex
        var bound = String(rest[..<end])
        for start in ["is ", "must be ", "lies "] where bound.hasPrefix(start) {
          bound.removeFirst(start.count)
          break
        }
        if !found.contains(bound), bound.count < 80 { found.append(bound) }
      }
    }
    return found
  }

  /// The keys of a key's table, in the order of declaration; none where it is no table or one that is written whole.
  public func keysOfTable(_ key: String) -> [String] {
    guard !openTables.contains(key), case .table? = (try? values())?[key],
      let value = Fragments.keys(of: self).first(where: { $0.label == key })?.value
    else { return [] }
    return Fragments.keys(of: value).map(\.label)
  }
}
