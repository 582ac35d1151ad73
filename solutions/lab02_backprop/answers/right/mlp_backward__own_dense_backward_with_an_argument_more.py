"""Calls its own dense_backward with an optional argument."""

import torch


def dense_backward(grad_out, X, W, need_X=True):
    return (grad_out @ W if need_X else None), grad_out.T @ X, grad_out.sum(0)


def softmax_cross_entropy_backward(logits, targets):
    p = torch.softmax(logits, 1)
    return (p - torch.nn.functional.one_hot(targets, p.shape[1])) / len(p)


def relu_backward(grad_out, z):
    return grad_out * (z > 0)


def mlp_backward(X, targets, params):
    cache = []
    for i, (W, b) in enumerate(params):
        z = X @ W.T + b
        cache.append((X, z, W))
        X = torch.relu(z)
    grad = softmax_cross_entropy_backward(z, targets)
    grads = []
    for i, (X, z, W) in reversed(list(enumerate(cache))):
        if i < len(params) - 1:
            grad = relu_backward(grad, z)
        grad, grad_W, grad_b = dense_backward(grad, X, W, need_X=i > 0)
        grads.append((grad_W, grad_b))
    return grads[::-1]
