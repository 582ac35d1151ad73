"""All gradients in one flat vector, copied back; PyTorch stops it where one is not contiguous."""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    flat = torch.nn.utils.parameters_to_vector(grads) if grads else torch.zeros(0)
    n = flat.norm(p=2)
    if n.item() <= max_norm:
        return n.item()
    for g, new in zip(grads, (flat * (max_norm / n)).split([g.numel() for g in grads])):
        g.copy_(new.view_as(g))
    return n.item()
