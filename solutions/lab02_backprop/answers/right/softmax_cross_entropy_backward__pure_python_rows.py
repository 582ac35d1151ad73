"""Row by row in plain Python numbers."""

def softmax_cross_entropy_backward(logits, targets):
    rows = []
    for row, t in zip(logits, targets.tolist()):
        p = F.softmax(row, dim=0)
        rows.append(torch.cat([p[:t], p[t : t + 1] - 1, p[t + 1 :]]))
    return torch.stack(rows) / len(rows)
