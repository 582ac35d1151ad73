"""A recursive inner function; its name is one that a learner may choose."""

def mlp_backward(X, targets, params):
    def descend(A, layer):
        (W, b), last = params[layer], layer == len(params) - 1
        Z = A @ W.T + b
        if last:
            G, above = softmax_cross_entropy_backward(Z, targets), []
        else:
            G, above = descend(torch.relu(Z), layer + 1)
            G = relu_backward(G, Z)
        grad_A, grad_W, grad_b = dense_backward(G, A, W)
        return grad_A, [(grad_W, grad_b), *above]

    return descend(X, 0)[1]
