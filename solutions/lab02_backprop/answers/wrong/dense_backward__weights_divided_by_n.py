"""Mistake: an own mean over the batch.
Expect: it is divided by N
"""

def dense_backward(grad_out, X, W):
    return grad_out @ W, grad_out.T @ X / len(X), grad_out.mean(0)
