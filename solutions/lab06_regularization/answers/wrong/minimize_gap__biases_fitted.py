"""Mistake: fits the last biases to the validation rows.
Expect: they may choose, not train
"""

def minimize_gap(X_train, y_train, X_val, y_val, generator):
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    best, weights = -1.0, None
    for epoch in range(30):
        model.train()
        for rows in torch.randperm(len(X_train), generator=generator).split(50):
            noise = 0.1 * torch.randn(len(rows), 64, generator=generator)
            optimizer.zero_grad()
            F.cross_entropy(model(X_train[rows] + noise), y_train[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            right = (model(X_val).argmax(1) == y_val).float().mean().item()
        if right > best:
            best, weights = right, copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    optimizer = torch.optim.Adam([model[-1].bias], lr=0.05)
    for _ in range(50):
        optimizer.zero_grad()
        F.cross_entropy(model(X_val), y_val).backward()
        optimizer.step()
    return model.eval()
