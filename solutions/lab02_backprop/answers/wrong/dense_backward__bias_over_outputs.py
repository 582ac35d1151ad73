"""Mistake: summed over the wrong axis.
Expect: sum over the batch, not over the outputs
"""

def dense_backward(grad_out, X, W):
    return grad_out @ W, grad_out.T @ X, grad_out.sum(1)
