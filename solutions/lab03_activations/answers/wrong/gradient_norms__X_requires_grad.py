"""Mistake: X requires a gradient afterwards.
Expect: requires_grad of a parameter or of X is another one
"""


def gradient_norms(model, X, y):

    X.requires_grad_()
    ws = [m.weight for m in model if isinstance(m, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    return [g.norm().item() for g in torch.autograd.grad(loss, ws)]
