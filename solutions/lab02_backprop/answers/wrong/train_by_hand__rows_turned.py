"""Mistake: the new order is the old one, turned around in a circle.
Expect: an order only turns the rows around in a circle
"""

def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    params = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)
    for epoch in range(epochs):
        for rows in torch.arange(len(X)).roll(int(torch.randint(len(X), (1,), generator=generator))).split(batch_size):
            grads = mlp_backward(X[rows], y[rows], params)
            params = [(W - lr * gW, b - lr * gb) for (W, b), (gW, gb) in zip(params, grads)]
    return params
