"""Try each promise of the sandbox on this machine: a program inside does what it must not be able to do.

``check`` runs the same small programs in the same sandbox as a submission, with small limits, and says of each promise
whether it held. What a kernel, a container or a policy of this machine takes away shows here and not in a grade book.
"""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from autograder.sandbox import PROTECTIONS, ROOT, Limits, Running, Sandbox, SandboxError, problem
from autograder.student import Sandboxed
from autograder.warm import Nursery, start, works

__all__ = ["Finding", "check"]

_SMALL = Limits(
    memory=256 * 2**20, processes=40, disk=16 * 2**20, files=500, file_size=4 * 2**20, open_files=64, cpu=60, cell=2.0,
    total=20.0, output=100_000,
)  # fmt: skip
_OURS = ("time", "output")
"""Kept by the grader itself and not by the machine."""
WAYS = ("cold", "warm")
"""How a sandbox is started: bubblewrap starts Python, or a process of a nursery enters it."""


@dataclass(frozen=True)
class Finding:
    """Whether a promise of the sandbox held."""

    name: str
    promise: str
    holds: bool


def check(*, without: Iterable[str] = (), ours: bool = True, ways: Iterable[str] = WAYS) -> list[Finding]:
    """Return for each of ``PROTECTIONS`` whether it holds here, in each of the ways in which a sandbox is started.

    Parameters
    ----------
    without : iterable of str
        Protections to leave out of the sandbox; each must be found missing.
    ours : bool
        Try also what the grader itself keeps (time and output), which takes some seconds.
    ways : iterable of str
        "cold" (bubblewrap starts Python) and "warm" (a process of a nursery enters the sandbox; tried where it can).

    Raises
    ------
    SandboxError
        When no sandbox can be made here at all.
    """
    if why := problem():
        raise SandboxError(why)
    names = [name for name in PROTECTIONS if ours or name not in _OURS]
    held = dict.fromkeys(names, True)
    for way in ways:
        if way == "warm" and not works():
            continue
        found = _Tried(frozenset(without), way).all(ours=ours)
        held = {name: holds and found.get(name, False) for name, holds in held.items()}
    return [Finding(name, PROTECTIONS[name], held[name]) for name in names]


class _Tried:
    """What a sandbox holds back, without some protections, started in one of the ways."""

    def __init__(self, without: frozenset[str], way: str) -> None:
        self._without, self._way = without, way
        self._nursery: Nursery | None = None

    def all(self, *, ours: bool) -> dict[str, bool]:
        """Return for each protection by name whether it holds."""
        token = os.environ["COURSE_PROBE"] = secrets.token_hex(8)
        try:
            with contextlib.ExitStack() as stack:
                if self._way == "warm":
                    self._nursery = stack.enter_context(Nursery((), without=self._without))
                held = self._inside(token)
                held |= {"memory in all": self._ended(_TREE), "files in all": self._ended(_FILES)}
                held["cpu"] = self._stops_computing()
                return held | (self._stops_waiting() if ours else {})
        except SandboxError:  # without some protection nothing starts
            return {}
        finally:
            del os.environ["COURSE_PROBE"]

    def _inside(self, token: str) -> dict[str, bool]:
        """Run the program that tries most things, and look whether its daemon outlives it."""
        place = self._nursery.place if self._nursery else None
        with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory(dir=place) as folder:
            mark, open_folder = Path(folder) / "mark", Path(folder) / "open"
            mark.write_text(token)
            open_folder.mkdir()
            for path in (Path(folder), open_folder):
                path.chmod(0o777)  # so that nothing but the sandbox is in the way
            asked = {
                "port": server.getsockname()[1], "token": token, "processes": _SMALL.processes,
                "hidden": [str(mark), str(ROOT / "nbgrader_config.py")], "memory": _SMALL.memory, "disk": _SMALL.disk,
                "file_size": _SMALL.file_size, "open_files": _SMALL.open_files,
            }  # fmt: skip
            sandbox = Sandbox(_SMALL, show={open_folder: "/course/open"}, without=self._without)
            told, _ = self._printed(sandbox, _PROGRAM, json.dumps(asked))
        try:
            held: dict[str, bool] = json.loads(told)
        except ValueError:
            return {}
        left = _processes_with(token)
        for process in left:
            process.kill()
        return held | {"daemons": not left}

    def _start(self, sandbox: Sandbox, code: str, *arguments: str, stdout: int = subprocess.DEVNULL) -> Running:
        if self._nursery is None:
            return sandbox.start(["-c", code, *arguments], stdout=stdout)
        fds = {1: stdout} if stdout != subprocess.DEVNULL else {}
        running = start(self._nursery.place, sandbox, code, arguments=arguments, fds=fds)
        if running is None:
            raise SandboxError("no process of the nursery can enter this sandbox")
        return running

    def _ended(self, program: str) -> bool:
        """Run a program that takes too much, little by little, and return whether it was ended on the way."""
        told, ended = self._printed(Sandbox(_SMALL, without=self._without), program)
        return b"through" not in told and bool(ended)

    def _printed(self, sandbox: Sandbox, code: str, *arguments: str) -> tuple[bytes, str]:
        """Run a program for a minute at most; return what it printed, and what the watch ended it for."""
        with tempfile.TemporaryFile() as printed:
            running = self._start(sandbox, code, *arguments, stdout=printed.fileno())
            try:
                running.process.wait(60)
            except subprocess.TimeoutExpired:
                return b"", ""
            finally:
                running.close()
            printed.seek(0)
            return printed.read(), running.ended

    def _stops_computing(self) -> bool:
        running = self._start(Sandbox(replace(_SMALL, cpu=1), without=self._without), "while True: pass")
        try:
            running.process.wait(15)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            running.close()

    def _stops_waiting(self) -> dict[str, bool]:
        """Run two cells of a submission that never end, one of them printing."""
        cells = ["import time\nwhile True: time.sleep(1)", "while True: print('.' * 1000)"]
        found: dict[int, str] = {}

        def run() -> None:
            found.update({index: report.kind for index, report in student.run().items()})

        # PyTorch needs more than the small limits give; here only these two count
        limits = replace(Limits(), cell=_SMALL.cell, total=60.0, output=_SMALL.output)
        place = self._nursery.place if self._nursery else None
        with Sandboxed(cells, limits=limits, without=self._without, nursery=place) as student:
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            thread.join(60.0 if "time" not in self._without else 15.0)
        return {"time": found.get(0) == "timeout", "output": found.get(1) == "output"}


