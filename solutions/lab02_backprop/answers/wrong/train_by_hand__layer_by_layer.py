"""Mistake: the first layer gets its gradient from the last layer after its step.
Expect: the last layer takes its step before
"""

def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    (W1, b1), (W2, b2) = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            (_, _), (gW2, gb2) = mlp_backward(X[rows], y[rows], [(W1, b1), (W2, b2)])
            W2, b2 = W2 - lr * gW2, b2 - lr * gb2
            (gW1, gb1), _ = mlp_backward(X[rows], y[rows], [(W1, b1), (W2, b2)])
            W1, b1 = W1 - lr * gW1, b1 - lr * gb1
    return [(W1, b1), (W2, b2)]
