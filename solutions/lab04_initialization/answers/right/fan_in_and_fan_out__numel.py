"""By a tensor without memory."""

import torch


class TooFew(ValueError):
    pass


def fan_in_and_fan_out(shape, *, verbose=False):
    w = torch.empty(*shape, device="meta") if len(shape) else torch.empty((), device="meta")
    if w.ndim < 2:
        raise TooFew(str(shape))
    if verbose:
        print(w.shape)
    window = w[0, 0].numel()
    return w.size(1) * window, w.size(0) * window
