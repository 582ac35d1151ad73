"""Plain data cross the border unchanged; nothing else does."""

import contextlib
import json
import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.encoding import NotPlainError, decode, encode

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)
ARRAYS = hnp.arrays(
    st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(endianness="?"),
        hnp.unsigned_integer_dtypes(),
        hnp.floating_dtypes(sizes=(16, 32, 64)),
        hnp.complex_number_dtypes(sizes=(64, 128)),
    ),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


def same(a, b):
    """Equal in type and value, NaN equal to itself, -0.0 different from 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b


@given(TREES)
def test_every_tree_of_plain_data_comes_back_as_it_was(tree):
    assert same(decode(encode(tree)), tree)


@given(ARRAYS)
def test_every_numeric_array_comes_back_with_dtype_shape_and_bytes(array):
    back = decode(encode(array))
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.owndata
    assert back.flags.writeable


@pytest.mark.parametrize(
    "name", ["bool", "uint8", "int16", "int64", "float16", "bfloat16", "float32", "float64", "complex64"]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_every_tensor_comes_back_detached_with_dtype_and_shape(name, shape):
    tensor = (torch.rand(shape) * 3).to(getattr(torch, name))
    if tensor.is_floating_point():
        tensor.requires_grad_()
    back = decode(encode(tensor))
    assert type(back) is torch.Tensor
    assert not back.requires_grad
    assert torch.equal(back, tensor)
    assert (back.dtype, back.shape, back.is_contiguous()) == (tensor.dtype, tensor.shape, True)


def test_views_conjugates_and_negatives_arrive_as_their_values():
    base = torch.arange(12.0).reshape(3, 4)
    z = torch.tensor([1 + 2j, 3 - 1j])
    for tensor in (base.T, base[:, ::2], base.expand(2, 3, 4), z.conj(), z.conj().imag):
        assert torch.equal(decode(encode(tensor)), tensor)
    array = np.arange(12)[::-2]
    assert decode(encode(array)).tolist() == array.tolist()


class LyingArray(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, bool)

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no")

    def tobytes(self, *args):
        return b"12345678"


class LyingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True


class LyingFloat(float):
    def __eq__(self, other):
        return True

    def __float__(self):
        return 42.0

    __hash__ = None


class LyingList(list):
    def __iter__(self):
        return iter([42])


class LyingText(str):
    __slots__ = ()

    def __str__(self):
        return "42"


def test_subclasses_arrive_as_the_plain_type_with_the_stored_value():
    assert type(decode(encode(np.ones(2).view(LyingArray)))) is np.ndarray
    assert decode(encode(np.ones(2).view(LyingArray))).tolist() == [1.0, 1.0]
    tensor = decode(encode(torch.ones(2).as_subclass(LyingTensor)))
    assert type(tensor) is torch.Tensor
    assert tensor.tolist() == [1.0, 1.0]
    for value, plain in ((LyingFloat(1.5), 1.5), (LyingList([1]), [1]), (LyingText("a"), "a"), (True, True)):
        back = decode(encode(value))
        assert type(back) is type(plain)
        assert back == plain
    assert type(decode(encode(torch.nn.Parameter(torch.ones(1))))) is torch.Tensor
    assert same(decode(encode((np.float64(1.5), np.int32(3), np.bool_(True), torch.Size([2])))), (1.5, 3, True, (2,)))


class Impostor:
    __class__ = list  # isinstance believes it


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (lambda: 0, "a function"),
        (print, "a function"),
        ((x for x in ()), "a generator"),
        ([1, (x for x in ())], "a list that holds a generator"),
        ({"a": {1, 2}}, "a dict that holds a set"),
        (int, "a class"),
        (torch.nn.Linear(1, 1), "a Linear"),
        (1j, "a complex"),
        (Impostor(), "an Impostor"),
        ({1: 2}, "a dict with an int as a key"),
        (np.array([object()]), "dtype object"),
        (np.array(["a"]), "dtype <U1"),
        (np.zeros(1, [("a", int)]), "dtype"),
        (torch.eye(2).to_sparse(), "sparse"),
        (torch.ones(2, device="meta"), "meta"),
        pytest.param(1 << 100_000, "an integer of more than", id="a huge integer"),
    ],
)
def test_anything_else_is_refused_by_name(value, what):
    with pytest.raises(NotPlainError, match=what):
        encode(value)


def test_a_list_that_holds_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(NotPlainError, match="nested deeper"):
        encode(loop)


def test_too_much_data_is_refused(monkeypatch):
    monkeypatch.setattr("autograder.encoding.LIMIT", 1000)
    with pytest.raises(NotPlainError, match="more than"):
        encode(np.zeros(1000))
    with pytest.raises(NotPlainError, match="1001 bytes"):
        decode(bytes(1001))


def frame(tree, buffers=b""):
    header = json.dumps(tree).encode()
    return struct.pack(">Q", len(header)) + header + buffers


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"short",
        struct.pack(">Q", 2**60),
        struct.pack(">Q", 3) + b"{{{",
        frame(["pickle", "x"]),
        frame({"a": 1}),
        frame(["list", 3]),
        frame(["dict", ["a"], []]),
        frame(["dict", [1], [1]]),
        frame(["float", "1e5"]),
        frame(["bytes", 0, 5], b"1234"),
        frame(["bytes", -1, 2], b"1234"),
        frame(["bytes", True, 2], b"1234"),
        frame(["array", "<f8", [2], 0, 8], bytes(8)),
        frame(["array", "|O", [1], 0, 8], bytes(8)),
        frame(["array", "<f8", [-1, -1], 0, 8], bytes(8)),
        frame(["array", "<f8", [0, 10**18], 0, 0]),
        frame(["array", "nonsense", [1], 0, 8], bytes(8)),
        frame(["tensor", "object", [1], 0, 8], bytes(8)),
        frame(["tensor", "float32", [3], 0, 8], bytes(8)),
        b"".join([struct.pack(">Q", 200_000), b"[" * 200_000]),
    ],
)
def test_a_damaged_frame_is_refused(bad):
    with pytest.raises(NotPlainError):
        decode(bad)


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_random_damage_never_does_more_than_refuse(noise, at):
    good = encode({"a": [1.5, np.ones((2, 2)), torch.ones(3)], "b": "text"})
    damaged = good[:at] + noise + good[at + len(noise) :]
    with contextlib.suppress(NotPlainError):
        decode(damaged)


def test_an_expected_array_shares_no_memory_with_what_was_sent():
    array, tensor = np.ones(3), torch.ones(3)
    sent = encode([array, tensor])
    first, second = decode(sent)
    first[0], second[0] = 5, 5
    assert array[0] == tensor[0] == 1
    assert decode(sent)[0][0] == 1


@pytest.mark.parametrize(
    "view",
    [
        lambda t: t[:1, -1],
        lambda t: t[:1, 1:2],
        lambda t: t.T[:, :1],
        lambda t: t[:, ::2],
        lambda t: t[0].expand(3, 4),
        lambda t: t.as_strided((1, 1), (7, 5)),
        lambda t: t[::2].T.unsqueeze(-1),
    ],
)
def test_views_with_any_strides_arrive_whole(view):
    sent = view(torch.arange(12.0).reshape(3, 4))
    got = decode(encode(sent))
    assert got.shape == sent.shape
    assert torch.equal(got, sent)
