"""The side of the border on which the learner's code runs: answer one request after another with plain data.

``answer`` serves all transports of ``autograder.student``: it is called directly in the learner's own kernel, and by
``main`` in a process of its own, which runs the code cells, reports what each left, and then waits for requests.
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
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

from autograder.encoding import LIMIT, NotPlainError, decode, encode
from autograder.guard import Guard, RefusedError
from autograder.lone import withdraw

__all__ = ["TOO_MUCH", "MissingNameError", "answer", "main", "one_line", "receive", "send", "silence"]

TOO_MUCH = 77
"""What the process returns when the learner's code has printed more than it may."""

_KEPT = 20_000


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

    A request is a dict: ``kind`` ("call", "probe" or "touched"), ``name``, ``args``, ``kwargs``, ``seed`` (of the
    global random generators), ``question``, ``refused`` and ``probes`` (path of the lab's probes.py). A reply holds
    ``value`` and ``arguments`` (the positional arguments as they are afterwards), or ``error`` (kind) and ``message``.
    """
    asked = decode(request)
    if asked["kind"] == "touched":
        return encode({"value": encode(_touched()), "arguments": []})
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
        lines = [line.strip() for line in str.__str__(str(text))[: 50 * limit].splitlines()]
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
    if _is_memory(error):
        traceback.clear_frames(error.__traceback__)  # they may hold it all
        return "memory", f"{who} needs more memory than there is"
    where = _where(error)
    return "raised", f"{who} raised {name}{': ' if text else ''}{text}{f' (at `{where}`)' if where else ''}"


def _is_memory(error: BaseException) -> bool:
    """Whether an error says that no more memory was given; PyTorch says it by a RuntimeError."""
    return isinstance(error, MemoryError) or "can't allocate memory" in one_line(error, 2000)


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
def silence() -> Iterator["_Printed"]:
    """Keep what the learner's code prints out of the tests; a progress bar costs nothing."""
    printed = _Printed()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(_Printed()):
        yield printed


class _Printed(io.TextIOBase):
    """A text stream that keeps its beginning and forgets the rest, so that endless printing takes no memory."""

    allowed: float = float("inf")
    """Characters that all streams together may take; then the process ends. ``main`` sets it."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        _Printed.allowed -= len(text) + 1
        if _Printed.allowed < 0:
            os._exit(TOO_MUCH)
        if len(self.text) < _KEPT:
            self.text += text[: _KEPT - len(self.text)]
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


def send(channel: socket.socket, frame: bytes, deadline: float | None = None) -> None:
    """Send one frame, eight bytes of length and the bytes, by the deadline (``time.monotonic``), else TimeoutError."""
    _time_left(channel, deadline)
    channel.sendall(len(frame).to_bytes(8, "big") + frame)


def receive(channel: socket.socket, deadline: float | None = None) -> bytes:
    """Receive one frame, whole by the deadline (``time.monotonic``), else TimeoutError.

    Raises
    ------
    EOFError
        When the other side has gone, or claims a frame larger than the limit.
    """
    length = int.from_bytes(_exactly(channel, 8, deadline), "big")
    if length > LIMIT:
        raise EOFError(f"a frame of {length} bytes, more than {LIMIT}")
    return _exactly(channel, length, deadline)


def _exactly(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        _time_left(channel, deadline)
        part = channel.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise EOFError("the other side has gone")
        parts += part
    return bytes(parts)


def _time_left(channel: socket.socket, deadline: float | None) -> None:
    if deadline is not None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        channel.settimeout(min(left, 1e6))


def main(fd: int) -> None:
    """Run the cells that the first frame brings, report each, then answer requests until the other side closes.

    The first frame holds ``cells``, ``skip`` (numbers of cells to leave out) and ``output`` (characters that may be
    printed). A report holds ``cell``, ``text`` (what it printed, cut), and of an error ``name``, ``message`` and
    ``lines`` (the learner's own).
    """
    channel = socket.socket(fileno=fd)
    channel.set_inheritable(False)
    threading.Thread(target=_die_with_parent, args=(os.dup(fd),), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    withdraw()
    shell = _shell()
    run_cell = type(shell).run_cell  # whatever the learner's code makes of the shell's own
    _remember(shell)
    send(channel, encode({"up": True}))
    start = decode(receive(channel))
    _Printed.allowed = start["output"]
    skip = set(start["skip"])
    for index, cell in enumerate(start["cells"]):
        if index in skip:
            continue
        with silence() as printed:
            result = run_cell(shell, cell, store_history=True)
        report = {"cell": index, "text": printed.text, "name": "", "message": "", "lines": []}
        if error := result.error_before_exec or result.error_in_exec:
            report |= _report(error)
        send(channel, encode(report))
    while True:
        try:
            request = receive(channel)
        except EOFError:
            os._exit(0)
        send(channel, answer(request, shell.user_ns))


def _report(error: BaseException) -> dict[str, Any]:
    """Return what a learner should know of an error in a cell: its name, its message, their own lines."""
    if _is_memory(error):
        traceback.clear_frames(error.__traceback__)
        return {"name": "Memory", "message": "This cell needs more memory than there is.", "lines": []}
    name, lines = one_line(type(error).__name__, 60), []
    try:
        message = str.__str__(str(error))[:4000]
        for frame in traceback.extract_tb(error.__traceback__):
            if "ipykernel" in frame.filename or frame.filename.startswith(("<cell", "<ipython-input")):
                source = one_line(linecache.getline(frame.filename, frame.lineno or 0), 120)
                lines.append(f"    line {frame.lineno} of {one_line(frame.name, 60)}: {source}")
    except BaseException:  # an error that fights back
        message = ""
    return {"name": name, "message": message, "lines": lines[-8:]}


_remembered: list[tuple[str, Callable[[], Any], Any]] = []


def _remember(shell: Any) -> None:
    """Note what tests lean on, before any of the learner's code runs."""
    import builtins

    import nnutils.checks

    holders = {"builtins": builtins, "np": np, "np.testing": np.testing, "torch": torch, "torch.testing": torch.testing}
    names = {
        "builtins": "abs all any float isinstance len max min print round sorted sum type",
        "np": "allclose array_equal asarray isclose",
        "np.testing": "assert_allclose assert_array_almost_equal assert_array_equal assert_equal",
        "torch": "allclose equal isclose",
        "torch.testing": "assert_close",
        "nnutils.checks": " ".join(nnutils.checks.__all__),
    }
    for where, holder in (holders | {"nnutils.checks": nnutils.checks}).items():
        for name in names[where].split():
            _note(f"{where}.{name}".removeprefix("builtins."), holder, name)
    for name in ("run_cell", "run_code", "run_ast_nodes", "showtraceback", "displayhook", "display_pub"):
        _note(f"the shell's {name}", shell, name)
    for name in ("ast_transformers", "input_transformers_post", "input_transformers_cleanup"):
        count = partial(_length, shell, name)
        _remembered.append((f"the shell's {name}", count, count()))


def _length(holder: Any, name: str) -> int:
    return len(getattr(holder, name))


def _note(what: str, holder: Any, name: str) -> None:
    def now() -> tuple[int, ...]:
        thing = getattr(holder, name)
        function = getattr(thing, "__func__", thing)
        code = getattr(function, "__code__", None) if isinstance(function, FunctionType) else None
        return id(function), id(code)

    _remembered.append((what, now, now()))


def _touched() -> list[str]:
    """Return what the learner's code has replaced of what tests lean on, as far as can be seen from here."""
    found = []
    for what, now, before in _remembered:
        try:
            same = now() == before
        except BaseException:
            same = False
        if not same:
            found.append(what)
    return found


def _shell() -> Any:
    """Return an IPython shell without history file, so that magics and displays work as in a notebook."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui: Any = None) -> None:
            """Do nothing: `%matplotlib inline` asks for it, and there is no screen."""

        def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
            """Do nothing: the report of the cell tells the error."""

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
