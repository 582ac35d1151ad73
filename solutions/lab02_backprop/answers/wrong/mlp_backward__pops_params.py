"""Mistake: takes the layers out of the list that it was given.
Expect: the list params was changed
"""

def mlp_backward(X, targets, params):
    inputs, A = [], X
    for W, b in params:
        inputs.append(A)
        Z = A @ W.T + b
        A = torch.relu(Z)
    G = softmax_cross_entropy_backward(Z, targets)
    grads = []
    while params:
        W, b = params.pop()
        A = inputs.pop()
        grads.insert(0, (G.T @ A, G.sum(0)))
        G = (G @ W) * (A > 0)
    return grads
