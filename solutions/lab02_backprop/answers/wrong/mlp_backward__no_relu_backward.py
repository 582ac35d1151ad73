"""Mistake: the ReLU is forgotten on the way back.
Expect: the gradient does not pass through the ReLU
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
        grads.append((grad.T @ inputs[i], grad.sum(0)))
        grad = grad @ params[i][0]
    return grads[::-1]
