"""Mistake: adds 1e-8 to the denominator.
Expect: perhaps a step on the way rounds to float32, or adds a small number
"""

def softmax_cross_entropy_backward(logits, targets):
    e = torch.exp(logits - logits.max(1, keepdim=True).values)
    p = e / (e.sum(1, keepdim=True) + 1e-8)
    return (p - F.one_hot(targets, logits.shape[1])) / len(logits)
