"""Data sets by name: what they hold, where files lie, what happens without file or network."""

import functools
import gzip
import hashlib
import http.server
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
import torchvision.datasets

from nnutils import data

PARTS = ("train", "val", "test")


@pytest.fixture
def small_files(tmp_path, monkeypatch):
    """Image files in torchvision's layout, 10,020 training and 5 test images, with their own checksums."""
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    rng, resources = np.random.default_rng(0), []
    for name, _ in torchvision.datasets.FashionMNIST.resources:
        count = 10_020 if name.startswith("train") else 5
        shape = (count, 28, 28) if "images" in name else (count,)
        content = rng.integers(0, 10, shape).astype(np.uint8)
        head = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">i4").tobytes()
        (raw / name).write_bytes(gzip.compress(head + content.tobytes()))
        resources.append((name, hashlib.md5((raw / name).read_bytes()).hexdigest()))
    monkeypatch.setenv("NNUTILS_DATA", str(tmp_path))
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", resources)
    return raw


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.mark.parametrize("name", ["digits", "moons", "spirals"])
def test_sets_that_come_along_have_the_promised_form(name):
    split = data.load(name)
    for part in PARTS:
        X, y = getattr(split, f"X_{part}"), getattr(split, f"y_{part}")
        assert X.dtype == torch.float32
        assert y.dtype == torch.int64
        assert len(X) == len(y)
        assert set(y.tolist()) == set(range(len(split.classes)))
    sizes = [len(getattr(split, f"y_{part}")) for part in PARTS]
    assert sizes[1] == pytest.approx(sum(sizes) * 0.2, abs=1)
    if split.image_shape:
        assert split.X_train.min() >= 0
        assert split.X_train.max() <= 1


def test_digits_are_those_of_scikit_learn_each_once():
    from sklearn.datasets import load_digits

    split = data.load("digits")
    rows = torch.cat([split.X_train, split.X_val, split.X_test]).numpy() * 16
    assert sorted(map(tuple, rows)) == sorted(map(tuple, load_digits().data.astype(np.float32)))


def test_a_seed_repeats_the_split_and_another_changes_it():
    assert torch.equal(data.load("moons", seed=1).X_train, data.load("moons", seed=1).X_train)
    assert not torch.equal(data.load("digits", seed=1).y_train, data.load("digits", seed=2).y_train)


def test_image_files_are_read_as_torchvision_reads_them(small_files, tmp_path, monkeypatch):
    split = data.load("fashion_mnist")
    assert (len(split.X_train), len(split.X_val), len(split.X_test)) == (20, 10_000, 5)
    reference = torchvision.datasets.FashionMNIST(str(tmp_path), train=False, download=True)
    torch.testing.assert_close(split.X_test, reference.data.flatten(1) / 255)
    assert torch.equal(split.y_test, reference.targets)
    assert split.classes == tuple(reference.classes)
    whole = torchvision.datasets.FashionMNIST(str(tmp_path), train=True, download=True)
    rows = torch.cat([split.X_train, split.X_val])
    torch.testing.assert_close(rows.sum(), (whole.data / 255).sum())
    assert sorted(torch.cat([split.y_train, split.y_val]).tolist()) == sorted(whole.targets.tolist())


def test_a_damaged_file_is_named(small_files):
    path = small_files / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(RuntimeError, match=r"t10k-images-idx3-ubyte.gz is damaged .* delete it"):
        data.load("fashion_mnist")


def test_without_file_and_network_the_digits_come_with_a_note(tmp_path, monkeypatch, no_network):
    monkeypatch.setenv("NNUTILS_DATA", str(tmp_path))
    assert not data.available("fashion_mnist")
    with pytest.warns(UserWarning, match=r"fashion_mnist is neither in the data folder .* these are the digits"):
        assert data.load("fashion_mnist").name == "digits"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_that_cannot_be_stored_is_no_missing_network(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NNUTILS_DATA", str(blocked))
    with pytest.raises(RuntimeError, match=r"cannot write .*set NNUTILS_DATA"):
        data.load("mnist")


def test_a_download_is_verified_and_kept(small_files, tmp_path, monkeypatch):
    path = small_files / "t10k-labels-idx1-ubyte.gz"
    content = path.read_bytes()
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / path.name).write_bytes(content)
    path.unlink()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "server"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [address + "none/", address])
        assert data.load("fashion_mnist").name == "fashion_mnist"
        server.shutdown()
    assert path.read_bytes() == content
    assert not list(small_files.glob("*.partial"))


def test_an_interrupted_download_leaves_no_half_file(small_files, monkeypatch):
    (small_files / "t10k-labels-idx1-ubyte.gz").unlink()

    def half(url, root, filename, md5):
        (small_files / filename).write_bytes(b"half")
        raise RuntimeError("File not found or corrupted.")

    monkeypatch.setattr("torchvision.datasets.utils.download_url", half)
    with pytest.warns(UserWarning, match="these are the digits"):
        data.load("fashion_mnist")
    assert not list(small_files.glob("t10k-labels*"))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"got 'fashion-mnst', expected one of digits, .*did you mean 'fashion_mnist'"):
        data.load("fashion-mnst")


def test_importing_the_package_opens_no_socket_and_no_torchvision():
    code = (
        "import sys, socket, threading; socket.socket.connect = socket.getaddrinfo = None; "
        "import torch; before = threading.active_count(); "
        "import nnutils, nnutils.data, nnutils.train, nnutils.optim; assert threading.active_count() == before; "
        "assert 'torchvision' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_to_moves_every_tensor():
    split = data.load("moons").to("meta")
    assert {t.device.type for t in vars(split).values() if isinstance(t, torch.Tensor)} == {"meta"}


def test_a_tilde_in_nnutils_data_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("NNUTILS_DATA", "~/images")
    assert data.folder() == tmp_path / "images"
