"""Mistake: measures in eval mode and puts the modes back.
Expect: eval mode
"""

def gradient_norms(model: nn.Sequential, X: Tensor, y: Tensor) -> list[float]:
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    flags = [(p, p.requires_grad) for p in model.parameters()]
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    for p, _ in flags:
        p.requires_grad_(True)
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X.detach()), y)
        gradients = torch.autograd.grad(loss, weights)
    for p, flag in flags:
        p.requires_grad_(flag)
    for m, mode in modes:
        m.training = mode
    return [g.norm().item() for g in gradients]
