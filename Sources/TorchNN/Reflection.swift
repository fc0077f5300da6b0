/// The members that stored properties declare: superclass first, in order of declaration.
func reflectedMembers(of module: Module) -> [Module.Member] {
  var chain: [Mirror] = []
  var mirror: Mirror? = Mirror(reflecting: module)
  while let current = mirror, current.subjectType != Module.self {
    chain.append(current)
    mirror = current.superclassMirror
  }
  var members: [Module.Member] = []
  for mirror in chain.reversed() {
    for child in mirror.children {
      guard let label = child.label else { continue }
      collect(child.value, named: snakeCased(label), into: &members)
    }
  }
  return members
}

/// Adds what a property's value holds: a slot, a module, or (through optionals and arrays) several.
private func collect(_ value: Any, named name: String, into members: inout [Module.Member]) {
  if let slot = value as? TensorSlot {
    members.append(.tensor(name: name, slot: slot))
  } else if let module = value as? Module {
    members.append(.child(name: name, module: module))
  } else if !(value is Int || value is Double || value is Bool || value is String) {
    // A mirror costs more than these casts, and most settings have these types.
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .collection:
      for (index, element) in mirror.children.enumerated() {
        // The first element decides for arrays of plain values.
        if index == 0, !mayHoldMembers(element.value) { return }
        collect(element.value, named: "\(name).\(index)", into: &members)
      }
    case .optional:
      if let wrapped = mirror.children.first { collect(wrapped.value, named: name, into: &members) }
    default: break
    }
  }
}

private func mayHoldMembers(_ value: Any) -> Bool {
  if value is TensorSlot || value is Module { return true }
  let style = Mirror(reflecting: value).displayStyle
  return style == .collection || style == .optional
}

/// `runningMean` and a wrapper's `_runningMean` as `running_mean`; digits stay where they are.
func snakeCased(_ name: String) -> String {
  var result = ""
  var previous: Character?
  for character in name.drop(while: { $0 == "_" }) {
    if character.isUppercase {
      // An abbreviation stays one word: `generatorAB` is `generator_ab`.
      if let previous, !previous.isUppercase, previous != "_" { result.append("_") }
      result += character.lowercased()
    } else {
      result.append(character)
    }
    previous = character
  }
  return result
}
