"""Try each promise of the sandbox on this machine: a program inside does what it must not be able to do.

``check`` runs the same small programs in the same sandbox as a submission, with small limits, and says of each promise
whether it held. What a kernel, a container or a policy of this machine takes away shows here and not in a grade book.
"""

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

from autograder.sandbox import PROTECTIONS, ROOT, Limits, Sandbox, SandboxError, problem
from autograder.student import Sandboxed

__all__ = ["Finding", "check"]

_SMALL = Limits(
    memory=256 * 2**20, processes=40, disk=16 * 2**20, files=500, file_size=4 * 2**20, open_files=64, cpu=60, cell=2.0,
    total=20.0, output=100_000,
)  # fmt: skip
_OURS = ("time", "output")
"""Kept by the grader itself and not by the machine."""


@dataclass(frozen=True)
class Finding:
    """Whether a promise of the sandbox held."""

    name: str
    promise: str
    holds: bool


def check(*, without: Iterable[str] = (), ours: bool = True) -> list[Finding]:
    """Return for each of ``PROTECTIONS`` whether it holds here.

    Parameters
    ----------
    without : iterable of str
        Protections to leave out of the sandbox; each must be found missing.
    ours : bool
        Try also what the grader itself keeps (time and output), which takes some seconds.

    Raises
    ------
    SandboxError
        When no sandbox can be made here at all.
    """
    if why := problem():
        raise SandboxError(why)
    without = frozenset(without)
    held = _inside(without) | {"memory in all": _ended(without, _TREE), "files in all": _ended(without, _FILES)}
    held["cpu"] = _stops_computing(without)
    if ours:
        held |= _stops_waiting(without)
    names = [name for name in PROTECTIONS if ours or name not in _OURS]
    return [Finding(name, PROTECTIONS[name], held.get(name, False)) for name in names]


def _inside(without: frozenset[str]) -> dict[str, bool]:
    """Run the program that tries most things, and look whether its daemon outlives it."""
    token = secrets.token_hex(8)
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory() as folder:
        mark, open_folder = Path(folder) / "mark", Path(folder) / "open"
        mark.write_text(token)
        open_folder.mkdir()
        for path in (Path(folder), open_folder):
            path.chmod(0o777)  # so that nothing but the sandbox is in the way
        asked = {
            "port": server.getsockname()[1], "token": token, "hidden": [str(mark), str(ROOT / "nbgrader_config.py")],
            "processes": _SMALL.processes, "memory": _SMALL.memory, "disk": _SMALL.disk, "file_size": _SMALL.file_size,
            "open_files": _SMALL.open_files,
        }  # fmt: skip
        os.environ["COURSE_PROBE"] = token
        try:
            sandbox = Sandbox(_SMALL, show={open_folder: "/course/open"}, without=without)
            told, _ = _printed(sandbox, "-c", _PROGRAM, json.dumps(asked))
        finally:
            del os.environ["COURSE_PROBE"]
    try:
        held: dict[str, bool] = json.loads(told)
    except ValueError:
        return {}
    left = _processes_with(token)
    for process in left:
        process.kill()
    return held | {"daemons": not left}


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


def _ended(without: frozenset[str], program: str) -> bool:
    """Run a program that takes too much, little by little, and return whether it was ended on the way."""
    told, ended = _printed(Sandbox(_SMALL, without=without), "-c", program)
    return b"through" not in told and bool(ended)


def _printed(sandbox: Sandbox, *arguments: str) -> tuple[bytes, str]:
    """Run a program for a minute at most; return what it printed, and what the watch ended it for."""
    running = sandbox.start(arguments, stdout=subprocess.PIPE)
    try:
        told, _ = running.process.communicate(timeout=60)
        return told, running.ended
    except subprocess.TimeoutExpired:
        return b"", ""
    finally:
        running.close()


def _stops_computing(without: frozenset[str]) -> bool:
    running = Sandbox(replace(_SMALL, cpu=1), without=without).start(["-c", "while True: pass"])
    try:
        running.process.wait(timeout=15)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        running.close()


def _stops_waiting(without: frozenset[str]) -> dict[str, bool]:
    """Run two cells of a submission that never end, one of them printing."""
    cells = ["import time\nwhile True: time.sleep(1)", "while True: print('.' * 1000)"]
    found: dict[int, str] = {}

    def run() -> None:
        found.update({index: report.kind for index, report in student.run().items()})

    # PyTorch needs more than the small limits give; here only these two count
    limits = replace(Limits(), cell=_SMALL.cell, total=60.0, output=_SMALL.output)
    with Sandboxed(cells, limits=limits, without=without) as student:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(60.0 if "time" not in without else 15.0)
    return {"time": found.get(0) == "timeout", "output": found.get(1) == "output"}


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
