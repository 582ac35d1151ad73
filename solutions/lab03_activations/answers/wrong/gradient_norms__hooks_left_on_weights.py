"""Mistake: hooks stay on the weights.
Expect: a hook is left behind
"""


def gradient_norms(model, X, y):

    got = {}
    for i, m in enumerate(model):
        if isinstance(m, nn.Linear):
            m.weight.register_hook(lambda g, i=i: got.__setitem__(i, g.norm().item()))
    with torch.random.fork_rng():
        torch.autograd.grad(F.cross_entropy(model(X), y), [p for p in model.parameters()])
    return [got[i] for i in sorted(got)]
