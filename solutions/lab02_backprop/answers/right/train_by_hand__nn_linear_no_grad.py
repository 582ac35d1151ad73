"""nn.Linear layers whose weights are changed under no_grad."""

def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    sizes = [X.shape[1], hidden, int(y.max()) + 1]
    layers = [torch.nn.Linear(m, n) for m, n in itertools.pairwise(sizes)]
    with torch.no_grad():
        for layer in layers:
            layer.weight.normal_(0, (2 / layer.in_features) ** 0.5, generator=generator)
            layer.bias.zero_()
        for _ in range(epochs):
            for rows in torch.randperm(len(X), generator=generator).split(batch_size):
                params = [(layer.weight, layer.bias) for layer in layers]
                for layer, (gW, gb) in zip(layers, mlp_backward(X[rows], y[rows], params)):
                    layer.weight -= lr * gW
                    layer.bias -= lr * gb
    return [(layer.weight.detach(), layer.bias.detach()) for layer in layers]
