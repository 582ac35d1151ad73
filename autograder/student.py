"""The border between the tests and the learner's code: questions go in, plain data come out.

A hidden test knows the learner's code only as ``student``: ``student.call(name, *args)`` calls a function of theirs,
``student.probe(fn, *args)`` runs a function of the lab's ``probes.py`` beside their names. Arguments and results cross
the border as bytes (``autograder.encoding``), so tests and code never share an object. There are three transports with
this one encoding: ``InProcess`` (the learner's own kernel, as under plain nbgrader), ``Subprocess`` (a second process)
and ``Sandboxed`` (a second process in a sandbox, which is how submissions are graded).
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
import time
import types
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from autograder import warm, worker
from autograder.encoding import NotPlainError, decode, encode
from autograder.sandbox import ROOT, Limits, Running, Sandbox

__all__ = ["InProcess", "Report", "Sandboxed", "Student", "StudentError", "Subprocess"]


_T = TypeVar("_T")


class StudentError(Exception):
    """The learner's code failed; the message is one line for the learner.

    ``kind`` is "NotDone", "missing", "refused", "raised", "value" (not plain data), or what ended the process:
    "timeout", "memory", "output" or "crashed".
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
                "probes": None if self._probes is None else self._place_of(self._probes),
                "interruptible": isinstance(self, InProcess),
            }
        )
        reply = self._exchange(request)
        try:
            told = _plain(decode(reply), dict)
            if "error" in told:
                kind = told["error"] if told["error"] in _KINDS else "raised"
                raise StudentError(_without_paths(worker.one_line(_plain(told["message"], str))), kind)
            value, self.arguments = decode(_plain(told["value"], bytes)), _plain(told["arguments"], list)
        except (NotPlainError, KeyError, TypeError) as error:
            raise StudentError(f"{name} sent back {worker.one_line(error)}, expected plain data", "value") from None
        return value

    def _place_of(self, probes: Path) -> str:
        """Return where the other side finds a lab's ``probes.py``."""
        return str(probes)

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


@dataclass(frozen=True)
class Report:
    """What one cell left: what it printed, and of its error the name, the message and the learner's own lines.

    ``kind`` is "" when the cell ran, "raised" when it raised, or what ended the process.
    """

    kind: str = ""
    name: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()
    text: str = ""


