"""The sigmoid through tanh; heaviside for the ReLU."""

import torch


def relu_backward(grad_out, z):
    return grad_out * torch.heaviside(z, torch.zeros((), dtype=z.dtype))


def sigmoid_backward(grad_out, z):
    return grad_out * (1 - torch.tanh(z / 2) ** 2) / 4
