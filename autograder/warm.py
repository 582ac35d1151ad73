"""Start programs in a sandbox without starting Python: a process that has imported everything forks inside it.

A ``Nursery`` holds such a process (``autograder.nursery``, in the outer system of the sandbox, without root and without
any capability) and can be asked by several graders at once. What it starts is held by the same bubblewrap options, the
same limits and the same watch as what ``Sandbox.start`` starts; where it cannot serve (an old kernel), ``start``
returns nothing, and the caller starts Python.
"""

import array
import atexit
import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from autograder.nursery import IMPORTS, PATIENCE
from autograder.sandbox import ROOT, WORK, Running, Sandbox

__all__ = ["Joined", "Nursery", "shared", "start", "works"]

_BOOT = "from autograder.nursery import main\nexec(main({}, {}, {!r}), {{'__name__': '__main__'}})"
_SOCKET = "socket"


class Nursery:
    """A process that forks into sandboxes; ends with ``close``, or when this process ends.

    Parameters
    ----------
    modules : sequence of str
        What it imports beforehand.
    without : iterable of str
        Names of ``PROTECTIONS`` that the sandboxes do without.
    """

    def __init__(self, modules: Sequence[str] = IMPORTS, *, without: Iterable[str] = ()) -> None:
        sandbox = Sandbox(without=set(without) - {"files"})  # what a sandbox then sees more is what is out here
        self._folder = tempfile.TemporaryDirectory(prefix="nursery-", ignore_cleanup_errors=True)
        self.place = Path(self._folder.name)
        """Its folder, by which ``start`` finds it."""
        os.chmod(self.place, 0o755)
        shown = sandbox.shown(self.place)
        shown[ROOT / "autograder" / "nursery.py"] = "/course/autograder/nursery.py"
        mounts = {path: str(path) for path in shown if path.parent != self.place} | {self.place: str(self.place)}
        # bubblewrap covers parts of the /proc that it makes; for another one inside the kernel wants to see a whole one
        options = ["--unshare-pid", "--proc", "/proc", "--dir", "/nursery", "--bind", "/proc", "/nursery/proc"]
        options += ["--chmod", "0777", "/tmp/.cache/matplotlib"]  # matplotlib goes elsewhere when it cannot write there
        command = sandbox.outside(["--die-with-parent", *options, *sandbox.environment()], mounts, shown)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(self.place / _SOCKET))
            listener.listen(64)
            ends, self._life = os.pipe()
            program = [sys.executable, "-P", "-c", _BOOT.format(listener.fileno(), ends, list(modules))]
            self._process = subprocess.Popen(
                [*command, *program],
                pass_fds=[listener.fileno(), ends],
                cwd="/",
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            os.close(ends)

    def close(self) -> None:
        """End it, and every sandbox that it started."""
        if self._life >= 0:
            os.close(self._life)
            self._life = -1
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


_shared: list[Nursery] = []
_lock = threading.Lock()


def shared() -> Path:
    """Return the folder of the nursery of this process, which is started now when there is none."""
    with _lock:
        if not _shared:
            _shared.append(Nursery())
            atexit.register(_shared[0].close)
        return _shared[0].place


def works() -> bool:
    """Tell whether a process can be forked into a sandbox on this machine; it takes half a second."""
    with Nursery(()) as nursery:
        running = start(nursery.place, Sandbox(), "pass")
        if running is None:
            return False
        try:
            return running.process.wait(PATIENCE) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            running.close()


def start(
    place: Path, sandbox: Sandbox, code: str, *, arguments: Sequence[str] = (), fds: Mapping[int, int] | None = None
) -> Running | None:
    """Run Python code in a new sandbox, forked from a nursery; return None when it cannot be done.

    Parameters
    ----------
    place : path
        ``Nursery.place``.
    code, arguments : str, sequence of str
        As after ``python -c``.
    fds : mapping from int to int, optional
        Numbers of files in the new process, and which files of this one they are; 0, 1 and 2 are empty otherwise.
    """
    if not (place / _SOCKET).exists():
        return None
    folder = tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True)
    os.chmod(folder.name, 0o755)
    fds = dict(fds or {})
    asked = {
        "inside": sandbox.inside(Path(folder.name)), "namespaces": ["mnt", *sorted(sandbox.namespaces())],
        "limits": sandbox.rlimits(), "privileges": "privileges" not in sandbox.without, "folder": WORK, "code": code,
        "arguments": list(arguments), "fds": list(fds),
    }  # fmt: skip
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        connection.connect(str(place / _SOCKET))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds.values()))] if fds else []
        connection.sendmsg([json.dumps(asked).encode()], rights)
        told, ancillary, _, _ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(12) + socket.CMSG_SPACE(4))
        if "up" not in json.loads(told or b"{}"):
            raise OSError("no process was started")
        parts = {kind: raw for _, kind, raw in ancillary}
        keeper, _, _ = struct.unpack("3i", parts[socket.SCM_CREDENTIALS])
        (first,) = struct.unpack("i", parts[socket.SCM_RIGHTS])
        process = Joined(keeper, first, connection)
    except (OSError, ValueError, KeyError):
        connection.close()
        folder.cleanup()
        return None
    return sandbox.watch(Running(process, folder))


class Joined:
    """The process that keeps a sandbox of a nursery, in the manner of ``subprocess.Popen``.

    ``first`` is a pidfd of the sandbox's first process, with which all of its processes end.
    """

    def __init__(self, pid: int, first: int, connection: socket.socket) -> None:
        self.pid = pid
        self._files = [first]
        self._files.append(os.pidfd_open(pid))
        self._connection = connection
        self._lock = threading.Lock()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status when it has ended, otherwise None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status; one that was killed has 137."""
        poll = select.poll()
        poll.register(self._files[1], select.POLLIN)
        if not poll.poll(None if timeout is None else 1000 * timeout):
            raise subprocess.TimeoutExpired("a process in a sandbox", timeout or 0)
        with self._lock:
            if self.returncode is None:
                self.returncode = 128 + signal.SIGKILL
                with contextlib.suppress(OSError, ValueError, KeyError):
                    self._connection.setblocking(False)
                    self.returncode = int(json.loads(self._connection.recv(1 << 16))["code"])
                self._connection.close()
            return self.returncode

    def kill(self) -> None:
        """Kill it, and all that runs in the sandbox."""
        for pidfd in self._files:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)

    def __del__(self) -> None:
        for pidfd in self._files:
            os.close(pidfd)
