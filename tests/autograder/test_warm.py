"""Processes that are forked into sandboxes: what they are, what they see, and that nothing of them is left.

What the sandbox holds back is tried in test_sandbox.py, both ways; the hostile submissions are graded this way.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autograder.sandbox import ENVIRONMENT, Limits, Sandbox
from autograder.student import Sandboxed
from autograder.warm import Nursery, start
from tests.autograder.conftest import ROOT


@pytest.fixture(scope="module")
def bare():
    with Nursery(("numpy",)) as nursery:
        yield nursery


def said(nursery: Nursery, code: str, *arguments: str) -> tuple[str, int]:
    """Return what code in a new sandbox prints, and its exit status."""
    ours, theirs = os.pipe()
    running = start(nursery.place, Sandbox(), code, arguments=arguments, fds={1: theirs})
    os.close(theirs)
    assert running is not None
    try:
        with os.fdopen(ours) as told:
            return told.read(), running.process.wait(30)
    finally:
        running.close()


LOOK = """
import json, os, random, sys
import numpy as np
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps({
    "files": os.listdir("/proc/self/fd"), "folder": os.getcwd(), "environment": dict(os.environ), "argv": sys.argv,
    "read": open("/proc/self/environ").read().split("\\0"), "frame": sys._getframe(1).f_code.co_name,
    "further": sys._getframe(1).f_back is None, "uid": os.getuid(), "threads": status["Threads"].strip(),
    "random": [random.random(), float(np.random.rand())], "main": __name__, "parent": os.getppid(),
}))
"""


def test_what_the_process_finds(bare):
    """Its own folder, files and arguments, the sandbox's environment, and an empty stack above its code."""
    text, code = said(bare, LOOK, "one", "two words")
    found = json.loads(text)
    assert code == 0
    assert sorted(found["files"]) == ["0", "1", "2", "3"]  # 3 is the folder that is listed
    assert (found["folder"], found["argv"], found["main"]) == ("/tmp/work", ["-c", "one", "two words"], "__main__")
    assert {name: found["environment"].get(name) for name in ENVIRONMENT} == ENVIRONMENT
    assert {line.partition("=")[0] for line in found["read"] if line} <= {*ENVIRONMENT, "PWD"}
    assert (found["frame"], found["further"]) == ("<module>", True)
    assert (found["uid"], found["threads"], found["parent"]) == (1000, "1", 0)
    again = json.loads(said(bare, LOOK)[0])
    assert all(a != b for a, b in zip(found["random"], again["random"], strict=True))


def test_its_exit_status_is_told(bare):
    assert said(bare, "raise SystemExit(7)") == ("", 7)
    assert said(bare, "import os; os._exit(77)") == ("", 77)
    assert said(bare, "1 / 0") == ("", 1)
    assert said(bare, "import os; os.kill(os.getpid(), 9)") == ("", 137)


def test_what_it_writes_is_not_there_for_the_next(bare):
    write = "import os\nopen('/tmp/work/x', 'w').close(); open('/dev/shm/x', 'w').close()\nimport numpy; numpy.mark = 1"
    look = "import os, numpy; print(os.listdir('/tmp/work'), os.listdir('/dev/shm'), hasattr(numpy, 'mark'))"
    assert said(bare, write)[1] == 0
    assert said(bare, look) == ("[] [] False\n", 0)


def test_who_kills_all_processes_of_the_sandbox_ends_it_and_no_other(bare):
    told = []
    thread = threading.Thread(target=lambda: told.append(said(bare, "import time; time.sleep(1.5); print('through')")))
    thread.start()
    _, code = said(bare, "import os, time\nos.kill(-1, 9)\ntime.sleep(60)")
    assert code == 137
    thread.join()
    assert told == [("through\n", 0)]


