"""Mistake: trains without any remedy until all labels are learned.
Expect: it has learned the training labels by heart
"""

def minimize_gap(X_train, y_train, X_val, y_val, generator):
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Identity(), nn.Linear(256, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    best, weights = math.inf, None
    for epoch in range(80):
        model.train()
        for rows in torch.randperm(len(X_train), generator=generator).chunk(6):
            noise = 0.3 * torch.randn(len(rows), 64, generator=generator)
            optimizer.zero_grad()
            F.cross_entropy(model(X_train[rows]), y_train[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            loss = F.cross_entropy(model(X_val), y_val).item()
        if True:
            best, weights = loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    return model.eval()
