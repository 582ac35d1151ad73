"""Mistake: scales the step by the size of the entry.
Expect: the step is scaled by the size of the entry
"""

def numerical_gradient(f, x, h=1e-5):
    y = x.double()
    g = torch.zeros_like(y)
    for i in range(y.numel()):
        e = torch.zeros_like(y)
        s = h * max(1.0, abs(float(y.reshape(-1)[i])))
        e.view(-1)[i] = s
        g.view(-1)[i] = float(f(y + e) - f(y - e)) / (2 * s)
    return g.to(x.dtype)
