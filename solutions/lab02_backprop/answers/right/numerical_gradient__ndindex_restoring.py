"""numpy.ndindex over a copy, each entry put back."""

def numerical_gradient(f, x, h=1e-5):
    work = x.detach().to(torch.float64, copy=True)
    result = torch.empty_like(work)
    for index in itertools.product(*map(range, x.shape)):
        saved = work[index].item()

        def value(shift):
            work[index] = saved + shift
            return float(f(work))

        result[index] = (value(h) - value(-h)) / 2 / h
        work[index] = saved
    return result.type_as(x)
