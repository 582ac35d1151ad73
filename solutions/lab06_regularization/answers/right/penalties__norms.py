"""By torch.linalg and a dot product."""

def l1_penalty(parameters):
    return torch.stack([torch.linalg.vector_norm(w, 1) for w in parameters]).sum()


def l2_penalty(parameters):
    total = None
    for w in parameters:
        v = w.reshape(-1)
        total = v @ v if total is None else total + v @ v
    return total
