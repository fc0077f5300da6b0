/// A word of a command as a shell takes it: in quotes where it holds anything that a shell would take for something else.
package func shellWord(_ word: String) -> String {
  let scalars = word.unicodeScalars
  guard scalars.isEmpty || !scalars.allSatisfy({ plainScalars.contains($0) }) else { return word }
  var quoted = "'"
  // Nothing but a quote ends quotes; it stands between two pieces of quoted text.
  for scalar in scalars { quoted += scalar == "'" ? "'\\''" : String(scalar) }
  return quoted + "'"
}

/// What no shell takes for anything but itself.
private let plainScalars = Set(
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,".unicodeScalars)
