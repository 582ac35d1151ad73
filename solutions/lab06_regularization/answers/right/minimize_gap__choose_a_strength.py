"""Ridge regression in closed form; the validation rows choose its strength."""

class Linear(nn.Module):
    def __init__(self, W, mean):
        super().__init__()
        self.register_buffer("W", W)
        self.register_buffer("mean", mean)

    def forward(self, X):
        return (X - self.mean) @ self.W


def minimize_gap(X_train, y_train, X_val, y_val, generator):
    mean = X_train.mean(0)
    A, Y = X_train - mean, F.one_hot(y_train, 10).float() - 0.1
    candidates = []
    for strength in torch.logspace(-1, 3, 17):
        W = torch.linalg.solve(A.T @ A + strength * torch.eye(64), A.T @ Y)
        model = Linear(W, mean).eval()
        candidates.append(((model(X_val).argmax(1) == y_val).float().mean().item(), model))
    return max(candidates, key=lambda pair: pair[0])[1]
