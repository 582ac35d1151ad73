"""Mistake: one_hot counts the classes by the largest target.
Expect: the number of classes is that of the logits
"""

def softmax_cross_entropy_backward(logits, targets):
    return (torch.softmax(logits, dim=-1) - F.one_hot(targets)) / len(logits)
