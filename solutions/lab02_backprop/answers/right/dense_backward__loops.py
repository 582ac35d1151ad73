"""Three loops over samples, outputs and inputs; numbers collected in lists."""

import torch


def dense_backward(grad_out, X, W):
    N, K = grad_out.shape
    D = X.shape[1]
    gX, gW, gb = X.new_zeros(N, D), W.new_zeros(K, D), W.new_zeros(K)
    for n in range(N):
        for k in range(K):
            gb[k] = gb[k] + grad_out[n, k]
            for d in range(D):
                gX[n, d] += grad_out[n, k] * W[k, d]
                gW[k, d] += grad_out[n, k] * X[n, d]
    return [gX, gW, gb]
