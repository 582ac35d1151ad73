"""Mistake: compares z with 1e-6 in place of 0.
Expect: the slope of a small z above 0 is not 1
"""

def relu_backward(grad_out, z):
    return grad_out * (z > 1e-6)


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
