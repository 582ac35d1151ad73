"""Mistake: the bias gradient keeps the batch.
Expect: sum over the batch, since every sample used the same bias
"""

def dense_backward(grad_out, X, W):
    return grad_out @ W, grad_out.T @ X, grad_out
