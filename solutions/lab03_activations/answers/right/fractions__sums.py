"""Sums of masks, an explicit loop over units, a Python float."""

def saturated_fraction(activations, low, high):
    below = (activations <= low).sum().item()
    above = (activations >= high).sum().item()
    return (below + above) / activations.numel()


def dead_fraction(activations):
    dead = 0
    for unit in activations.T:
        if all(value == 0 for value in unit.tolist()):
            dead += 1
    return dead / activations.shape[1]
