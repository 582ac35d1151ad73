"""NumPy, whose float64 is a float."""

import numpy as np


def saturated_fraction(activations, low, high):
    values = activations.detach().cpu().numpy()
    return np.mean(np.logical_or(values <= low, values >= high))


def dead_fraction(activations):
    return 1 - np.mean(np.count_nonzero(activations.detach().cpu().numpy(), axis=0) > 0)
