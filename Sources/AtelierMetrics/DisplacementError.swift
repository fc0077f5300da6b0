/// How much of an object's motion the actions explain (Menapace et al. 2021): the squared error of motion predicted by the mean
/// motion of its action, in percent of the motion's variance. 0: the actions say all; 100: they say nothing.
///
/// The mean of an action is that of the other motions with it, so that rare actions do not look as if they said much.
///
/// - Parameters:
///   - motions: in x and y, one an example.
///   - actions: the action of each.
/// - Returns: nil with fewer than two motions, or where nothing moves.
public func displacementError(_ motions: [(x: Double, y: Double)], actions: [Int]) -> Double? {
  guard motions.count == actions.count, motions.count >= 2 else { return nil }
  let total = motions.reduce((x: 0.0, y: 0.0)) { ($0.x + $1.x, $0.y + $1.y) }
  let count = Double(motions.count)
  func spread(_ x: Double, _ y: Double) -> Double { x * x + y * y }
  let variance = motions.reduce(0.0) {
    let (x, y) = ($1.x * count - total.x, $1.y * count - total.y)
    // The mean of the others, as below.
    return $0 + spread(x / (count - 1), y / (count - 1))
  }
  guard variance > 0 else { return nil }
  var sums: [Int: (count: Double, x: Double, y: Double)] = [:]
  for (motion, action) in zip(motions, actions) {
    let old = sums[action] ?? (0, 0, 0)
    sums[action] = (old.count + 1, old.x + motion.x, old.y + motion.y)
  }
  let error = zip(motions, actions).reduce(0.0) { sum, example in
    let (motion, action) = example
    guard let all = sums[action], all.count > 1 else {
      // An action that was taken once says nothing more than all of them.
      let (x, y) = (motion.x * count - total.x, motion.y * count - total.y)
      return sum + spread(x / (count - 1), y / (count - 1))
    }
    let (x, y) = ((all.x - motion.x) / (all.count - 1), (all.y - motion.y) / (all.count - 1))
    return sum + spread(motion.x - x, motion.y - y)
  }
  return 100 * error / variance
}
