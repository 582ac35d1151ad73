"""Mistake: the learning rate falls from epoch to epoch.
Expect: the first step is right, a later one is not
"""

def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    params = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)

    for epoch in range(epochs):
        order = torch.randperm(len(X), generator=generator)
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            grads = mlp_backward(X[rows], y[rows], params)
            params = [(W - lr / (1 + epoch) * gW, b - lr / (1 + epoch) * gb) for (W, b), (gW, gb) in zip(params, grads)]
    return params
