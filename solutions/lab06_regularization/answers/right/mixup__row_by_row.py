"""A loop over the rows; gamma draws."""

def beta_draw(alpha, n, generator):
    return draw_beta(alpha, n, generator).double().clamp(0, 1)


def mixup(inputs, targets, alpha, generator):
    partners = torch.randperm(len(inputs), generator=generator).tolist()
    shares = beta_draw(alpha, len(inputs), generator).tolist()
    xs, ys = [], []
    for i, (j, share) in enumerate(zip(partners, shares)):
        xs.append(inputs[i] * share + inputs[j] * (1 - share))
        ys.append(targets[i] * share + targets[j] * (1 - share))
    return torch.stack(xs), torch.stack(ys)
