"""Mistake: written for two layers.
Expect: one layer
"""

import torch


def mlp_backward(X, targets, params):
    (W1, b1), (W2, b2) = params
    z = X @ W1.T + b1
    A = torch.relu(z)
    grad = softmax_cross_entropy_backward(A @ W2.T + b2, targets)
    grad_A, grad_W2, grad_b2 = dense_backward(grad, A, W2)
    _, grad_W1, grad_b1 = dense_backward(relu_backward(grad_A, z), X, W1)
    return [(grad_W1, grad_b1), (grad_W2, grad_b2)]
