"""Mistake: X.T @ grad_out has the shape (D, K).
Expect: it is transposed; it has the shape of W
"""

def dense_backward(grad_out, X, W):
    return grad_out @ W, X.T @ grad_out, grad_out.sum(0)
