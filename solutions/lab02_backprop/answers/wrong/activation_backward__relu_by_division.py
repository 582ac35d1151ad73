"""Mistake: divides z by its size plus 1e-8, which loses small z.
Expect: the slope of a small z above 0 is not 1
"""

def relu_backward(grad_out, z):
    return grad_out * torch.clamp(z / (z.abs() + 1e-8), min=0).round()


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
