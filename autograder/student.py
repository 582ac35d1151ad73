"""The border between the tests and the learner's code: questions go in, plain data come out.

A hidden test knows the learner's code only as ``student``: ``student.call(name, *args)`` calls a function of theirs,
``student.probe(fn, *args)`` runs a function of the lab's ``probes.py`` beside their names. Arguments and results cross
the border as bytes (``autograder.encoding``), so tests and code never share an object. There are two transports with
this one encoding: ``InProcess`` (the learner's own kernel, as under plain nbgrader) and ``Subprocess`` (a second one).
"""

import contextlib
import linecache
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import types
from abc import ABC, abstractmethod
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Self

from autograder import worker
from autograder.encoding import NotPlainError, decode, encode

__all__ = ["InProcess", "Student", "StudentError", "Subprocess"]


class StudentError(Exception):
    """The learner's code failed; the message is one line for the learner.

    ``kind`` is "NotDone", "missing", "refused", "raised", "value" (not plain data), "timeout" or "crashed".
    """

    def __init__(self, message: str, kind: str = "raised") -> None:
        super().__init__(message)
        self.kind = kind


class Student(ABC):
    """The learner's code as tests see it; ``InProcess`` and ``Subprocess`` differ in how a request travels."""

    arguments: list[Any]
    """The positional arguments of the last call or probe, as they were after it."""

    def __init__(self) -> None:
        self.arguments = []
        self._question = ""
        self._refused: tuple[str, ...] = ()
        self._probes: Path | None = None
        self._seed = 0

    def begin(self, question: str, *, lab: Path | None = None, refused: Sequence[str] = ()) -> None:
        """Turn to a question: its refused names, and the lab whose ``probes.py`` serves ``probe``."""
        self._question, self._refused = question, tuple(refused)
        self._probes = None if lab is None else Path(lab).resolve() / "probes.py"

    def seed(self, seed: int) -> None:
        """Set what Python's, NumPy's and PyTorch's global generators start from in each following request."""
        self._seed = int(seed)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call the learner's ``name`` with plain data and return the result as plain data.

        Raises
        ------
        StudentError
            When the name is missing, or the code raises, crashes, takes too long or returns other than plain data.
        """
        return self._ask("call", name, args, kwargs)

    def probe(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a function of the lab's ``probes.py`` beside the learner's code and return its result as plain data.

        The function is sent by name; its first parameter is a mapping with the learner's names.
        """
        if self._probes is None or getattr(function, "__module__", None) != "probes":
            raise TypeError(f"probe: expected a function of the lab's probes.py, got {function!r}")
        return self._ask("probe", function.__name__, args, kwargs)

    def _ask(self, kind: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        request = encode(
            {
                "kind": kind,
                "name": name,
                "args": args,
                "kwargs": kwargs,
                "seed": self._seed,
                "question": self._question,
                "refused": self._refused,
                "probes": None if self._probes is None else str(self._probes),
                "interruptible": isinstance(self, InProcess),
            }
        )
        reply = self._exchange(request)
        try:
            told = decode(reply)
            if "error" in told:
                raise StudentError(worker.one_line(told["message"]), str(told["error"]))
            value, self.arguments = decode(told["value"]), list(told["arguments"])
        except (NotPlainError, KeyError, TypeError) as error:
            raise StudentError(f"{name} sent back {worker.one_line(error)}, expected plain data", "value") from None
        return value

    @abstractmethod
    def _exchange(self, request: bytes) -> bytes:
        """Send one request frame and return the reply frame."""

    @abstractmethod
    def sources(self) -> list[str]:
        """Return the learner's code cells in the order in which they ran."""

    def close(self) -> None:  # noqa: B027 (in-process there is nothing to release)
        """Release what the transport holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class InProcess(Student):
    """The learner's code in this process, as a namespace.

    Parameters
    ----------
    namespace : dict
        The learner's names, such as ``globals()`` of a notebook.
    cells : sequence of str, optional
        The source behind them; by default IPython's history ``In``, or the source files of the functions.

    Examples
    --------
    >>> student = InProcess.from_source("def double(x):\\n    return 2 * x\\n")
    >>> student.call("double", [1, 2])
    [1, 2, 1, 2]
    """

    def __init__(self, namespace: MutableMapping[str, Any], cells: Sequence[str] | None = None) -> None:
        super().__init__()
        self._namespace = namespace
        self._cells = None if cells is None else list(cells)

    @classmethod
    def from_source(cls, source: str | Sequence[str]) -> Self:
        """Run the source text, or several cells of it, in a new namespace; what a cell raises stops that cell only."""
        cells = [source] if isinstance(source, str) else list(source)
        namespace: dict[str, Any] = {"__name__": "__main__"}
        for index, cell in enumerate(cells):
            filename = f"<cell {index} {secrets.token_hex(4)}>"
            linecache.cache[filename] = (len(cell), None, cell.splitlines(keepends=True), filename)
            with contextlib.suppress(Exception), worker.silence():
                exec(compile(cell, filename, "exec"), namespace)
        return cls(namespace, cells)

    def sources(self) -> list[str]:
        if self._cells is not None:
            return self._cells
        history = self._namespace.get("In")
        if isinstance(history, list) and any(isinstance(cell, str) and cell.strip() for cell in history):
            return [cell for cell in history if isinstance(cell, str)]
        files: dict[str, None] = {}
        for value in self._namespace.values():
            for thing in (value, *(vars(value).values() if isinstance(value, type) else ())):
                if isinstance(thing, types.FunctionType):
                    files[thing.__code__.co_filename] = None
        return ["".join(linecache.getlines(name)) for name in files]

    def _exchange(self, request: bytes) -> bytes:
        return worker.answer(request, self._namespace)


class Subprocess(Student):
    """The learner's code in a second Python process, which dies with this one.

    The process starts with the first request and runs the code cells once. A cell or a request that ends the process,
    or takes longer than ``timeout`` seconds, costs what depends on it: the rest of that question fails with the same
    message, the next question meets a fresh process, in which a cell that did this is left out.

    Parameters
    ----------
    source : str or sequence of str
        The learner's source text, or the code cells of their notebook.
    timeout : float
        Seconds for one request, and for one cell.
    """

    START = 60.0
    """Seconds in which Python, PyTorch and IPython have to start."""

    def __init__(self, source: str | Sequence[str], *, timeout: float = 30.0) -> None:
        super().__init__()
        self._cells = [source] if isinstance(source, str) else list(source)
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._fatal: dict[int, str] = {}
        self._broken: StudentError | None = None

    def begin(self, question: str, *, lab: Path | None = None, refused: Sequence[str] = ()) -> None:
        super().begin(question, lab=lab, refused=refused)
        self._broken = None

    def sources(self) -> list[str]:
        return self._cells

    def _exchange(self, request: bytes) -> bytes:
        if self._broken is not None:
            raise self._broken
        if self._process is None:
            self._start()
        assert self._channel is not None
        try:
            self._channel.settimeout(self._timeout)
            worker.send(self._channel, request)
            return worker.receive(self._channel)
        except TimeoutError:
            self.close()
            self._broken = StudentError(f"your code took longer than {self._timeout:g} s and was stopped", "timeout")
        except (EOFError, OSError):
            self.close()
            self._broken = StudentError("your code crashed: the Python process ended while it ran", "crashed")
        raise self._broken

    def _start(self) -> None:
        """Start a process and run the cells; one that ends the process is left out at the next attempt."""
        while True:
            cell = self._attempt()
            if cell is None:
                return
            if len(self._fatal) > 5:
                self._broken = StudentError(
                    "your code crashed: more than five of its cells end the Python process", "crashed"
                )
                raise self._broken

    def _attempt(self) -> int | None:
        """Start a process once; return the number of the cell that ended it, or None when all have run."""
        ours, theirs = socket.socketpair()
        self._folder = tempfile.TemporaryDirectory(prefix="student-", ignore_cleanup_errors=True)
        command = f"from autograder.worker import main; main({theirs.fileno()})"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        environment |= {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "ignore", "IPYTHONDIR": self._folder.name}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            cwd=self._folder.name,
            env=environment,
            start_new_session=True,
        )
        theirs.close()
        self._channel = ours
        waiting = [i for i in range(len(self._cells)) if i not in self._fatal]
        ours.settimeout(self.START)
        try:
            worker.send(ours, encode({"cells": self._cells, "skip": list(self._fatal)}))
            worker.receive(ours)  # the process is up
            ours.settimeout(self._timeout)
            while waiting:
                worker.receive(ours)
                waiting.pop(0)
            return None
        except (TimeoutError, EOFError, OSError) as error:
            self.close()
            if not waiting:
                raise StudentError("the Python process for your code did not start", "crashed") from None
            slow = isinstance(error, TimeoutError)
            self._fatal[waiting[0]] = "took too long" if slow else "ended the Python process"
            return waiting[0]

    def close(self) -> None:
        """End the process, its children and its folder."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._folder is not None:
            self._folder.cleanup()
        self._channel = self._process = self._folder = None

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()
