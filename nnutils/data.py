"""The course's data sets by name, as tensors in memory.

``digits``, ``moons`` and ``spirals`` come with the environment. ``fashion_mnist`` and ``mnist`` are files of
``torchvision.datasets``: they lie under ``NNUTILS_DATA`` (default: the user's cache folder) in torchvision's layout,
are downloaded once, and their checksums are verified whenever they are read. Without files and without network the
digits take their place, and a note says so where the reader sees it.
"""

import gzip
import hashlib
import math
import os
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
from torch import Tensor

from nnutils.arguments import one_of

__all__ = ["NAMES", "Split", "available", "folder", "load"]

#: The data sets that `load` knows: the first three are always at hand, the last two are downloaded once.
NAMES = ("digits", "moons", "spirals", "fashion_mnist", "mnist")
_TORCHVISION = {"fashion_mnist": "FashionMNIST", "mnist": "MNIST"}


@dataclass(frozen=True)
class Split:
    """A data set in three parts, all on one device.

    ``X_*`` are float32 of shape ``(N, D)`` (images flattened row by row, pixels from 0 to 1), ``y_*`` int64 class
    indices of shape ``(N,)``. ``name`` is what was really loaded. ``image_shape`` is ``(H, W)`` or None.

    Examples
    --------
    >>> split = load("digits")
    >>> split.name, split.image_shape, split.X_train.shape
    ('digits', (8, 8), torch.Size([1078, 64]))
    """

    name: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int] | None
    X_train: Tensor
    y_train: Tensor
    X_val: Tensor
    y_val: Tensor
    X_test: Tensor
    y_test: Tensor

    def to(self, device: torch.device | str) -> "Split":
        """Return the same split with every tensor on ``device``."""
        tensors: dict[str, Any] = {
            key: value.to(device) for key, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **tensors)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part} {tuple(getattr(self, 'X_' + part).shape)}" for part in ("train", "val", "test"))
        return f"Split({self.name}: {sizes}, {len(self.classes)} classes)"


def load(name: str, *, device: torch.device | str | None = None, seed: int = 0) -> Split:
    """Return a data set, split into training, validation and test part.

    Parameters
    ----------
    name : str
        "digits" (scikit-learn, 8 x 8), "moons", "spirals" (generated, 2-D), "fashion_mnist" or "mnist" (28 x 28).
    device : torch.device or str, optional
        Where the tensors go; the CPU by default.
    seed : int
        Decides the split (and the points of the generated sets); the test part of the image files is always theirs.

    Raises
    ------
    ValueError
        Unknown name.
    RuntimeError
        A file is there but its checksum is wrong.

    Examples
    --------
    >>> load("digits")
    Split(digits: train (1078, 64), val (359, 64), test (360, 64), 10 classes)
    """
    one_of("data", name, NAMES)
    generator = torch.Generator().manual_seed(seed)
    if name in _TORCHVISION and not _fetch(name):
        _note(
            f"{name} is neither in the data folder (NNUTILS_DATA) nor to be had from the network: these are the digits "
            "(8 x 8 pixels) instead, and the numbers differ from those in the text."
        )
        name = "digits"
    if name in _TORCHVISION:
        split = _load_images(name, generator)
    elif name == "digits":
        split = _load_digits(generator)
    else:
        split = _generate(name, generator)
    return split.to(device) if device is not None else split


def folder() -> Path:
    """Return the folder of the image files: ``NNUTILS_DATA``, or ``nnutils`` in the user's cache folder.

    A leading ``~`` is the home folder, also where no shell has replaced it.

    Examples
    --------
    >>> folder().name != ""
    True
    """
    return Path(os.environ.get("NNUTILS_DATA") or platformdirs.user_cache_dir("nnutils")).expanduser()


def available(name: str) -> bool:
    """Say whether ``load(name)`` gives that data set without touching the network (checksums are not read here).

    Examples
    --------
    >>> available("digits")
    True
    """
    if name not in _TORCHVISION:
        return name in NAMES
    return all(path.is_file() for path, _ in _files(name))


def _files(name: str) -> list[tuple[Path, str]]:
    """Path and md5 sum of the four files, from torchvision's own list."""
    import torchvision.datasets

    raw = folder() / _TORCHVISION[name] / "raw"
    return [(raw / file, md5) for file, md5 in getattr(torchvision.datasets, _TORCHVISION[name]).resources]


