"""Mistake: standardizes the rows it was given.
Expect: X_train: the input was changed in place
"""

def minimize_gap(X_train, y_train, X_val, y_val, generator):
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.3)
    X_train -= X_train.mean(0)
    best, weights = math.inf, None
    for epoch in range(50):
        model.train()
        for rows in torch.randperm(len(X_train), generator=generator).chunk(6):
            noise = 0.3 * torch.randn(len(rows), 64, generator=generator)
            optimizer.zero_grad()
            F.cross_entropy(model(X_train[rows] + noise), y_train[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            loss = F.cross_entropy(model(X_val), y_val).item()
        if loss < best:
            X_train -= X_train.mean(0)
    best, weights = loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    return model.eval()
