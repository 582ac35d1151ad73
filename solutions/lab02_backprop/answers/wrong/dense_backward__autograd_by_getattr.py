"""Mistake: asks PyTorch, by a name made at run time.
Expect: is refused in this question
"""

import torch


def dense_backward(grad_out, X, W):
    leaves = [X.clone().requires_grad_(), W.clone().requires_grad_(), torch.zeros(len(W), dtype=W.dtype, requires_grad=True)]
    getattr(leaves[0] @ leaves[1].T + leaves[2], "back" + "ward")(grad_out)
    return tuple(leaf.grad for leaf in leaves)