@pytest.mark.parametrize("how", ["closed", "the grader is killed"])
def test_nothing_outlives_the_nursery(how):
    """With a process inside that ignores every signal and has left its session."""
    token = f"outlive-warm-{os.getpid()}-{len(how)}"
    program = (
        "import os, signal, sys, time\n"
        "for number in range(1, 32):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n    except OSError: pass\n"
        "if os.fork() == 0:\n    os.setsid()\n"
        "    os.execv(sys.executable, [sys.executable, '-S', '-c', 'import time; time.sleep(600)', sys.argv[1]])\n"
        "print('up', flush=True)\ntime.sleep(600)"
    )
    script = (
        "import sys\nfrom autograder.sandbox import Sandbox\nfrom autograder.warm import Nursery, start\n"
        "nursery = Nursery(())\n"
        f"running = start(nursery.place, Sandbox(), {program!r}, arguments=[{token!r}], fds={{1: 1}})\n"
        "sys.stdin.readline()\nnursery.close()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, **pipes) as grader:
        assert grader.stdin is not None
        assert grader.stdout is not None
        assert b"up" in grader.stdout.readline()
        assert eventually(lambda: named(token))
        if how == "closed":
            grader.stdin.write(b"\n")
        else:
            grader.kill()
    assert eventually(lambda: not named(token))


def eventually(holds: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(holds())


def named(token: str) -> list[int]:
    """Return the processes that carry the token in their command line, the script that holds it aside."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if token.encode() in words:
            found.append(int(path.parent.name))
    return found


def test_without_a_nursery_python_starts_and_the_answer_is_the_same():
    with Nursery(("numpy",)) as nursery:
        pass
    assert start(nursery.place, Sandbox(), "pass") is None
    for place in (None, nursery.place):
        with Sandboxed("def half(x):\n    return x / 2", nursery=place) as student:
            assert student.call("half", 3.0) == 1.5


def test_a_nursery_that_cannot_import_serves_nobody():
    with Nursery(("no_such_module",)) as nursery:
        assert start(nursery.place, Sandbox(), "pass") is None


def test_where_namespaces_cannot_be_entered_python_starts(bare, monkeypatch):
    """The planted fault: a kind of namespace that the kernel refuses to enter twice."""
    monkeypatch.setattr(Sandbox, "namespaces", lambda self: {"user", "net", "time"})
    assert start(bare.place, Sandbox(), "pass") is None


TRACE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for number in sorted(map(int, filter(str.isdigit, os.listdir("/proc")))):
    if number == os.getpid():
        continue
    attached = libc.ptrace(16, number, 0, 0) == 0
    try:
        open(f"/proc/{number}/mem", "r+b").close()
        opened = True
    except OSError:
        opened = False
    print(number, attached, opened, flush=True)
child = os.fork()
if child == 0:
    import time
    time.sleep(5)
print("own", libc.ptrace(16, child, 0, 0) == 0)
"""


@pytest.mark.parametrize("way", ["cold", "warm"])
def test_the_processes_of_bubblewrap_cannot_be_traced(bare, way):
    """By these a learner could leave the limits, or outlive the sandbox; one's own children may be traced."""
    cell = TRACE.replace("print(", "log(")
    with Sandboxed([f"told = []\nlog = lambda *words, flush=True: told.append(words)\n{cell}\ndef seen(): return told"],
                   nursery=bare.place if way == "warm" else None) as student:  # fmt: skip
        *others, own = student.call("seen")
    assert [words[0] for words in others] == ([1, 2] if way == "warm" else [1])
    assert not any(any(words[1:]) for words in others)
    assert own[1] is True


def test_two_threads_may_wait_for_the_same_end(bare):
    """The grader and the watch do: both are told the same status, and none finds its files closed."""
    for round_ in range(25):
        running = start(bare.place, Sandbox(), f"import os, time; time.sleep(0.0{round_ % 5}); os._exit(77)")
        assert running is not None
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(running.process.wait, [20] * 4)) == [77] * 4
        running.close()


@pytest.mark.parametrize("number", [*range(3, 16), 200])
def test_a_file_gets_the_number_that_is_asked(bare, number):
    """Whatever the keeper itself has open under this number."""
    ours, theirs = os.pipe()
    code = f"import gc, os; gc.collect(); os.write({number}, repr(sorted(os.listdir('/proc/self/fd'))).encode())"
    running = start(bare.place, Sandbox(), code, fds={number: theirs})
    os.close(theirs)
    assert running is not None
    with os.fdopen(ours) as told:
        assert {str(number), "0", "1", "2"} < set(json.loads(told.read().replace("'", '"')))
    running.close()


def test_limits_are_hard(bare):
    code = (
        "import resource\n"
        "print(resource.getrlimit(resource.RLIMIT_NPROC), resource.getrlimit(resource.RLIMIT_CORE))\n"
        "try: resource.setrlimit(resource.RLIMIT_NPROC, (90, 90))\nexcept (ValueError, OSError): print('refused')"
    )
    ours, theirs = os.pipe()
    running = start(bare.place, Sandbox(Limits(processes=17)), code, fds={1: theirs})
    os.close(theirs)
    assert running is not None
    with os.fdopen(ours) as told:
        assert told.read() == "(17, 17) (0, 0)\nrefused\n"
    running.close()
