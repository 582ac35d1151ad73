"""Mistake: a unit counts as dead that is 0 for more than 99.9 % of the samples.
Expect: large batch
"""

def saturated_fraction(activations: Tensor, low: float, high: float) -> float:
    return float(((activations <= low) | (activations >= high)).double().mean())


def dead_fraction(activations: Tensor) -> float:
    silent = (activations == 0).double().mean(0)
    return float((silent > 0.999).double().mean())