class Subprocess(Student):
    """The learner's code in a second Python process, which dies with this one.

    The process starts with the first request, or with ``run``, and runs the code cells once. A cell or a request that
    ends the process, or takes too long, costs what depends on it: the rest of that question fails with the same
    message, the next question meets a fresh process, in which a cell that did this is left out.

    Parameters
    ----------
    source : str or sequence of str
        The learner's source text, or the code cells of their notebook.
    timeout : float
        Seconds for one request, and for one cell.
    total : float
        Seconds for everything.
    output : int
        Characters that may be printed in all.
    """

    START = 60.0
    """Seconds in which Python, PyTorch and IPython have to start."""

    MOST = 5
    """Cells that may end the process before the rest of the notebook counts as not run."""

    def __init__(
        self, source: str | Sequence[str], *, timeout: float = 30.0, total: float = float("inf"), output: int = 2**26
    ) -> None:
        super().__init__()
        self._cells = [source] if isinstance(source, str) else list(source)
        self._timeout, self._total, self._output = timeout, total, output
        self._running: Running | None = None
        self._channel: socket.socket | None = None
        self._deadline = float("inf")
        self._fatal: dict[int, StudentError] = {}
        self._left_out: frozenset[int] = frozenset()
        self._broken: StudentError | None = None
        self.reports: dict[int, Report] = {}
        """What each cell left when it last ran, by its number."""
        self.peak = 0
        """Most bytes that the process and all below it held together, as far as a sandbox measured it."""

    def begin(self, question: str, *, lab: Path | None = None, refused: Sequence[str] = ()) -> None:
        super().begin(question, lab=lab, refused=refused)
        self._broken = None

    @property
    def broken(self) -> str:
        """What ended the process in this question ("timeout", "memory", "output", "crashed"), or an empty string."""
        return self._broken.kind if self._broken else ""

    def sources(self) -> list[str]:
        return self._cells

    def run(self) -> dict[int, Report]:
        """Run the cells if they have not run, and return what each left; one that could not run has a report too."""
        if self._running is None:
            with contextlib.suppress(StudentError):
                self._start()
        said = self._broken or StudentError("This cell was not run.", "crashed")
        for index in range(len(self._cells)):
            if index not in self.reports and index not in self._left_out:
                self.reports[index] = Report(said.kind, _NAMES[said.kind], f"This cell was not run: {said}.")
        return self.reports

    @contextlib.contextmanager
    def without(self, cells: Iterable[int]) -> Iterator[None]:
        """Run again without these cells (by number) in this block; afterwards everything is as it was before."""
        before = self._fatal, self.reports
        self.close()
        self._left_out, self._fatal, self._broken, self.reports = frozenset(cells), {}, None, {}
        try:
            yield
        finally:
            self.close()
            self._left_out, self._broken = frozenset(), None
            self._fatal, self.reports = before

    def touched(self) -> list[str]:
        """Return what the learner's code has replaced of what tests lean on, as far as it lets itself be seen."""
        try:
            told = _plain(self._ask("touched", "touched", (), {}), list)[:10]
            return [_without_paths(worker.one_line(_plain(what, str), 80)) for what in told]
        except (StudentError, NotPlainError):
            return []

    def _exchange(self, request: bytes) -> bytes:
        if self._broken is not None:
            raise self._broken
        if self._running is None:
            self._start()
        assert self._channel is not None
        deadline = self._time()
        try:
            worker.send(self._channel, request, deadline)
            return worker.receive(self._channel, deadline)
        except (TimeoutError, EOFError, OSError) as error:
            self._broken = self._ended("your code", error)
        raise self._broken

    def _time(self) -> float:
        return min(time.monotonic() + self._timeout, self._deadline)

    def _ended(self, who: str, error: Exception) -> StudentError:
        """End the process and return what ended it, as one sentence about ``who``."""
        running = self._running
        late = time.monotonic() >= self._deadline
        code = None
        if running is not None and not isinstance(error, TimeoutError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = running.process.wait(timeout=5)
        self.close()
        ended = running.ended if running is not None else ""
        if ended == "memory" or (running is not None and running.full and not isinstance(error, TimeoutError)):
            return StudentError(f"{who} used more memory than it may and was stopped", "memory")
        if ended == "files":
            return StudentError(f"{who} wrote more files than it may and was stopped", "output")
        if code == worker.TOO_MUCH:
            return StudentError(f"{who} printed more than {self._output} characters and was stopped", "output")
        if isinstance(error, TimeoutError):
            seconds, where = (self._total, " in all") if late else (self._timeout, "")
            return StudentError(f"{who} took longer than {seconds:g} s{where} and was stopped", "timeout")
        return StudentError(f"{who} crashed: the Python process ended while it ran", "crashed")

    def _start(self) -> None:
        """Start a process and run the cells; one that ends the process is left out at the next attempt."""
        if self._deadline == float("inf"):
            self._deadline = time.monotonic() + self._total
        while (cell := self._attempt()) is not None:
            if len(self._fatal) > self.MOST:
                kind = self._fatal[cell].kind
                self._broken = StudentError(
                    f"more than {self.MOST} cells of your notebook end the Python process", kind
                )
                raise self._broken

    def _attempt(self) -> int | None:
        """Start a process once; return the number of the cell that ended it, or None when all have run."""
        if time.monotonic() >= self._deadline:
            self._broken = StudentError(f"your notebook took longer than {self._total:g} s in all", "timeout")
            raise self._broken
        ours, theirs = socket.socketpair()
        self._running = self._spawn(theirs.fileno())
        theirs.close()
        self._channel = ours
        skip = self._left_out | self._fatal.keys()
        waiting = [i for i in range(len(self._cells)) if i not in skip]
        up = False
        try:
            start = {"cells": self._cells, "skip": list(skip), "output": self._output}
            worker.send(ours, encode(start), time.monotonic() + self.START)
            worker.receive(ours, time.monotonic() + self.START)
            up = True
            while waiting:
                self._note(waiting[0], decode(worker.receive(ours, self._time())))
                waiting.pop(0)
            return None
        except (TimeoutError, EOFError, OSError, NotPlainError) as error:
            said = self._ended("this cell", error)
            if not up or not waiting:
                self._broken = StudentError("the Python process for your code did not start", "crashed")
                raise self._broken from None
            self._fatal[waiting[0]] = said
            message = str(said)[0].upper() + str(said)[1:] + "."
            self.reports[waiting[0]] = Report(said.kind, _NAMES[said.kind], message)
            return waiting[0]

    def _note(self, index: int, told: Any) -> None:
        """Keep the report of a cell; the other side may send anything."""
        try:
            told = _plain(told, dict)
            lines = [worker.one_line(_plain(line, str)) for line in _plain(told["lines"], list)[:10]]
            name, message, text = (_plain(told[key], str)[:20_000] for key in ("name", "message", "text"))
        except KeyError:
            raise NotPlainError("a damaged report") from None
        name, message, text = (_without_paths(part) for part in (name, message, text))
        kind = "memory" if name == "Memory" else "raised" if name else ""
        if name in _OURS and kind == "raised":
            name = f"their own {name}"
        own = tuple(_without_paths(line) for line in lines)
        self.reports[index] = Report(kind, worker.one_line(name, 60), message[:4000], own, text)

    def _spawn(self, fd: int) -> Running:
        """Start the process that serves the socket ``fd``."""
        folder = tempfile.TemporaryDirectory(prefix="student-", ignore_cleanup_errors=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        environment |= {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "ignore", "IPYTHONDIR": folder.name}
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _MAIN.format(fd)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[fd],
            cwd=folder.name,
            env=environment,
            start_new_session=True,
        )
        return Running(process, folder)

    def close(self) -> None:
        """End the process, its children and its folder."""
        if self._channel is not None:
            self._channel.close()
        if self._running is not None:
            if isinstance(self._running.process, subprocess.Popen):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._running.process.pid, signal.SIGKILL)
            self._running.close()
            self.peak = max(self.peak, self._running.peak)
        self._channel = self._running = None

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


