"""Mistake: asks PyTorch.
Expect: is refused in this question
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    y = x.detach().double().requires_grad_()
    torch.as_tensor(f(y)).backward()
    return y.grad.to(x.dtype)
