"""Mistake: no return.
Expect: expected (grad_X, grad_W, grad_b), got NoneType
"""

def dense_backward(grad_out, X, W):
    grads = grad_out @ W, grad_out.T @ X, grad_out.sum(0)
