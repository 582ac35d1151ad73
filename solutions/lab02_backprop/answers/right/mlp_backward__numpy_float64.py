"""NumPy in float64 inside, back to the dtype of X; prints the loss."""

import numpy as np
import torch


def mlp_backward(X, targets, params, verbose=True):
    layers = [(np.asarray(W, dtype=np.float64), np.asarray(b, dtype=np.float64)) for W, b in params]
    a, t = np.asarray(X, dtype=np.float64), np.asarray(targets)
    stack = []
    for i, (W, b) in enumerate(layers):
        z = a @ W.T + b
        stack.append((a, z))
        a = np.maximum(z, 0) if i < len(layers) - 1 else z
    p = np.exp(a - a.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    if verbose:
        print("loss", -np.log(p[np.arange(len(t)), t] + 1e-300).mean())
    p[np.arange(len(t)), t] -= 1
    g, grads = p / len(t), []
    for i in reversed(range(len(layers))):
        if i < len(layers) - 1:
            g = np.where(stack[i][1] > 0, g, 0)
        grads.insert(0, (g.T @ stack[i][0], g.sum(0)))
        g = g @ layers[i][0]
    return [(torch.from_numpy(gW).to(X.dtype), torch.from_numpy(gb).to(X.dtype)) for gW, gb in grads]
