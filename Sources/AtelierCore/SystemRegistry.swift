public import AtelierData

/// The systems that the command line, the service and conformance know, by name.
public struct SystemRegistry: Sendable {
  /// The systems in the order in which they are listed.
  public let systems: [any GenerativeSystem.Type]

  /// A registry; an application may add systems of its own to ``standard``.
  public init(_ systems: [any GenerativeSystem.Type]) { self.systems = systems }

  /// The system of a name.
  ///
  /// - Throws: ``ConfigurationError`` that names the nearest known one.
  public func system(named name: String) throws(ConfigurationError) -> any GenerativeSystem.Type {
    if let system = systems.first(where: { $0.identity.name == name }) { return system }
    let names = systems.map { $0.identity.name }
    throw ConfigurationError(
      "unknown system '\(name)'; did you mean '\(nearest(to: name, in: names))'? `atelier systems` lists all")
  }

  /// The first system that suits data of a kind; nil where none says so.
  public func system(suiting kind: DataKind) -> (any GenerativeSystem.Type)? {
    systems.first { $0.identity.suits.contains(kind) }
  }
}
