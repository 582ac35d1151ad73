"""The side of the border on which the learner's code runs: answer one request after another with plain data.

``answer`` serves both transports of ``autograder.student``: it is called directly in the learner's own kernel, and by
``main`` in a second process, which runs the code cells and then waits for requests.
Nothing here knows an expected value.
"""

import contextlib
import importlib.util
import io
import linecache
import os
import random
import select
import signal
import socket
import threading
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from types import ModuleType
from typing import Any

import numpy as np
import torch

from autograder.encoding import LIMIT, NotPlainError, decode, encode
from autograder.guard import Guard, RefusedError

__all__ = ["MissingNameError", "answer", "main", "one_line", "receive", "send", "silence"]


class MissingNameError(NameError):
    """The learner's notebook does not define a name that the question asks for."""


class Names(Mapping[str, Any]):
    """The learner's names as a probe sees them; a missing one says which."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace

    def __getitem__(self, name: str) -> Any:
        try:
            return self._namespace[name]
        except KeyError:
            raise MissingNameError(f"{name} is not defined in your notebook") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._namespace)

    def __len__(self) -> int:
        return len(self._namespace)


_guards: dict[tuple[str, tuple[str, ...]], Guard] = {}
_probes: dict[tuple[str, float], ModuleType] = {}


def answer(request: bytes, namespace: MutableMapping[str, Any]) -> bytes:
    """Run one request beside the learner's names and return the reply, both as frames of plain data.

    A request is a dict: ``kind`` ("call" or "probe"), ``name``, ``args``, ``kwargs``, ``seed`` (of the global random
    generators), ``question``, ``refused`` and ``probes`` (path of the lab's probes.py). A reply holds ``value`` and
    ``arguments`` (the positional arguments as they are afterwards), or ``error`` (kind) and ``message``.
    """
    asked = decode(request)
    question, refused = asked["question"], tuple(asked["refused"])
    guard = _guards.get((question, refused)) or _guards.setdefault((question, refused), Guard(question, refused))
    args, kwargs = tuple(asked["args"]), asked["kwargs"]
    if asked["kind"] == "probe":
        function = getattr(_load_probes(asked["probes"]), asked["name"])
        call_args = (Names(namespace), *args)
        who = "your code"
    else:
        function, call_args, who = None, args, asked["name"]
    _seed(asked["seed"])
    try:
        with silence(), guard.active():
            if function is None:
                function = Names(namespace)[asked["name"]]
            value = function(*call_args, **kwargs)
            returned = encode(value)
    except NotPlainError as error:
        return _failed("value", f"{who} returned {error}, expected plain data")
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and asked["interruptible"]:
            raise
        return _failed(*_told(who, error))
    try:
        return encode({"value": returned, "arguments": list(args)})
    except NotPlainError as error:
        return _failed("value", f"{who} left {error} in its arguments, expected plain data")


def one_line(text: Any, limit: int = 300) -> str:
    """Return the first line that is not empty, without control characters, cut to ``limit``."""
    try:
        lines = [line.strip() for line in str.__str__(str(text)).splitlines()]
    except BaseException:
        return ""
    line = next((line for line in lines if line), "")
    line = "".join(c for c in line if c.isprintable())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _told(who: str, error: BaseException) -> tuple[str, str]:
    """Return the kind of an error in the learner's code, and the sentence that tells it."""
    name = one_line(type(error).__name__, 60)
    text = one_line(error)
    if isinstance(error, NotImplementedError) and name == "NotDone":
        return "NotDone", text
    if isinstance(error, MissingNameError):
        return "missing", text
    if isinstance(error, RefusedError):
        return "refused", text
    where = _where(error)
    return "raised", f"{who} raised {name}{': ' if text else ''}{text}{f' (at `{where}`)' if where else ''}"


def _where(error: BaseException) -> str:
    """Return the learner's own line in which the error arose, if it arose in a cell."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "ipykernel" in frame.filename or frame.filename.startswith(("<cell", "<ipython-input")):
            return one_line(linecache.getline(frame.filename, frame.lineno or 0), 100)
    return ""


def _failed(kind: str, message: str) -> bytes:
    return encode({"error": kind, "message": message})


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed % 2**63)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep what the learner's code prints out of the tests; a progress bar costs nothing."""
    with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
        yield


class _Nowhere(io.TextIOBase):
    """A text stream that forgets, so that endless printing takes no memory."""

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        return len(text)


def _load_probes(path: str) -> ModuleType:
    key = (path, os.stat(path).st_mtime)
    if key not in _probes:
        spec = importlib.util.spec_from_file_location("probes", path)
        assert spec is not None
        assert spec.loader is not None
        _probes[key] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(_probes[key])
    return _probes[key]


def send(channel: socket.socket, frame: bytes) -> None:
    """Send one frame: eight bytes of length, then the bytes."""
    channel.sendall(len(frame).to_bytes(8, "big") + frame)


def receive(channel: socket.socket) -> bytes:
    """Receive one frame.

    Raises
    ------
    EOFError
        When the other side has gone, or claims a frame larger than the limit.
    """
    length = int.from_bytes(_exactly(channel, 8), "big")
    if length > LIMIT:
        raise EOFError(f"a frame of {length} bytes, more than {LIMIT}")
    return _exactly(channel, length)


def _exactly(channel: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = channel.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise EOFError("the other side has gone")
        parts += part
    return bytes(parts)


def main(fd: int) -> None:
    """Run the cells that the first frame brings, report each, then answer requests until the other side closes."""
    channel = socket.socket(fileno=fd)
    channel.set_inheritable(False)
    threading.Thread(target=_die_with_parent, args=(os.dup(fd),), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shell = _shell()
    send(channel, encode({"up": True}))
    start = decode(receive(channel))
    skip = set(start["skip"])
    for index, cell in enumerate(start["cells"]):
        if index in skip:
            continue
        with silence():
            result = shell.run_cell(cell, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        send(channel, encode({"cell": index, "error": one_line(f"{type(error).__name__}: {error}") if error else None}))
    while True:
        try:
            request = receive(channel)
        except EOFError:
            os._exit(0)
        send(channel, answer(request, shell.user_ns))


def _shell() -> Any:
    """Return an IPython shell without history file, so that magics and displays work as in a notebook."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui: Any = None) -> None:
            """Do nothing: `%matplotlib inline` asks for it, and there is no screen."""

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return Shell.instance(config=config)


def _die_with_parent(fd: int) -> None:
    poll = select.poll()
    poll.register(fd, select.POLLHUP | select.POLLERR)
    while not any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(1000)):
        pass
    os._exit(1)
