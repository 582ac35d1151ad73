"""Mistake: a unit whose first output is 0 and whose outputs add up to 0 counts as dead.
Expect: negative in places
"""

def saturated_fraction(activations: Tensor, low: float, high: float) -> float:
    return float(((activations <= low) | (activations >= high)).double().mean())


def dead_fraction(activations: Tensor) -> float:
    dead = (activations.sum(0) == 0) & (activations[0] == 0)
    return float(dead.double().mean())
