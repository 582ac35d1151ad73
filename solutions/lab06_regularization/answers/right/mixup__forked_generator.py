"""torch.distributions.Beta in a fork of the global generator; torch.lerp."""

from torch.distributions import Beta


def mixup(X, Y, alpha, generator):
    n = X.size(0)
    seed = int(torch.randint(2**60, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        lam = Beta(torch.tensor(alpha, dtype=torch.float64), alpha).sample((n,))
        order = torch.randperm(n)
    weights = lam.to(X.dtype)
    expanded = weights.reshape(n, *(1 for _ in X.shape[1:]))
    return torch.lerp(X[order], X, expanded), torch.lerp(Y[order], Y, weights.unsqueeze(1))
