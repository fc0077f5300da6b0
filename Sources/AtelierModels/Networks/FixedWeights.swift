import Torch
import TorchNN

/// Runs `body` with weights that get no gradients of what it computes, although what flows through them does: the
/// generator's pass through a discriminator whose own pass was computed before, and is differentiated later.
func withFixedWeights<Result>(_ module: Module, _ body: () -> Result) -> Result {
  let parameters = module.parameters().filter(\.requiresGradient)
  for parameter in parameters { parameter.requiresGradient = false }
  defer { for parameter in parameters { parameter.requiresGradient = true } }
  return body()
}
