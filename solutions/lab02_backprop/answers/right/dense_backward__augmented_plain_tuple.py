"""One product for W and b, cut apart into views; a plain tuple."""

def dense_backward(grad_out, X, W):
    ones = torch.ones(len(X), 1, dtype=X.dtype, device=X.device)
    both = grad_out.mT @ torch.hstack([X, ones])
    return grad_out.matmul(W), both[:, :-1], both[:, -1]
