"""The norm of the norms, 1e-6 in the denominator, always a multiplication, a 0-d tensor back."""

import torch


def clip_grad_norm(parameters, max_norm):
    gradients = [p.grad.detach() for p in parameters if p.grad is not None]
    if not gradients:
        return torch.tensor(0.0)
    total = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    factor = torch.clamp(max_norm / (total + 1e-6), max=1.0)
    for g in gradients:
        g.mul_(factor.to(g.device))
    return total
