"""Mistake: forgets the bias.
Expect: expected (grad_X, grad_W, grad_b), got 2 things
"""

def dense_backward(grad_out, X, W):
    return grad_out @ W, grad_out.T @ X
