"""Mistake: divides the gradient of the mean by the number of rows once more.
Expect: the step is divided by N once more
"""


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    params = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            for (W, b), (grad_W, grad_b) in zip(params, mlp_backward(X[rows], y[rows], params)):
                W -= lr * grad_W / len(rows)
                b -= lr * grad_b / len(rows)
    return params
