"""Mistake: takes every parameter with two axes.
Expect: one for the weight of each nn.Linear
"""


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    return [g.norm().item() for g in torch.autograd.grad(loss, [p for p in model.parameters() if p.dim() == 2])]
