"""Plain data as bytes and back: what may cross the border between the learner's code and the tests.

Plain data are None, bool, int, float (nan and infinities too), str, bytes, tuples, lists, dicts with str keys, NumPy
arrays of numbers or booleans, and PyTorch tensors. Numbers, strings, containers and arrays of a subclass arrive as the
plain type, tensors as detached, contiguous CPU copies: no method of the sender survives the journey. Nothing is ever
unpickled; ``decode`` reads JSON and raw buffers only, and checks types, shapes and sizes.

A frame is eight bytes (length of the header), the header (JSON: the tree of values) and the buffers of all arrays.
"""

import json
import math
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

__all__ = ["LIMIT", "NotPlainError", "decode", "encode"]

LIMIT = 256 * 2**20
"""Largest frame in bytes."""

_HEADER = 32 * 2**20
_DEPTH = 40
_ITEMS = 1_000_000
_DIGITS = 4000
_NUMBERS = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128"
_DTYPES = {name: getattr(torch, name) for name in _NUMBERS.split()}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_LENGTH = struct.Struct(">Q")


class NotPlainError(ValueError):
    """A value, or a frame, is not plain data; the message says what it is."""


def encode(value: Any) -> bytes:
    """Return plain data as one frame of bytes.

    Raises
    ------
    NotPlainError
        For anything else, with a message such as ``a function``, or ``a list that holds a generator``.

    Examples
    --------
    >>> decode(encode({"loss": [1.5, float("inf")], "shape": (2, 3)}))
    {'loss': [1.5, inf], 'shape': (2, 3)}
    """
    writer = _Writer()
    try:
        tree = writer.tree(value, 0)
    except NotPlainError:
        raise
    except Exception as error:  # a subclass that fights back
        raise NotPlainError(f"{_kind(value)} that cannot be read ({type(error).__name__})") from None
    header = json.dumps(tree, allow_nan=False).encode()
    frame = b"".join([_LENGTH.pack(len(header)), header, *writer.buffers])
    if len(frame) > LIMIT:
        raise NotPlainError(f"{_kind(value)} of {len(frame) // 2**20} MiB, more than {LIMIT // 2**20} MiB")
    return frame


def decode(frame: bytes) -> Any:
    """Return the plain data of one frame; every array and tensor owns its memory.

    Raises
    ------
    NotPlainError
        When the frame is damaged, or claims more than it holds.
    """
    if len(frame) < _LENGTH.size or len(frame) > LIMIT:
        raise NotPlainError(f"a frame of {len(frame)} bytes, expected {_LENGTH.size} to {LIMIT}")
    (length,) = _LENGTH.unpack_from(frame)
    start = _LENGTH.size + length
    if start > len(frame):
        raise NotPlainError("a frame shorter than its header says")
    if length > _HEADER or frame.count(b",", 0, start) > 3 * _ITEMS:  # reading JSON takes many times its size
        raise NotPlainError(f"data of more than {_ITEMS} items, or with more than {_HEADER // 2**20} MiB of text")
    try:
        tree = json.loads(frame[_LENGTH.size : start])
        return _Reader(memoryview(frame)[start:]).value(tree, 0)
    except NotPlainError:
        raise
    except Exception as error:
        raise NotPlainError(f"a damaged frame ({type(error).__name__})") from None


class _Writer:
    """Turns values into a JSON tree and collects the buffers."""

    def __init__(self) -> None:
        self.buffers: list[bytes] = []
        self.size = 0
        self.items = 0

    def tree(self, value: Any, depth: int) -> Any:
        self.items += 1
        if depth > _DEPTH or self.items > _ITEMS:
            raise NotPlainError(f"data nested deeper than {_DEPTH} levels, or of more than {_ITEMS} items")
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        for types, write in self._writers():
            if issubclass(kind, types):
                return write(value, depth)
        raise NotPlainError(_kind(value))

    def _writers(self) -> list[tuple[type | tuple[type, ...], Callable[[Any, int], Any]]]:
        return [
            (np.generic, self._scalar),  # before float: np.float64 is one
            (int, lambda v, _: self._integer(int.__int__(v))),
            (float, lambda v, _: self._float(float.__float__(v))),
            (str, lambda v, _: str.__str__(v)),
            (bytes, lambda v, _: ["bytes", *self._buffer(bytes(memoryview(v)))]),
            (tuple, lambda v, depth: ["tuple", self._many(tuple.__iter__(v), "a tuple", depth)]),
            (list, lambda v, depth: ["list", self._many(list.__iter__(v), "a list", depth)]),
            (dict, self._dict),
            (np.ndarray, self._array),
            (torch.Tensor, self._tensor),
        ]

    def _integer(self, value: int) -> Any:
        if value.bit_length() > 3 * _DIGITS:
            raise NotPlainError(f"an integer of more than {_DIGITS} digits")
        return value

    def _float(self, value: float) -> Any:
        return value if math.isfinite(value) else ["float", repr(value)]

    def _scalar(self, value: Any, depth: int) -> Any:
        plain = np.asarray(value)[()]
        if plain.dtype.kind == "c":
            return self._array(np.asarray(plain), depth)
        return self.tree(plain.item(), depth)

    def _many(self, values: Any, what: str, depth: int) -> list[Any]:
        out = []
        for item in values:
            try:
                out.append(self.tree(item, depth + 1))
            except NotPlainError as error:
                raise _inside(what, error) from None
        return out

    def _dict(self, value: Any, depth: int) -> Any:
        pairs = list(dict.items(value))
        for key, _ in pairs:
            if not issubclass(type(key), str):
                raise NotPlainError(f"a dict with {_kind(key)} as a key, expected str keys")
        keys = [str.__str__(key) for key, _ in pairs]
        return ["dict", keys, self._many((item for _, item in pairs), "a dict", depth)]

    def _array(self, value: Any, depth: int) -> Any:
        plain = np.asarray(value)
        if plain.dtype.kind not in "biufc" or plain.dtype.itemsize > 16:
            raise NotPlainError(f"an array of dtype {plain.dtype}, expected numbers or booleans")
        return ["array", plain.dtype.str, list(plain.shape), *self._buffer(plain.tobytes())]

    def _tensor(self, value: Any, depth: int) -> Any:
        with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
            layout, dtype, device = value.layout, value.dtype, value.device.type
            if layout is not torch.strided or dtype not in _NAMES or device == "meta":
                raise NotPlainError(f"a tensor of layout {layout} and dtype {dtype} on {device}, expected a dense one")
            plain = value.as_subclass(torch.Tensor)
            plain = plain.detach().cpu().resolve_conj().resolve_neg()
            # .contiguous() would keep the strides of axes of length 1, and .view needs a last stride of 1
            plain = plain.clone(memory_format=torch.contiguous_format)
            raw = plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
        return ["tensor", _NAMES[plain.dtype], list(plain.shape), *self._buffer(raw)]

    def _buffer(self, raw: bytes) -> tuple[int, int]:
        self.buffers.append(raw)
        self.size += len(raw)
        if self.size > LIMIT:
            raise NotPlainError(f"data of more than {LIMIT // 2**20} MiB")
        return self.size - len(raw), len(raw)


