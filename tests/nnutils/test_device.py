"""Choosing a device, and one call that makes a run repeat."""

import random

import numpy as np
import pytest
import torch

from nnutils import device


def test_the_environment_decides(monkeypatch):
    monkeypatch.setenv("NNUTILS_DEVICE", "cpu")
    assert device.get_device() == torch.device("cpu")


def test_without_a_name_the_best_present_device_is_taken(monkeypatch):
    monkeypatch.delenv("NNUTILS_DEVICE", raising=False)
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert device.get_device().type == expected


@pytest.mark.parametrize("name", ["gpu", "CPU", "cuda:", "cuda:x", "cuda:-1"])
def test_an_unknown_device_is_refused(monkeypatch, name):
    monkeypatch.setenv("NNUTILS_DEVICE", name)
    for asked in (None, name):
        with pytest.raises(ValueError, match=f"got '{name}', expected one of cuda, mps, cpu"):
            device.get_device(asked)


def test_a_device_is_taken_for_its_name():
    assert device.get_device(torch.device("cpu")) == device.get_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:999", "mps"])
def test_an_absent_device_is_refused(name):
    if name == "mps" and torch.backends.mps.is_available():
        name = "cuda"
    with pytest.raises(RuntimeError, match="but this machine offers only"):
        device.get_device(name)


def test_seed_all_repeats_every_generator():
    def draw():
        generator = device.seed_all(7)
        return random.random(), np.random.rand(), torch.rand(1).item(), torch.rand(1, generator=generator).item()

    assert draw() == draw()


def test_a_numpy_integer_is_a_seed():
    assert device.seed_all(np.int64(7)).initial_seed() == device.seed_all(7).initial_seed() == 7


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None, "0", True])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match="expected an integer from 0"):
        device.seed_all(seed)
