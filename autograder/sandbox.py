"""Run a program where it reaches nothing but what it was given: bubblewrap, hard limits, and a watch over its memory.

``Sandbox.start`` runs a command of this Python in new namespaces: no network, a read-only system that holds Python, its
packages, ``nnutils`` and a few named files, private folders in memory with a quota, an empty environment, no privileges
and no way to get any. Hard limits bound each process; a thread of ours bounds what all of them hold together.

Started as root, a first bubblewrap builds the same system as root (a Python may lie in a home that only root can read),
then gives up root and every capability for good, and only then comes the sandbox: what runs in it never was root, so
that the limit of processes, which the kernel does not apply to root, holds.
"""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

__all__ = ["PROTECTIONS", "Limits", "Running", "Sandbox", "SandboxError", "problem"]

ROOT = Path(__file__).resolve().parents[1]
INSIDE = ("__init__", "encoding", "guard", "lone", "rules", "scopes", "worker")
"""The modules of this package that run beside the learner's code; no other is there."""

PROTECTIONS = {
    "privileges": "runs without root and without any capability",
    "namespaces": "cannot make namespaces of its own",
    "network": "reaches no network, not even this machine",
    "files": "sees no file of the course, of the class or of anybody's home",
    "writes": "cannot change what it sees",
    "environment": "sees no environment variable of the grader",
    "daemons": "leaves no process behind",
    "processes": "number of processes",
    "memory": "memory of one process",
    "memory in all": "memory of all processes together",
    "disk": "bytes in its folders",
    "files in all": "number of files in its folders",
    "file size": "bytes of one file",
    "open files": "number of open files",
    "cpu": "seconds of computing",
    "time": "seconds of waiting",
    "output": "characters printed",
}
"""What a sandbox promises, by name; ``autograder check`` tries each."""

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "TMPDIR": "/tmp", "IPYTHONDIR": "/tmp/.ipython",
    "PYTHONPATH": "/course", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore", "MPLBACKEND": "Agg",
    "NNUTILS_DEVICE": "cpu", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip
"""All that a program in the sandbox finds in its environment."""

WORK = "/tmp/work"
"""The folder in which a program in the sandbox starts."""

_NOBODY = "65534"
_WATCH = 0.1


class SandboxError(RuntimeError):
    """The sandbox cannot be set up here; the message says why and what to do."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use. Bytes, seconds, numbers."""

    memory: int = 3 * 2**30
    """Of one process (private memory), and of all together with the files in their folders."""
    processes: int = 64
    disk: int = 256 * 2**20
    """In each of the two writable folders, /tmp and /dev/shm; they lie in memory."""
    files: int = 20_000
    file_size: int = 128 * 2**20
    open_files: int = 256
    cpu: int = 600
    """Seconds of computing of one process."""
    cell: float = 60.0
    """Seconds for one cell, or for one request of a hidden test."""
    total: float = 300.0
    """Seconds for the whole submission."""
    output: int = 64 * 2**20
    """Characters that may be printed in all; far fewer are kept."""


