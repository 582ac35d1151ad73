"""Mistake: calls by_autograd, which the notebook gives for its tests.
Expect: is refused in this question
"""

def mlp_backward(X, targets, params):
    flat = [t for pair in params for t in pair]
    g = by_autograd(lambda *t: loss_of(X, targets, list(zip(t[::2], t[1::2]))), *flat)
    return list(zip(g[::2], g[1::2]))
