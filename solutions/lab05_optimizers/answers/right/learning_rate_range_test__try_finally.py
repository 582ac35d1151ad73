"""Saves clones, restores in finally, shows a progress bar and warns when the loss is not finite."""

import math
import warnings

import torch
from tqdm import tqdm


def learning_rate_range_test(model, batches, lrs, smooth=False):
    saved = {name: value.detach().clone() for name, value in model.state_dict().items()}
    training = {name: module.training for name, module in model.named_modules()}
    losses = []
    try:
        model.train(True)
        stored = list(batches)
        for step, lr in enumerate(tqdm(lrs)):
            X, y = stored[step % len(stored)]
            for p in model.parameters():
                p.grad = None
            logits = model(X)
            loss = -torch.log_softmax(logits, dim=1)[torch.arange(len(y)), y].mean()
            if not math.isfinite(loss.item()):
                warnings.warn(f"loss {loss.item()} at lr {lr}", stacklevel=2)
            loss.backward()
            for p in model.parameters():
                p.data.add_(p.grad, alpha=-lr)
            losses.append(loss.item())
    finally:
        with torch.no_grad():
            for name, value in model.state_dict().items():
                value.copy_(saved[name])
        for name, module in model.named_modules():
            module.training = training[name]
        model.zero_grad()
    return losses