class Process(Protocol):
    """What ``subprocess.Popen`` says of a process."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


@dataclass
class Running:
    """A process in a sandbox. ``ended`` says which limit the watch found broken: "memory", "files", or nothing."""

    process: Process
    folder: "tempfile.TemporaryDirectory[str]"
    ended: str = ""
    peak: int = 0
    """Most bytes that all processes held together when the watch looked."""
    full: bool = False
    """Whether these, or what one of them reserved, were nearly all that is allowed: a crash is then one of memory."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        """End every process of the sandbox and remove its folder."""
        self._stop.set()
        self.kill()
        self.process.wait()
        self.folder.cleanup()

    def kill(self) -> None:
        """Kill bubblewrap and, should it not take them along, all processes below it."""
        if self.process.poll() is not None:
            return
        with contextlib.suppress(psutil.Error):
            below = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            for process in below:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        self.process.kill()


class Sandbox:
    """How to run a program away from everything.

    Parameters
    ----------
    limits : Limits
    show : mapping from path to path, optional
        Further files or folders of this machine, and where they are seen; always read-only.
    without : collection of str
        Names of ``PROTECTIONS`` to leave out: for the self-check, whose every part has to notice it.
    """

    def __init__(
        self, limits: Limits | None = None, *, show: Mapping[Path, str] | None = None, without: Iterable[str] = ()
    ) -> None:
        self.limits, self.without, self._show = limits or Limits(), frozenset(without), dict(show or {})
        if unknown := sorted(self.without - PROTECTIONS.keys()):
            raise ValueError(f"unknown protection {unknown[0]!r}; known: {', '.join(PROTECTIONS)}")

    def start(self, arguments: Sequence[str], *, pass_fds: Sequence[int] = (), **streams: Any) -> Running:
        """Start Python with these arguments in a new sandbox.

        Raises
        ------
        SandboxError
            When bubblewrap is missing.
        """
        if shutil.which("bwrap") is None:
            raise SandboxError(problem())
        folder = tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True)
        os.chmod(folder.name, 0o755)
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        # bubblewrap's own environment can be read in /proc/1 of the sandbox
        environment = None if "environment" in self.without else {"PATH": os.environ.get("PATH", os.defpath)}
        process = subprocess.Popen(
            self.command(arguments, Path(folder.name)), pass_fds=pass_fds, cwd="/", start_new_session=True,
            env=environment, **quiet | streams,
        )  # fmt: skip
        return self.watch(Running(process, folder))

    def command(self, arguments: Sequence[str], folder: Path) -> list[str]:
        """Return the whole command line; ``folder`` is a folder of the grader for the files that it needs."""
        limits = [f"--{kind}={most}" for kind, most in self.rlimits().items()]
        inner = [*self.inside(folder), "prlimit", *limits, sys.executable, "-P", *arguments]
        if "privileges" in self.without:
            return inner
        # a namespace of processes around that of the sandbox: nothing inside can reach what ends everything
        options = ["--die-with-parent", *([] if "daemons" in self.without else ["--unshare-pid"])]
        options += ["--bind", "/proc", "/proc"]
        return [*self.outside(options, {path: str(path) for path in self.shown(folder)}), *inner]

    def inside(self, folder: Path) -> list[str]:
        """Return the command that makes the sandbox, up to the program that runs in it."""
        seen = self._seen(folder)
        inner = ["bwrap", "--die-with-parent", "--new-session", "--hostname", "course", *self._apart()]
        if "files" in self.without:
            inner += ["--ro-bind", "/", "/"]
        bind = "--bind" if "writes" in self.without else "--ro-bind"
        inner += ["--proc", "/proc", "--dev", "/dev"]
        for place in ("/tmp", "/dev/shm"):
            inner += [] if "disk" in self.without else ["--size", str(self.limits.disk)]
            inner += ["--perms", "0700", "--tmpfs", place]
        inner += _mounts(seen.items(), bind)  # after /tmp: the course itself may lie there
        for source, place in self._files(folder).items():
            inner += ["--ro-bind", str(source), place]
        if "writes" not in self.without:
            inner += ["--remount-ro", "/dev", "--remount-ro", "/"]
        inner += ["--perms", "0700", "--dir", WORK, "--chdir", WORK]
        return inner

    def shown(self, folder: Path) -> dict[Path, str]:
        """Return all that the sandbox holds: paths of this machine and where they are seen."""
        return self._seen(folder) | self._files(folder)

    def outside(self, options: Sequence[str], *shown: Mapping[Path, str]) -> list[str]:
        """Return the command that makes the outer system: it shows some paths, and root, if anybody is, is left."""
        bind = "--bind" if "writes" in self.without else "--ro-bind"
        outer = ["bwrap"]
        if _is_root():
            outer += [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
        outer += ["--bind", "/", "/"] if "files" in self.without else ["--perms", "1777", "--tmpfs", "/tmp"]
        outer += _mounts([pair for paths in shown for pair in paths.items()], bind)
        outer += ["--dev-bind", "/dev", "/dev", *options]
        give_up = ["setpriv", "--reuid", _NOBODY, "--regid", _NOBODY, "--clear-groups", "--inh-caps=-all"]
        return [*outer, *([*give_up, "--bounding-set=-all"] if _is_root() else [])]

    def _apart(self) -> list[str]:
        """Return the options that separate the sandbox from this machine."""
        options = [f"--unshare-{kind.replace('cgroup', 'cgroup-try')}" for kind in sorted(self.namespaces())]
        options += [] if "namespaces" in self.without else ["--disable-userns"]
        if "privileges" in self.without:
            options += ["--uid", "0", "--gid", "0", "--cap-add", "ALL"]
            options = [option for option in options if option != "--disable-userns"]
        else:
            options += ["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
        return options + self.environment()

    def environment(self) -> list[str]:
        """Return the options that leave nothing in the environment but what belongs there."""
        options = [] if "environment" in self.without else ["--clearenv"]
        return options + [word for name, value in ENVIRONMENT.items() for word in ("--setenv", name, value)]

    def namespaces(self) -> set[str]:
        """Return the kinds of namespaces that are not shared with this machine, beside that of the files."""
        shared = {"net"} if "network" in self.without else set()
        return (
            {"ipc", "uts", "cgroup", "net", "pid", "user"} - shared - ({"pid"} if "daemons" in self.without else set())
        )

    def rlimits(self) -> dict[str, int]:
        """Return the kernel's limits of each process, soft and hard, by the names of ``prlimit``."""
        wanted = {
            "processes": ("nproc", self.limits.processes), "memory": ("data", self.limits.memory),
            "file size": ("fsize", self.limits.file_size), "open files": ("nofile", self.limits.open_files),
            "cpu": ("cpu", self.limits.cpu),
        }  # fmt: skip
        found = {"core": 0}
        for name, (kind, most) in wanted.items():
            _, ours = resource.getrlimit(getattr(resource, f"RLIMIT_{kind.upper()}"))  # nobody may raise their own
            if name not in self.without:
                found[kind] = most if ours == resource.RLIM_INFINITY else min(most, ours)
        return found

    def _seen(self, folder: Path) -> dict[Path, str]:
        """Return what the sandbox holds: paths of this machine and where they are seen."""
        python = {Path(sys.prefix), Path(sys.base_prefix), Path(sysconfig.get_path("stdlib")).parents[1]}
        seen = {Path("/usr"): "/usr"} | {path: str(path) for path in python if not path.is_relative_to("/usr")}
        for name in INSIDE:
            seen[ROOT / "autograder" / f"{name}.py"] = f"/course/autograder/{name}.py"
        seen[ROOT / "nnutils"] = "/course/nnutils"
        users = folder / "passwd"
        users.write_text("student:x:1000:1000::/tmp:/bin/sh\n")
        show = {path: place for path, place in self._shown(folder).items() if not place.startswith("/tmp/")}
        return {**seen, users: "/etc/passwd", **show}

    def _files(self, folder: Path) -> dict[Path, str]:
        """Return the files in the private folder: what is shown there, and the list of fonts, which takes seconds."""
        files = {path: f"/tmp/.cache/matplotlib/{path.name}" for path in _fonts()}
        return files | {path: place for path, place in self._shown(folder).items() if place.startswith("/tmp/")}

    def _shown(self, folder: Path) -> dict[Path, str]:
        """Return what is shown; files as copies, since /proc of the sandbox tells where a file comes from."""
        shown = {}
        for number, (path, place) in enumerate(self._show.items()):
            if path.is_file():
                copy = folder / f"{number}"
                if not copy.exists():
                    shutil.copyfile(path, copy)
                path = copy
            shown[path] = place
        return shown

    def watch(self, running: Running) -> Running:
        """Watch over a sandbox from now on, in a thread, and return it."""
        threading.Thread(target=self._watch, args=(running,), daemon=True).start()
        return running

    def _watch(self, running: Running) -> None:
        """End the sandbox when its processes and folders hold too much together."""
        limits, without = self.limits, self.without
        reserve = psutil.virtual_memory().total // 30
        while not running._stop.wait(_WATCH) and running.process.poll() is None:
            try:
                held, files, largest = _usage(running.process.pid, limits.memory // 2)
            except Exception:
                running.kill()  # what cannot be watched does not run
                raise
            running.peak = max(running.peak, held)
            running.full = running.full or max(held, largest) > 0.8 * limits.memory
            if "memory in all" not in without and held > limits.memory:
                running.ended = "memory"
            elif "memory in all" not in without and psutil.virtual_memory().available < reserve:
                running.ended = "memory"  # what no account shows, such as files without a name
            elif "files in all" not in without and files > limits.files:
                running.ended = "files"
            else:
                continue
            running.kill()
            return


def problem() -> str:
    """Return why no sandbox can be made here and what to do, or an empty string when one can."""
    if sys.platform != "linux":
        return "the sandbox needs Linux; grade in a Linux machine, WSL 2 or a virtual machine"
    if missing := [name for name in ("bwrap", "setpriv", "prlimit") if shutil.which(name) is None]:
        package = "bubblewrap" if missing[0] == "bwrap" else "util-linux"
        return f"the program {missing[0]} is missing; install it: sudo apt install {package} (or dnf, pacman, zypper)"
    with tempfile.TemporaryFile() as told:
        try:
            running = Sandbox().start(["-c", "pass"], stderr=told)
        except OSError as error:
            return f"bubblewrap does not start ({error.strerror})"
        try:
            if running.process.wait(60) == 0:
                return ""
        except subprocess.TimeoutExpired:
            return "bubblewrap starts, but Python does not answer within a minute inside it"
        finally:
            running.close()
        told.seek(0)
        reason = told.read().decode(errors="replace").strip().splitlines()
    return (
        f"bubblewrap cannot separate a process here ({reason[-1] if reason else 'it gave no reason'}). The kernel must "
        "allow user namespaces: on Debian `sudo sysctl kernel.unprivileged_userns_clone=1`; on Ubuntu 23.10 and newer "
        "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`; elsewhere `sudo sysctl "
        "user.max_user_namespaces=10000`; in Docker start the container with `--security-opt seccomp=unconfined "
        "--security-opt apparmor=unconfined --security-opt systempaths=unconfined`"
    )


def _is_root() -> bool:
    """Whether this is root and can become somebody else; root of a container without other users is nobody special."""
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    ranges = [(int(first), int(count)) for first, _, count in map(str.split, lines)]
    return os.geteuid() == 0 and any(first <= int(_NOBODY) < first + count for first, count in ranges)


def _mounts(seen: Iterable[tuple[Path, str]], option: str) -> list[str]:
    """Return the options that show these paths; their parents get the mode 0755 (bubblewrap's own choice is 0700)."""
    seen = sorted(seen, key=lambda pair: len(Path(pair[1]).parts))
    parents = {parent for _, place in seen for parent in Path(place).parents} - {Path("/")}
    parents -= {Path("/usr"), Path("/tmp"), Path("/proc"), Path("/dev")}
    parents = {parent for parent in parents if not parent.is_relative_to("/usr")}
    options = [word for parent in sorted(parents) for word in ("--perms", "0755", "--dir", str(parent))]
    for source, place in seen:
        options += [option, str(source), place]
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path(f"/{name}").is_symlink():
            options += ["--symlink", f"usr/{name}", f"/{name}"]
        elif Path(f"/{name}").is_dir():
            options += [option, f"/{name}", f"/{name}"]
    return options


def _fonts() -> list[Path]:
    """Return matplotlib's lists of fonts, made now when there is none."""
    import matplotlib

    folder = Path(matplotlib.get_cachedir())
    if not list(folder.glob("fontlist-*.json")):
        import matplotlib.font_manager
    return sorted(folder.glob("fontlist-*.json"))


def _usage(pid: int, most: int) -> tuple[int, int, int]:
    """Return what the processes below ``pid`` and the folders of their sandbox hold.

    These are: the bytes of all, the files in the folders, and the largest private memory that a process has reserved.
    Pages that processes share count for each of them, which takes the kernel no time; only where that comes to more
    than ``most`` are they told apart, which takes it tens of milliseconds.
    """
    counted = stored = files = largest = 0
    folders: set[int] = set()
    processes: list[Path] = []
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(OSError, ValueError, IndexError):
                about = Path(f"/proc/{process.pid}")
                status = (about / "status").read_text()
                processes.append(about)
                counted += _kilobytes(status, "RssAnon:") + _kilobytes(status, "RssShmem:")
                largest = max(largest, _kilobytes(status, "VmData:"))
                if not (about / "root" / "course").is_dir() or (about / "root" / "nursery").is_dir():
                    continue  # a process of bubblewrap, which still sees this machine's folders or the nursery's
                for place in ("tmp", "dev/shm"):
                    device = os.stat(about / "root" / place).st_dev
                    if device not in folders:
                        folders.add(device)
                        there = os.statvfs(about / "root" / place)
                        stored += (there.f_blocks - there.f_bfree) * there.f_frsize
                        files += there.f_files - there.f_ffree
    if counted + stored > most:
        counted = sum(_kilobytes(_text(about / "smaps_rollup"), "Pss:") for about in processes)
    return counted + stored, files, largest


def _kilobytes(text: str, name: str) -> int:
    """Return a number of kB of a file in /proc as bytes."""
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(name)), 0)


def _text(path: Path) -> str:
    """Return a file of /proc; a process that has ended holds nothing."""
    try:
        return path.read_text()
    except OSError:
        return ""
