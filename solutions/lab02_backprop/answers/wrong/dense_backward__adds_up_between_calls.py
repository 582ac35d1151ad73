"""Mistake: adds to gradients that it keeps.
Expect: the second call with the same arguments gives another result
"""

kept = {}


def dense_backward(grad_out, X, W):
    kept["W"] = kept.get("W", 0) + grad_out.T @ X if kept.get("shape") == W.shape else grad_out.T @ X
    kept["shape"] = W.shape
    return grad_out @ W, kept["W"], grad_out.sum(0)