class Sandboxed(Subprocess):
    """The learner's code in a sandbox, with the limits of ``autograder.sandbox``.

    Parameters
    ----------
    source : str or sequence of str
        The learner's source text, or the code cells of their notebook.
    limits : Limits, optional
    labs : iterable of path
        The labs whose ``probes.py`` will be asked; nothing else of them is there.
    data : iterable of path
        Files that the code finds in its folder, read-only.
    without : iterable of str
        Protections to leave out, by name.
    nursery : path, optional
        ``warm.Nursery.place``: the process is forked there and finds its modules imported; otherwise Python starts.
    """

    def __init__(
        self,
        source: str | Sequence[str],
        *,
        limits: Limits | None = None,
        labs: Iterable[Path] = (),
        data: Iterable[Path] = (),
        without: Iterable[str] = (),
        nursery: Path | None = None,
    ) -> None:
        limits, without = limits or Limits(), frozenset(without)
        self._nursery = nursery
        endless = {"timeout": float("inf"), "total": float("inf")}
        time_limits = endless if "time" in without else {"timeout": limits.cell, "total": limits.total}
        super().__init__(source, output=10**15 if "output" in without else limits.output, **time_limits)
        self._places = {Path(lab).resolve() / "probes.py": f"/course/probes/{Path(lab).name}.py" for lab in labs}
        show = self._places | {Path(path).resolve(): f"/tmp/work/{path.name}" for path in data}
        self._sandbox = Sandbox(
            limits, show={path: place for path, place in show.items() if path.exists()}, without=without
        )

    def _place_of(self, probes: Path) -> str:
        return self._places[probes]

    def _spawn(self, fd: int) -> Running:
        code = _MAIN.format(fd)
        forked = warm.start(self._nursery, self._sandbox, code, fds={fd: fd}) if self._nursery else None
        return forked or self._sandbox.start(["-c", code], pass_fds=[fd])


def _plain(value: Any, kind: type[_T]) -> _T:
    """Return a value that came from the other side when it has the type that was agreed.

    Raises
    ------
    NotPlainError
        When it has another.
    """
    if type(value) is not kind:
        raise NotPlainError(f"{type(value).__name__} in the place of {kind.__name__}")
    return value


def _without_paths(text: str) -> str:
    """Return a text that can be written to a file, without the paths of this machine that the learner's code sees."""
    text = text.encode("utf-8", "replace").decode()
    text = "".join(c for c in text if c.isprintable() or c in "\n\t")
    for path in sorted({sys.prefix, sys.base_prefix, str(ROOT)}, key=len, reverse=True):
        text = text.replace(path, "…")
    return text


_MAIN = "from autograder.worker import main; main({})"
_KINDS = ("NotDone", "missing", "refused", "raised", "value", "memory")
"""What the other side may say of a failure; what ends the process is for this side to say."""
_OURS = (
    *("GraderError", "Crashed", "Memory", "Timeout", "Output", "NotRun", "NotConfirmed"),
    *("HiddenTestsFailed", "RefusedNames"),
)
"""Names of errors that only the grader gives."""
_NAMES = {"timeout": "Timeout", "memory": "Memory", "output": "Output", "crashed": "Crashed"}
