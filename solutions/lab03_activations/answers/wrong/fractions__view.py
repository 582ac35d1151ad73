"""Mistake: flattens by view, which needs contiguous outputs.
Expect: need not be contiguous
"""

def saturated_fraction(activations: Tensor, low: float, high: float) -> float:
    rows = activations.view(len(activations), -1)
    return float(((rows <= low) | (rows >= high)).double().mean())


def dead_fraction(activations: Tensor) -> float:
    return float((activations == 0).all(0).double().mean())
