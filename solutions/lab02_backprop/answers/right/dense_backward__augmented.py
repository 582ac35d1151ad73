"""One product for W and b: a column of ones beside X."""

from typing import NamedTuple


class Gradients(NamedTuple):
    X: Tensor
    W: Tensor
    b: Tensor


def dense_backward(grad_out, X, W):
    ones = torch.ones(len(X), 1, dtype=X.dtype, device=X.device)
    both = grad_out.mT @ torch.hstack([X, ones])
    return Gradients(grad_out.matmul(W), both[:, :-1], both[:, -1])
