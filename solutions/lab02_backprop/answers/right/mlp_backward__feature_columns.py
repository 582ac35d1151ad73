"""Samples in columns: everything transposed on the way."""

def mlp_backward(X, targets, params):
    acts = [X.T]
    for i, (W, b) in enumerate(params):
        z = W @ acts[-1] + b[:, None]
        acts.append(z.clamp(min=0) if i + 1 < len(params) else z)
    delta = torch.softmax(acts.pop(), dim=0)
    delta[targets, torch.arange(X.shape[0])] -= 1
    delta /= X.shape[0]
    out = []
    while acts:
        a = acts.pop()
        out.insert(0, (torch.mm(delta, a.t()), delta.sum(dim=1)))
        if acts:
            delta = torch.mm(params[len(acts)][0].t(), delta) * (a > 0)
    return out
