"""Mistake: asks torch.autograd.functional, imported inside.
Expect: is refused in this question
"""

def mlp_backward(X, targets, params):
    from torch.autograd.functional import jacobian as slopes

    flat = tuple(t for pair in params for t in pair)
    grads = slopes(lambda *t: loss_of(X, targets, list(zip(t[::2], t[1::2]))), flat)
    return list(zip(grads[::2], grads[1::2]))
