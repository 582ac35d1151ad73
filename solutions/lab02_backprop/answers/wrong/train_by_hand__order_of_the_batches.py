"""Mistake: only the order of the batches is random; the same rows always share one.
Expect: the same rows always share a batch
"""

def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    params = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)
    for epoch in range(epochs):
        for rows in [torch.arange(len(X)).split(batch_size)[i] for i in torch.randperm(math.ceil(len(X) / batch_size), generator=generator)]:
            grads = mlp_backward(X[rows], y[rows], params)
            params = [(W - lr * gW, b - lr * gb) for (W, b), (gW, gb) in zip(params, grads)]
    return params