class _Reader:
    """Turns a JSON tree and the buffers into values."""

    def __init__(self, buffers: memoryview) -> None:
        self.buffers = buffers

    def value(self, tree: Any, depth: int) -> Any:
        if depth > _DEPTH:
            raise NotPlainError(f"data nested deeper than {_DEPTH} levels")
        if not isinstance(tree, list):
            if isinstance(tree, dict):
                raise NotPlainError("a damaged frame (unexpected object)")
            return tree
        kind, *rest = tree
        if kind == "float":
            return float({"nan": "nan", "inf": "inf", "-inf": "-inf"}[rest[0]])
        if kind == "bytes":
            return bytes(self._raw(*rest))
        if kind in ("tuple", "list"):
            items = [self.value(item, depth + 1) for item in rest[0]]
            return tuple(items) if kind == "tuple" else items
        if kind == "dict":
            keys, items = rest
            if len(keys) != len(items) or not all(isinstance(key, str) for key in keys):
                raise NotPlainError("a damaged frame (keys)")
            return {key: self.value(item, depth + 1) for key, item in zip(keys, items, strict=True)}
        if kind == "array":
            if not re.fullmatch(r"[<>|=]?[biufc][0-9]{1,2}", rest[0]):  # numpy reads much more, some of it as a program
                raise NotPlainError("an array of another dtype than numbers or booleans")
            dtype = np.dtype(rest[0])
            raw = self._raw(*rest[2:])
            return np.frombuffer(raw, dtype).reshape(self._shape(rest[1], dtype.itemsize, len(raw))).copy()
        if kind == "tensor":
            dtype = _DTYPES[rest[0]]
            raw = self._raw(*rest[2:])
            shape = self._shape(rest[1], dtype.itemsize, len(raw))
            if not len(raw):
                return torch.empty(shape, dtype=dtype)
            return torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)
        raise NotPlainError(f"a damaged frame (unknown kind {kind!r:.20})")

    def _raw(self, start: int, length: int) -> memoryview:
        if type(start) is not int or type(length) is not int or not 0 <= start <= start + length <= len(self.buffers):
            raise NotPlainError("a frame shorter than its header says")
        return self.buffers[start : start + length]

    def _shape(self, shape: Any, itemsize: int, nbytes: int) -> tuple[int, ...]:
        if len(shape) > 32 or not all(type(n) is int and 0 <= n <= LIMIT for n in shape):
            raise NotPlainError("an array of impossible shape")
        if math.prod(shape) * itemsize != nbytes or math.prod(max(n, 1) for n in shape) > LIMIT:
            raise NotPlainError("an array whose shape does not fit its size")
        return tuple(shape)


def _inside(what: str, error: NotPlainError) -> NotPlainError:
    inner = str(error)
    return NotPlainError(
        inner
        if inner.startswith(("a list that", "a tuple that", "a dict that", "data"))
        else f"{what} that holds {inner}"
    )


def _kind(value: Any) -> str:
    """``a function``, ``an Adam``: how a message names a value."""
    kind = type(value)
    name = "class" if issubclass(kind, type) else str(type.__dict__["__name__"].__get__(kind))
    name = {"builtin_function_or_method": "function", "list_iterator": "iterator"}.get(name, name)
    name = "".join(c for c in name if c.isprintable())[:60]
    return f"{'an' if name[:1] in 'aeiouAEIO' else 'a'} {name}"
