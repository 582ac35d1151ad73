"""Mistake: keeps the random state only if the model itself is in train mode.
Expect: random state
"""

def gradient_norms(model: nn.Sequential, X: Tensor, y: Tensor) -> list[float]:
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    flags = [(p, p.requires_grad) for p in model.parameters()]
    for p, _ in flags:
        p.requires_grad_(True)
    with torch.random.fork_rng(enabled=model.training):
        loss = F.cross_entropy(model(X.detach()), y)
        gradients = torch.autograd.grad(loss, weights)
    for p, flag in flags:
        p.requires_grad_(flag)
    return [g.norm().item() for g in gradients]
