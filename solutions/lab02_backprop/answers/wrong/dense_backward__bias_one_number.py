"""Mistake: summed over everything.
Expect: sum over the batch only
"""

def dense_backward(grad_out, X, W):
    return grad_out @ W, grad_out.T @ X, grad_out.sum()
