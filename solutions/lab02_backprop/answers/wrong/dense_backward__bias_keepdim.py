"""Mistake: the axis of the sum is kept.
Expect: do not keep the axis of the sum
"""

def dense_backward(grad_out, X, W):
    return grad_out @ W, grad_out.T @ X, grad_out.sum(0, keepdim=True)
