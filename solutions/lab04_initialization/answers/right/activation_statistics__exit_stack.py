"""A class as the hook, an ExitStack, sums by hand."""

import contextlib
import math

import torch


class Notes:
    def __init__(self):
        self.pairs = []

    def __call__(self, module, args, out):
        flat = [float(v) for v in out.detach().double().reshape(-1)]
        mean = sum(flat) / len(flat)
        self.pairs += [[mean, math.sqrt(sum((v - mean) ** 2 for v in flat) / (len(flat) - 1))]]


def is_activation(module):
    simple = next(module.children(), None) is None and next(module.parameters(), None) is None
    return simple and not {"Flatten", "Dropout"} & {base.__name__ for base in type(module).__mro__}


def activation_statistics(model, X):
    notes = Notes()
    with contextlib.ExitStack() as stack, torch.inference_mode():
        for module in filter(is_activation, model.modules()):
            stack.callback(module.register_forward_hook(notes).remove)
        model(X)
    return tuple(notes.pairs)
