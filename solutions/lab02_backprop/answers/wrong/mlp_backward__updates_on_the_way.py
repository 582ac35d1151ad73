"""Mistake: takes the step in the backward pass, before the layer below is reached.
Expect: a parameter (nothing is updated here)
"""

import torch


def mlp_backward(X, targets, params):
    inputs, sums, A = [], [], X
    for W, b in params:
        inputs.append(A)
        sums.append(A @ W.T + b)
        A = torch.relu(sums[-1])
    p = torch.softmax(sums[-1], 1)
    grad = (p - torch.nn.functional.one_hot(targets, p.shape[1])) / len(X)
    grads = []
    for i in reversed(range(len(params))):
        if i < len(params) - 1:
            grad = grad * (sums[i] > 0)
        grads.append((grad.T @ inputs[i], grad.sum(0)))
        for w, g in zip(params[i], grads[-1]):
            w -= 0.1 * g
        grad = grad @ params[i][0]
    return grads[::-1]
