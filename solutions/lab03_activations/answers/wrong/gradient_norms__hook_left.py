"""Mistake: a hook stays on the model.
Expect: a hook is left behind
"""


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    model.register_forward_hook(lambda *a: None)
    return [g.norm().item() for g in torch.autograd.grad(loss, weights)]
