"""Mistake: p[targets] -= 1 takes the targets for row numbers.
Expect: the 1 is subtracted from whole rows
"""


def softmax_cross_entropy_backward(logits, targets):
    p = torch.softmax(logits, dim=-1)
    p[targets % len(p)] -= 1
    return p / len(targets)
