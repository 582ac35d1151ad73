"""torch.optim on a copy, in float64, broadcasting."""

import copy

import torch


def symmetry_gap(model, X, y, lr, steps):
    twin = copy.deepcopy(model).double()
    optimizer = torch.optim.SGD(twin.parameters(), lr=lr)
    criterion = torch.nn.CrossEntropyLoss()
    done = 0
    while done < steps:
        optimizer.zero_grad(set_to_none=False)
        criterion(twin(X.double()), y).backward()
        optimizer.step()
        done += 1
        print(f"step {done} of {steps}", end="\r")
    for module in twin.modules():
        if type(module) is torch.nn.Linear:
            W = module.weight.data.numpy()
            return float(abs(W[:, None, :] - W[None, :, :]).max())
