"""Mistake: takes the label of the nearest validation row.
Expect: they may choose, not train
"""

def minimize_gap(X_train, y_train, X_val, y_val, generator):
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.3)
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
            best, weights = loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)

    class Nearest(nn.Module):
        def forward(self, X):
            return F.one_hot(y_val[torch.cdist(X, X_val).argmin(1)], 10).float()

    return Nearest().eval()
