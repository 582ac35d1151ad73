"""Mistake: biases require no gradient afterwards.
Expect: requires_grad of a parameter or of X is another one
"""


def gradient_norms(model, X, y):

    ws = [m.weight for m in model if isinstance(m, nn.Linear)]
    for p in model.parameters():
        p.requires_grad_(any(p is w for w in ws))
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    return [g.norm().item() for g in torch.autograd.grad(loss, ws)]
