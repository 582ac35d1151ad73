"""One loop in Python floats, indexing into the list of parameters, a warning when it clips."""

import math
import warnings


def clip_grad_norm(parameters, max_norm):
    parameters = list(parameters)
    total = 0.0
    for p in parameters:
        if p.grad is None:
            continue
        for value in p.grad.double().flatten().tolist():
            total += value * value
    total = math.sqrt(total)
    if total <= max_norm:
        return total
    warnings.warn("clipped", stacklevel=2)
    for i in range(len(parameters)):
        if parameters[i].grad is not None:
            parameters[i].grad[...] = parameters[i].grad * (max_norm / total)
    return total
