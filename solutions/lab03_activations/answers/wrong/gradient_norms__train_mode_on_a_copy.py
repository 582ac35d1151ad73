"""Mistake: measures a copy in train mode.
Expect: this is the gradient in train mode
"""


def gradient_norms(model, X, y):

    twin = copy.deepcopy(model).train()
    ws = [m.weight for m in twin if isinstance(m, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(twin(X), y)
    return [g.norm().item() for g in torch.autograd.grad(loss, ws)]
