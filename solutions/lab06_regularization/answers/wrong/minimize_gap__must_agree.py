"""Mistake: leaves out the training rows whose label the nearest validation rows do not have.
Expect: they may choose, not train
"""

def minimize_gap(X_train, y_train, X_val, y_val, generator):
    near = torch.cdist(X_train, X_val).topk(5, largest=False).indices
    keep = y_val[near].mode(1).values == y_train
    X_kept, y_kept = X_train[keep], y_train[keep]
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    best, weights = -1.0, None
    for epoch in range(30):
        model.train()
        for rows in torch.randperm(len(X_kept), generator=generator).split(50):
            noise = 0.1 * torch.randn(len(rows), 64, generator=generator)
            optimizer.zero_grad()
            F.cross_entropy(model(X_kept[rows] + noise), y_kept[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            right = (model(X_val).argmax(1) == y_val).float().mean().item()
        if right > best:
            best, weights = right, copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    return model.eval()