def _processes_with(token: str) -> list[psutil.Process]:
    """Return the processes that name the token in their command line, after a moment in which they may end."""
    for _ in range(20):
        found = []
        for process in psutil.process_iter():
            try:
                if token in process.cmdline():
                    found.append(process)
            except psutil.Error:
                continue
        if not found:
            break
        time.sleep(0.1)
    return found


_PROGRAM = """
import ctypes, json, os, socket, sys, time
asked = json.loads(sys.argv[1])
held = {}

def refused(action, *arguments, errors=OSError):
    try:
        action(*arguments)
    except errors:
        return True
    return False

status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
none = all(int(status[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))
held["privileges"] = none and os.getuid() != 0 and status["NoNewPrivs"].strip() == "1"
held["namespaces"] = ctypes.CDLL(None).unshare(0x10000000) != 0
address = ("127.0.0.1", asked["port"])
held["network"] = refused(socket.create_connection, address, 2) and sorted(
    line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line
) == ["lo"]
held["files"] = not any(map(os.path.exists, asked["hidden"]))
places = ["/course/open/x", "/x", "/etc/x", "/dev/x", "/course/x", "/course/autograder/x", sys.prefix + "/x"]
held["writes"] = all(refused(open, place, "w") for place in places)
texts = [repr(dict(os.environ))]
for number in filter(str.isdigit, os.listdir("/proc")):
    try:
        texts.append(open(f"/proc/{number}/environ", errors="replace").read())
    except OSError:
        pass
held["environment"] = not any(asked["token"] in text for text in texts)

def opened():
    return [open("/dev/null") for _ in range(asked["open_files"] + 10)]

held["open files"] = refused(opened)

def large():
    with open("/tmp/large", "wb") as file:
        for _ in range(asked["file_size"] // 2**20 + 2):
            file.write(bytes(2**20))

def full():
    for folder in ("/tmp", "/dev/shm"):
        try:
            for number in range(2 * asked["disk"] // 2**20):
                with open(f"{folder}/full{number}", "wb") as file:
                    file.write(bytes(2**20))
        except OSError:
            continue
        return
    raise OSError

held["file size"] = refused(large)
held["disk"] = refused(full)
for name in os.listdir("/tmp"):
    if os.path.isfile("/tmp/" + name):
        os.unlink("/tmp/" + name)
for name in os.listdir("/dev/shm"):
    os.unlink("/dev/shm/" + name)
held["memory"] = refused(bytearray, asked["memory"] + 2**20, errors=MemoryError)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(1)
        os.execv(sys.executable, [sys.executable, "-S", "-E", "-c", "import time; time.sleep(20)", asked["token"]])
    os._exit(0)

def many():
    for _ in range(asked["processes"] + 10):
        if os.fork() == 0:
            time.sleep(3)
            os._exit(0)

held["processes"] = refused(many)
print(json.dumps(held), flush=True)
os._exit(0)
"""

_TREE = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        held = b"x" * (90 * 2**20)
        time.sleep(6)
        os._exit(0)
time.sleep(5)
print("through", flush=True)
"""

_FILES = """
import time
for number in range(2000):
    open(f"/tmp/{number}", "w").close()
time.sleep(1)
print("through", flush=True)
"""
