"""Mistake: returns the weights first.
Expect: the order is (grad_X, grad_W, grad_b)
"""

def dense_backward(grad_out, X, W):
    return grad_out.T @ X, grad_out @ W, grad_out.sum(0)
