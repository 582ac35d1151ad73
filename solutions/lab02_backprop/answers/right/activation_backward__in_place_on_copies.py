"""In place on own copies; indexing by a mask; a second sigmoid of -z."""

import torch


def relu_backward(grad_out, z):
    grad = grad_out.clone()
    grad[z <= 0] = 0
    return grad


def sigmoid_backward(grad_out, z):
    return torch.sigmoid(z).mul_(torch.sigmoid(-z)).mul_(grad_out)
