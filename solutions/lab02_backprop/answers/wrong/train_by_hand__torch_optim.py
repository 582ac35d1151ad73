"""Mistake: an optimizer of PyTorch and a model trained by autograd.
Expect: is refused in this question
"""

import torch
from torch import nn


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    torch.manual_seed(generator.initial_seed())
    model = nn.Sequential(nn.Linear(X.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, int(y.max()) + 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
    return [(model[0].weight.detach(), model[0].bias.detach()), (model[2].weight.detach(), model[2].bias.detach())]
