"""Mistake: keeps two results of f, which may be one place in memory, before it subtracts.
Expect: two results are kept that are one place in memory
"""

def numerical_gradient(f, x, h=1e-5):
    y = x.detach().to(torch.float64, copy=True).contiguous()
    flat, g = y.view(-1), torch.zeros(x.numel(), dtype=torch.float64)
    for i in range(x.numel()):
        old = float(flat[i])
        flat[i] = old + h
        plus = f(y)
        flat[i] = old - h
        minus = f(y)
        flat[i] = old
        g[i] = (plus - minus) / (2 * h)
    return g.reshape(x.shape).to(x.dtype)
