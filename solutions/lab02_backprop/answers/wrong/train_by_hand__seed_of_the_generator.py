"""Mistake: draws from the seed of the generator, not from its state.
Expect: the seed of `generator` is used, not its state
"""

def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    generator = torch.Generator().manual_seed(generator.initial_seed())
    params = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)
    for epoch in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            grads = mlp_backward(X[rows], y[rows], params)
            params = [(W - lr * gW, b - lr * gb) for (W, b), (gW, gb) in zip(params, grads)]
    return params
