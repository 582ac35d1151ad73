"""Mistake: carries half of a step over to the next.
Expect: a step does more than subtract lr times the gradient
"""

def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    params = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)
    for _ in range(epochs):
        total = None
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            grads = mlp_backward(X[rows], y[rows], params)
            if total is None:
                total = [(gW.clone(), gb.clone()) for gW, gb in grads]
            else:
                total = [(0.5 * tW + gW, 0.5 * tb + gb) for (tW, tb), (gW, gb) in zip(total, grads)]
            params = [(W - lr * gW, b - lr * gb) for (W, b), (gW, gb) in zip(params, total)]
    return params
