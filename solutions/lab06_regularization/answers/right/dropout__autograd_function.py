"""A Function with a backward of its own."""

class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(factor)
        return x * factor

    @staticmethod
    def backward(ctx, grad_out):
        (factor,) = ctx.saved_tensors
        return grad_out * factor, None


class Dropout(nn.Module):
    def __init__(self, p=0.5):
        if not (0 <= p <= 1):
            raise ValueError("p")
        super().__init__()
        self.rate = p

    def forward(self, x):
        if not self.training:
            return x
        if self.rate >= 1:
            return x.mul(0)
        kept = torch.empty_like(x, requires_grad=False).uniform_(0, 1).gt(self.rate)
        return _Drop.apply(x, kept.to(x.dtype).div(1 - self.rate))
