"""Where tensors live and where randomness starts: one place to choose the device, one call to seed everything."""

import numbers
import os
import random

import numpy as np
import torch

__all__ = ["get_device", "seed_all"]

_KNOWN = ("cuda", "mps", "cpu")


def get_device(name: str | torch.device | None = None) -> torch.device:
    """Return the device to compute on.

    Parameters
    ----------
    name : str or torch.device, optional
        "cuda", "cuda:1", "mps" or "cpu". Without it the environment variable ``NNUTILS_DEVICE`` decides, and without
        that the best device that is present: cuda, then mps, then cpu.

    Raises
    ------
    ValueError
        The name is none of these.
    RuntimeError
        The device is known but not present on this machine.

    Examples
    --------
    >>> get_device("cpu")
    device(type='cpu')
    """
    asked = str(name or os.environ.get("NNUTILS_DEVICE") or _best())
    kind, colon, index = asked.partition(":")
    if kind not in _KNOWN or (colon and not index.isdecimal()):
        raise ValueError(
            f"device: got {asked!r}, expected one of {', '.join(_KNOWN)}; unset NNUTILS_DEVICE to choose automatically"
        )
    device = torch.device(asked)
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[kind]
    if not present or (kind == "cuda" and (device.index or 0) >= torch.cuda.device_count()):
        raise RuntimeError(
            f"device: got {asked!r}, but this machine offers only {_best()!r}; unset NNUTILS_DEVICE or choose another"
        )
    return device


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def seed_all(seed: int) -> torch.Generator:
    """Seed Python, NumPy and PyTorch (every device) and return a CPU generator with the same seed.

    On the CPU PyTorch is told to use deterministic algorithms, so that a run can be repeated digit for digit on the
    same machine. Pass the generator to whatever draws (data splits, minibatches), so that one draw more elsewhere
    does not change it.

    Raises
    ------
    ValueError
        The seed is no integer between 0 and 2**32 - 1 (NumPy's range).

    Examples
    --------
    >>> generator = seed_all(0)
    >>> bool(torch.rand(1) == torch.rand(1, generator=generator))
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"seed_all: got seed {seed!r}, expected an integer from 0 to 2**32 - 1")
    seed = int(seed)  # Python's generator takes no NumPy integer
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if get_device().type == "cpu":
        # the same as use_deterministic_algorithms(True), which loads PyTorch's compiler as well, for seconds
        torch.set_deterministic_debug_mode("error")
    return torch.Generator().manual_seed(seed)
