"""Mistake: replaces an h below 1e-8 by 1e-8.
Expect: a small h is replaced by 1e-8
"""

def numerical_gradient(f, x, h=1e-5):
    h = max(h, 1e-8)
    at = x.double()
    g = torch.zeros_like(at)
    for idx in itertools.product(*map(range, x.shape)):
        e = torch.zeros_like(at)
        e[idx] = h
        g[idx] = (float(f(at + e)) - float(f(at - e))) / (2 * h)
    return g.to(x.dtype)
