"""Mistake: grad_W uses what the layer gave.
Expect: grad_W uses the layer's output
"""

import torch


def mlp_backward(X, targets, params):
    inputs, sums, A = [], [], X
    for W, b in params:
        inputs.append(A)
        sums.append(A @ W.T + b)
        A = torch.relu(sums[-1]) if len(sums) < len(params) else sums[-1]
    p = torch.softmax(sums[-1], 1)
    grad = (p - torch.nn.functional.one_hot(targets, p.shape[1])) / len(X)
    grads = []
    for i in reversed(range(len(params))):
        if i < len(params) - 1:
            grad = grad * (sums[i] > 0)
        grads.append((grad.T @ (A if i == len(params) - 1 and A.shape == inputs[i].shape else inputs[min(i + 1, len(params) - 1)] if inputs[min(i + 1, len(params) - 1)].shape == inputs[i].shape else inputs[i]), grad.sum(0)))
        grad = grad @ params[i][0]
    return grads[::-1]
