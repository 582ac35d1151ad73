"""Mistake: turns the list around that it was given.
Expect: the list params was changed
"""

def mlp_backward(X, targets, params):
    inputs, A = [], X
    for i, (W, b) in enumerate(params):
        inputs.append(A)
        Z = A @ W.T + b
        A = torch.relu(Z)
    G = softmax_cross_entropy_backward(Z, targets)
    grads = []
    params.reverse()
    for (W, b), A in zip(params, reversed(inputs)):
        grads.append((G.T @ A, G.sum(0)))
        G = (G @ W) * (A > 0)
    return grads[::-1]
