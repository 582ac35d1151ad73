"""The loops that are compared, each in a process of its own: ``python -m benchmarks.contenders LOOP NET DEVICE``.

A loop trains for ever and calls ``between`` after each epoch. There the process says how long its epochs took and waits
for the word to go on, so that rounds of all loops alternate within the same minutes. The first round is not counted.
"""

import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nnutils import blocks, data, optim, stacked, train

LR = 1e-3
Between = Callable[[], object]


@dataclass(frozen=True)
class Net:
    """What is trained: layers, batch size, how many batches an epoch has and how many epochs a round."""

    layers: tuple[int, ...]
    batch_size: int
    batches: int
    epochs: int
    images: bool

    def model(self, seed: int = 0) -> nn.Sequential:
        torch.manual_seed(seed)
        return blocks.mlp(*self.layers)

    def samples(self, device: str) -> tuple[Tensor, Tensor]:
        """Return so many images, or points of two moons; every tenth label of these is wrong.

        Without wrong labels a toy net comes so close to a loss of 0 that its numbers lose their precision (denormal
        ones, which a CPU computes many times slower), and a loop would be timed by how far it has learnt.
        """
        split = data.load("fashion_mnist" if self.images else "moons", device=device)
        rows = torch.arange(self.batches * self.batch_size) % len(split.X_train)
        wrong = (rows % 10 == 0).to(device) & (not self.images)
        return split.X_train[rows], torch.where(wrong, 1 - split.y_train[rows], split.y_train[rows])


NETS = {
    "A": Net((784, 512, 512, 10), 64, batches=150, epochs=1, images=True),
    "B": Net((784, 128, 10), 64, batches=300, epochs=1, images=True),
    "C": Net((2, 64, 64, 2), 32, batches=62, epochs=10, images=False),
    "toy": Net((2, 32, 32, 2), 32, batches=62, epochs=5, images=False),
}
K = 50  # toy nets


def plain(model: nn.Module, loader: DataLoader[Any], device: str, between: Between) -> None:
    """Train as most do: batch by batch from a DataLoader, ``loss.item()`` at each step."""
    optimizer = torch.optim.RMSprop(model.parameters(), lr=LR)
    while True:
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            loss.item()
        between()


def dataloader(net: Net, device: str, between: Between) -> None:
    """Train on a TensorDataset."""
    loader = DataLoader(TensorDataset(*net.samples("cpu")), batch_size=net.batch_size, shuffle=True)
    plain(net.model().to(device), loader, device, between)


def torchvision(net: Net, device: str, between: Between) -> None:
    """Train on torchvision's data set with ToTensor and Normalize, as its tutorials do."""
    from torchvision import datasets, transforms

    change = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    with tempfile.TemporaryDirectory() as folder:  # it wants the files unpacked, beside the packed ones
        shutil.copytree(data.folder() / "FashionMNIST", Path(folder, "FashionMNIST"))
        images = datasets.FashionMNIST(folder, train=True, transform=change, download=True)
    part: Dataset[Any] = torch.utils.data.Subset(images, range(net.batches * net.batch_size))
    loader = DataLoader(part, batch_size=net.batch_size, shuffle=True)
    plain(nn.Sequential(nn.Flatten(), net.model()).to(device), loader, device, between)


