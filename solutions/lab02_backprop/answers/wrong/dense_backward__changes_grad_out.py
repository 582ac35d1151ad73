"""Mistake: works in place on what came from above.
Expect: grad_out: the input was changed in place
"""

def dense_backward(grad_out, X, W):
    bias = grad_out.sum(0)
    result = grad_out @ W, grad_out.T @ X, bias
    grad_out.zero_()
    return result
