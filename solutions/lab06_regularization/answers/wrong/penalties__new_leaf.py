"""Mistake: makes a new tensor that requires a gradient.
Expect: a new tensor was made; keep the sum of tensors
"""

def l1_penalty(parameters):
    return torch.tensor(sum(p.abs().sum().item() for p in parameters), requires_grad=True)

def l2_penalty(parameters):
    return torch.tensor(sum((p**2).sum().item() for p in parameters), requires_grad=True)
