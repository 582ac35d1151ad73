"""Mistake: takes the logarithm of the softmax.
Expect: logits are in the thousands
"""

def gradient_norms(model: nn.Sequential, X: Tensor, y: Tensor) -> list[float]:
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    flags = [(p, p.requires_grad) for p in model.parameters()]
    for p, _ in flags:
        p.requires_grad_(True)
    with torch.random.fork_rng():
        loss = -torch.log(torch.softmax(model(X.detach()), 1)[torch.arange(len(y)), y]).mean()
        gradients = torch.autograd.grad(loss, weights)
    for p, flag in flags:
        p.requires_grad_(flag)
    return [g.norm().item() for g in gradients]
