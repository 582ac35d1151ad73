"""DataLoader with the generator."""

from torch.utils.data import DataLoader, TensorDataset


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    (W1, b1), (W2, b2) = draw_net([X.shape[1], hidden, int(y.max()) + 1], generator)
    loader = DataLoader(TensorDataset(X, y), batch_size=batch_size, shuffle=True, generator=generator)
    for _ in range(epochs):
        for inputs, labels in loader:
            Z = inputs @ W1.T + b1
            A = torch.relu(Z)
            G = (torch.softmax(A @ W2.T + b2, 1) - F.one_hot(labels, len(b2))) / len(labels)
            H = G @ W2 * (Z > 0)
            W1, b1, W2, b2 = W1 - lr * H.T @ inputs, b1 - lr * H.sum(0), W2 - lr * G.T @ A, b2 - lr * G.sum(0)
    return [(W1, b1), (W2, b2)]
