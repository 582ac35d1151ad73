"""Mistake: goes back through W.T where the shapes allow it.
Expect: W is transposed
"""

def dense_backward(grad_out, X, W):
    back = W.T if W.shape[0] == W.shape[1] else W
    return grad_out @ back, grad_out.T @ X, grad_out.sum(0)
