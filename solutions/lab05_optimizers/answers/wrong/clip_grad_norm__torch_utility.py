"""Mistake: PyTorch's function does the work.
Expect: torch.nn.utils.clip_grad
"""

from torch.nn.utils import clip_grad_norm_


def clip_grad_norm(parameters, max_norm):
    return clip_grad_norm_(list(parameters), max_norm)
