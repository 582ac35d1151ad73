"""A process that has imported what submissions need, and forks: each fork enters a sandbox that bubblewrap has made.

It runs in the outer system of ``autograder.sandbox`` (no root, no capability, read-only) and knows nothing of the
course; ``autograder.warm`` starts it and asks it. For each request it forks a *keeper*, which lets bubblewrap build the
sandbox around an idle program, enters its namespaces (``setns``), and forks the process in which the learner's code
will run. Before any line of theirs that process gives up every capability for good, takes the hard limits, and closes
every file but those that it was handed: what it can reach is what a process that bubblewrap starts can reach.
"""

import array
import contextlib
import ctypes
import gc
import importlib
import json
import os
import random
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from autograder.lone import withdraw

__all__ = ["IMPORTS", "main"]

IMPORTS = (
    *("numpy", "scipy.stats", "scipy.special", "sklearn.datasets", "sklearn.model_selection"),
    *("torch", "torch.optim", "torch._dynamo", "torch.utils.data", "matplotlib.pyplot"),
    *("IPython.core.interactiveshell", "IPython.core.completer", "ipywidgets"),
    *("autograder.worker", "nnutils.checks", "nnutils.data", "nnutils.plots", "nnutils.train"),
)
"""Modules that are imported once, for everybody."""

NAMESPACES = {"user": 0x10000000, "mnt": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x8000000}
NAMESPACES |= {"uts": 0x4000000, "cgroup": 0x2000000}
MOST = 1 << 20
"""Bytes of a request."""
PATIENCE = 60
"""Seconds in which a sandbox has to be built, and in which a nursery has to answer, its imports included."""

_libc = ctypes.CDLL(None, use_errno=True)


def main(listener: int, life: int, modules: Sequence[str]) -> str:
    """Import the modules, then serve requests at the socket until the pipe ``life`` closes.

    Returns only in a process for the learner's code, inside its sandbox: the code that is to run there. What the
    caller does with it runs on an empty stack, as if Python had just started.
    """
    for name in modules:
        importlib.import_module(name)
    server = socket.socket(fileno=listener)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers leave nothing behind
    gc.collect()
    gc.freeze()
    poll = select.poll()
    for fd in (listener, life):
        poll.register(fd, select.POLLIN)
    while not any(fd == life for fd, _ in poll.poll()):
        connection, _ = server.accept()
        try:
            child = os.fork()
        except OSError:  # no memory, or too many processes: who asked starts Python
            connection.close()
            continue
        if child == 0:
            server.close()
            os.close(life)
            return _keep(connection)
        connection.close()
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)  # in a namespace of its own: the keepers, and their sandboxes with them
    os._exit(0)


def _keep(connection: socket.socket) -> str:
    """Serve one request: build the sandbox, put a process into it, and tell its end; in that process, return its code.

    The answers, each one packet: ``{"up": true}`` when the process runs, with a pidfd of the sandbox's first process,
    ``{"code": n}`` when it has ended, or ``{"error": why}``. When the other side goes, everything here ends.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.alarm(PATIENCE)
    os.setsid()
    data, ancillary, _, _ = connection.recvmsg(MOST, socket.CMSG_SPACE(32 * 4))
    fds = array.array("i")
    for _, _, raw in ancillary:
        fds.frombytes(raw)
    asked = json.loads(data)
    try:
        holder, target = _build(asked["inside"], asked["limits"])
        _call("setns", target, sum(NAMESPACES[kind] for kind in asked["namespaces"]))
    except OSError as error:
        connection.send(json.dumps({"error": str(error)}).encode())
        os._exit(1)
    signal.alarm(0)
    child = os.fork()
    if child == 0:
        for stream in (connection, holder.stdin, holder.stdout):
            assert stream is not None
            stream.close()  # later it would close what then has its number
        _become(asked, list(fds))
        return str(asked["code"])
    for fd in fds:
        os.close(fd)
    socket.send_fds(connection, [json.dumps({"up": True}).encode()], [target])
    _wait(connection, child)
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(target, signal.SIGKILL)  # with it go all that are in its namespace
    holder.kill()
    os._exit(0)


def _build(inside: list[str], limits: dict[str, int]) -> tuple["subprocess.Popen[bytes]", int]:
    """Let bubblewrap make the sandbox around an idle program; return bubblewrap and a pidfd of its first process."""
    told, tells = os.pipe()
    hard = [f"--{kind}={most}" for kind, most in limits.items()]
    command = [inside[0], "--info-fd", str(tells), *inside[1:], "prlimit", *hard, "sh", "-c", "echo; read forever"]
    holder = subprocess.Popen(
        command, pass_fds=[tells], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    os.close(tells)
    with os.fdopen(told) as info:
        about = info.read()
    assert holder.stdout is not None
    if holder.stdout.readline() != b"\n":
        raise OSError("bubblewrap made no sandbox")
    return holder, os.pidfd_open(json.loads(about)["child-pid"])


def _become(asked: dict[str, Any], fds: list[int]) -> None:
    """Make this process one that bubblewrap could have started: its session, files, folder, limits and privileges."""
    os.setsid()
    spare = 1 + max([2, *asked["fds"], *fds])
    for fd, number in zip(fds, asked["fds"], strict=True):
        os.dup2(fd, spare + number)
    for number in asked["fds"]:
        os.dup2(spare + number, number, inheritable=False)
    kept = {0, 1, 2, *asked["fds"]}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
    os.chdir(asked["folder"])
    for kind, most in asked["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{kind.upper()}"), (most, most))
    if asked["privileges"]:
        _give_up()
    sys.argv = ["-c", *asked["arguments"]]
    random.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()


def _give_up() -> None:
    """Give up every capability, in every set, and all ways to get one."""
    set_dumpable, no_new_privileges, drop_from_bounds, ambient, clear = 4, 38, 24, 47, 4
    for capability in range(64):
        if _libc.prctl(drop_from_bounds, capability, 0, 0, 0) != 0:
            break
    _libc.prctl(ambient, clear, 0, 0, 0)
    _call("capset", (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
    _call("prctl", no_new_privileges, 1, 0, 0, 0)
    _call("prctl", set_dumpable, 1, 0, 0, 0)  # as after an exec: its files in /proc are its own
    withdraw()


def _wait(connection: socket.socket, child: int) -> None:
    """Tell the child's exit status (128 and the signal that killed it); return then, or when the other side goes."""
    ended = os.pidfd_open(child)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(connection, select.POLLIN | select.POLLHUP)
    if any(fd == ended for fd, _ in poll.poll()):
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.send(json.dumps({"code": status if status >= 0 else 128 - status}).encode())


def _call(name: str, *arguments: Any) -> None:
    """Call a function of the C library that returns 0, or raise an OSError that names it."""
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