def lightning(net: Net, device: str, between: Between) -> None:
    """Train by Lightning's Trainer with its defaults: logger, checkpoints, progress bar."""
    import lightning as L

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = net.model()

        def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
            loss = F.cross_entropy(self.model(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.RMSprop(self.parameters(), lr=LR)

    class Between(L.Callback):
        def on_train_epoch_end(self, *_: object) -> None:
            between()

    loader = DataLoader(TensorDataset(*net.samples("cpu")), batch_size=net.batch_size, shuffle=True)
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"accelerator": "gpu" if device == "cuda" else "cpu", "devices": 1}
        L.Trainer(max_epochs=10**6, default_root_dir=folder, callbacks=[Between()], **options).fit(Module(), loader)


def keras(net: Net, device: str, between: Between) -> None:
    """Train by ``fit`` of Keras on its PyTorch backend."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras as k

    hidden = [k.layers.Dense(size, activation="relu") for size in net.layers[1:-1]]
    model = k.Sequential([k.Input((net.layers[0],)), *hidden, k.layers.Dense(net.layers[-1])])
    model.compile(k.optimizers.RMSprop(LR), k.losses.SparseCategoricalCrossentropy(from_logits=True))
    X, y = (tensor.numpy() for tensor in net.samples("cpu"))
    call = k.callbacks.LambdaCallback(on_epoch_end=lambda *_: between())
    model.fit(X, y, batch_size=net.batch_size, epochs=10**6, callbacks=[call])


def skorch(net: Net, device: str, between: Between) -> None:
    """Train by skorch's NeuralNetClassifier, without its validation split."""
    from skorch import NeuralNetClassifier
    from skorch.callbacks import EpochTimer

    class Between(EpochTimer):
        def on_epoch_end(self, *args: Any, **named: Any) -> None:
            super().on_epoch_end(*args, **named)
            between()

    X, y = net.samples("cpu")
    NeuralNetClassifier(
        net.model(), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.RMSprop, lr=LR, batch_size=net.batch_size,
        max_epochs=10**6, train_split=None, iterator_train__shuffle=True, callbacks=[Between()], device=device,
    ).fit(X, y)  # fmt: skip


def fit(net: Net, device: str, between: Between, **options: Any) -> None:
    """Train by ``train.fit``."""
    model = net.model().to(device)
    module = optim if options.keys() & {"compile", "capture"} else torch.optim
    optimizer = module.RMSprop(model.parameters(), lr=LR)
    train.fit(
        model, net.samples(device), optimizer=optimizer, epochs=10**6, batch_size=net.batch_size,
        on_epoch=lambda *_: between(), progress=False, **options,
    )  # fmt: skip


def limit(net: Net, device: str, between: Between) -> None:
    """Do what no step can do without: its matrix products, one gather, and one pass over weights, gradient, state.

    Into memory that is kept, without autograd, activation, loss or optimizer.
    """
    X, _ = net.samples(device)
    B, pairs = net.batch_size, list(itertools.pairwise(net.layers))
    batch = torch.empty(B, net.layers[0], device=device)
    weights = [torch.randn(o, i, device=device) / i**0.5 for i, o in pairs]
    values = [batch, *(torch.randn(B, o, device=device) for _, o in pairs)]
    deltas = [torch.randn_like(value) for value in values]
    grads = [torch.zeros_like(w) for w in weights]
    flat, grad, state = (torch.zeros(sum(w.numel() for w in weights), device=device) for _ in range(3))
    while True:
        for rows in torch.randperm(len(X)).to(device).split(B):
            torch.index_select(X, 0, rows, out=batch)
            for i, w in enumerate(weights):
                torch.mm(values[i], w.T, out=values[i + 1])
            for i in reversed(range(len(weights))):
                torch.mm(deltas[i + 1].T, values[i], out=grads[i])
                if i:
                    torch.mm(deltas[i + 1], weights[i], out=deltas[i])
            flat.add_(grad)
            state.copy_(grad)
        between()


def forward_and_backward(net: Net, device: str, between: Between) -> None:
    """Draw batches, compute losses and gradients, and update nothing: no eager loop over this model takes less."""
    model, (X, y) = net.model().to(device), net.samples(device)
    weights = list(model.parameters())
    while True:
        for inputs, targets in train.minibatches(X, y, net.batch_size):
            torch.autograd.grad(F.cross_entropy(model(inputs), targets), weights)
        between()


def one_by_one(net: Net, device: str, between: Between, loop: str = "fit") -> None:
    """Train the K toy nets one after another, for the epochs of a round each."""
    X, y = net.samples(device)
    while True:
        for seed in range(K):
            model = net.model(seed).to(device)
            optimizer = torch.optim.RMSprop(model.parameters(), lr=LR)
            if loop == "fit":
                options: dict[str, Any] = {"epochs": net.epochs, "batch_size": net.batch_size, "progress": False}
                train.fit(model, (X, y), optimizer=optimizer, **options)
                continue
            for _ in range(net.epochs):
                for inputs, targets in train.minibatches(X, y, net.batch_size):
                    optimizer.zero_grad()
                    F.cross_entropy(model(inputs), targets).backward()
                    optimizer.step()
        for _ in range(net.epochs):
            between()


def stack(net: Net, device: str, between: Between, **options: Any) -> None:
    """Train the K toy nets at once."""
    models = [net.model(seed).to(device) for seed in range(K)]
    stacked.fit(
        models, net.samples(device), "rmsprop", lr=LR, epochs=10**6, batch_size=net.batch_size,
        on_epoch=lambda *_: between(), progress=False, **options,
    )  # fmt: skip


def bfloat16(net: Net, device: str, between: Between, **options: Any) -> None:
    """Train by ``train.fit`` with products in bfloat16."""
    fit(net, device, between, autocast=torch.bfloat16, **options)


LOOPS: dict[str, Callable[[Net, str, Between], None]] = {
    "dataloader": dataloader,
    "torchvision": torchvision,
    "lightning": lightning,
    "keras": keras,
    "skorch": skorch,
    "limit": limit,
    "forward and backward": forward_and_backward,
    "eager": fit,
    "compiled": lambda *given: fit(*given, compile=True),
    "captured": lambda *given: fit(*given, capture=True),
    "compiled and captured": lambda *given: fit(*given, compile=True, capture=True),
    "bfloat16": bfloat16,
    "compiled, bfloat16": lambda *given: bfloat16(*given, compile=True),
    "one by one": one_by_one,
    "one by one, plain loop": lambda *given: one_by_one(*given, loop="plain"),
    "stacked": stack,
    "stacked, compiled": lambda *given: stack(*given, compile=True),
    "stacked, captured": lambda *given: stack(*given, capture=True),
}


def rounds(net: Net, device: str, words: TextIO, answers: TextIO) -> Iterator[None]:
    """Measure the epochs of a round, answer with its seconds, wait for the next word."""
    # CPU time is steady against other work on the machine; a GPU works while the CPU waits
    clock = time.perf_counter if device == "cuda" else time.process_time
    start = clock()
    for epoch in itertools.count(1):
        yield
        if epoch % net.epochs == 0:
            if device == "cuda":
                torch.cuda.synchronize()
            answers.write(json.dumps(clock() - start) + "\n")
            answers.flush()
            if not words.readline():
                os._exit(0)  # a training loop is not to be left by an exception: some of them catch it
            start = clock()


def main() -> None:
    loop, net, device = sys.argv[1:]
    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    between = rounds(NETS[net], device, sys.stdin, answers)
    next(between)
    LOOPS[loop](NETS[net], device, lambda: next(between))


if __name__ == "__main__":
    main()
