"""Mistake: the rows are cut into nearly equal parts: 4 rows by 3 give 2 and 2.
Expect: the rows are cut into equal parts
"""

def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    params = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)
    for epoch in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).tensor_split(math.ceil(len(X) / batch_size)):
            grads = mlp_backward(X[rows], y[rows], params)
            params = [(W - lr * gW, b - lr * gb) for (W, b), (gW, gb) in zip(params, grads)]
    return params