def _fetch(name: str) -> bool:
    """Download what is missing; False when there is no network to fetch it from."""
    missing = [(path, md5) for path, md5 in _files(name) if not path.is_file()]
    if missing:
        import torchvision.datasets
        from torchvision.datasets.utils import download_url

        mirrors = getattr(torchvision.datasets, _TORCHVISION[name]).mirrors
        for path, md5 in missing:
            if not any(_download(download_url, mirror + path.name, path, md5) for mirror in mirrors):
                return False
    return True


def _download(download_url, url: str, path: Path, md5: str) -> bool:  # type: ignore[no-untyped-def]
    """Fetch one file under a temporary name, so that an interrupted download is never taken for the file."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
    except OSError as error:
        raise RuntimeError(
            f"data: cannot write {path} ({error.strerror}); free some space or set NNUTILS_DATA to another folder"
        ) from None
    try:
        download_url(url, str(path.parent), partial.name, md5)
        partial.replace(path)
    except (OSError, RuntimeError):
        return False
    finally:
        partial.unlink(missing_ok=True)
    return True


def _load_images(name: str, generator: torch.Generator) -> Split:
    import torchvision.datasets

    arrays = [_read_idx(path, md5) for path, md5 in _files(name)]
    X, y, X_test, y_test = (torch.from_numpy(array) for array in arrays)
    X, X_test = (images.flatten(1).float().div_(255) for images in (X, X_test))
    order = torch.randperm(len(X), generator=generator)
    train, val = order[:-10_000], order[-10_000:]
    y, y_test = y.long(), y_test.long()
    classes = tuple(getattr(torchvision.datasets, _TORCHVISION[name]).classes)
    return Split(name, classes, (28, 28), X[train], y[train], X[val], y[val], X_test, y_test)


def _read_idx(path: Path, md5: str) -> np.ndarray:
    """Read an IDX file of unsigned bytes (two zero bytes, 8, number of axes, sizes as big-endian int32, data)."""
    packed = path.read_bytes()
    if hashlib.md5(packed, usedforsecurity=False).hexdigest() != md5:
        raise RuntimeError(
            f"data: {path} is damaged (its checksum is wrong); delete it, and it will be downloaded again"
        )
    content = gzip.decompress(packed)
    shape = np.frombuffer(content, ">i4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape).copy()


def _load_digits(generator: torch.Generator) -> Split:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    X, y = torch.from_numpy(X).float() / 16, torch.from_numpy(y).long()
    return _cut("digits", tuple("0123456789"), (8, 8), X, y, generator)


def _generate(name: str, generator: torch.Generator, size: int = 1000, noise: float = 0.15) -> Split:
    y = torch.arange(size) % 2
    if name == "moons":
        angle = math.pi * torch.rand(size, generator=generator)
        X = torch.stack([torch.cos(angle), torch.sin(angle)], 1)
        X = torch.where(y[:, None] == 0, X, torch.tensor([1.0, 0.5]) - X)
    else:
        radius = torch.rand(size, generator=generator).sqrt() * 3
        angle = 2.5 * radius + math.pi * y
        X = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1)
    X = X + noise * torch.randn(size, 2, generator=generator)
    return _cut(name, ("0", "1"), None, X, y, generator)


def _cut(
    name: str,
    classes: tuple[str, ...],
    image_shape: tuple[int, int] | None,
    X: Tensor,
    y: Tensor,
    generator: torch.Generator,
) -> Split:
    """Shuffle and cut 60 : 20 : 20."""
    order = torch.randperm(len(X), generator=generator)
    a, b = len(X) * 6 // 10, len(X) * 8 // 10
    train, val, test = order[:a], order[a:b], order[b:]
    return Split(name, classes, image_shape, X[train], y[train], X[val], y[val], X[test], y[test])


def _note(text: str) -> None:
    """Show a note where the reader looks: in a notebook as part of the page, elsewhere as a warning."""
    if "IPython" in sys.modules:
        from IPython import get_ipython  # type: ignore[attr-defined]
        from IPython.display import HTML, display

        if get_ipython() is not None:
            display(HTML(f'<div class="admonition note"><p class="admonition-title">Note</p><p>{text}</p></div>'))
            return
    warnings.warn(text, stacklevel=3)
