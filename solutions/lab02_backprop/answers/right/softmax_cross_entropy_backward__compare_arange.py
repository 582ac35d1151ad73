"""The one-hot as a comparison with arange."""

def softmax_cross_entropy_backward(logits, targets):
    shifted = logits - logits.amax(1, keepdim=True)
    e = shifted.exp()
    hot = targets[:, None] == torch.arange(logits.shape[1], device=logits.device)[None, :]
    return (e / e.sum(1, keepdim=True) - hot.to(logits.dtype)) / logits.shape[0]
