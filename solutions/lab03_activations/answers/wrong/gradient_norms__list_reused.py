"""Mistake: the next call overwrites the list.
Expect: the result of a call changes with the next one
"""

_out = []


def gradient_norms(model, X, y):
    _out.clear()
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    _out.extend(g.norm().item() for g in torch.autograd.grad(loss, weights))
    return _out
