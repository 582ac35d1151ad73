"""Mistake: returns the parameters of the best epoch, not the last.
Expect: these are the parameters of an earlier epoch
"""

def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    params = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)
    best, best_loss = params, math.inf
    for epoch in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            grads = mlp_backward(X[rows], y[rows], params)
            params = [(W - lr * gW, b - lr * gb) for (W, b), (gW, gb) in zip(params, grads)]
        loss = float(loss_of(X, y, params))
        if loss < best_loss:
            best, best_loss = params, loss
    return best
