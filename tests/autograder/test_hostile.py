"""Hostile and broken submissions: each costs what it should, names its cause, and harms nobody else.

The rows are numbered as in the list that this course was given; letters are variants. Every row answers one question of
the lab in miniature, ``half``, in a way that must not pay; the other question, ``descent``, is right and keeps its ten
points. A class of honest students is graded among them.
"""

import io
import json
import os
import re
import shutil
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell

from autograder import classroom, ledger
from autograder.submission import grade_one
from tests.autograder.conftest import LAB, SECRET_IN_TESTS, SOLUTION, hand_in, make_course, submission

LIMITS = "Limits(memory=1536 * 2**20, cell=12, total=120, files=3000, disk=64 * 2**20)"
COURSE_SECRET = "heron_2290"
GOOD, HALF, BOTH = 10.0, 0.0, 15.0
TOKEN = "left_running_5521"


@dataclass
class Row:
    """What a submission holds, and what must come of it."""

    half: str = ""
    """The answer to ``half``; empty: the right one."""
    score: float | tuple[float, ...] = GOOD
    status: str | tuple[str, ...] = "ok"
    message: str = ""
    """A fragment of the row's reason or of the feedback page."""
    change: object = None
    """A function of the notebook, which returns the notebook or the bytes of a file."""
    files: dict[str, bytes] = field(default_factory=dict)
    descent: str = ""
    written: str = "Because it is so."
    seconds: float = 150.0


def answer(body: str, before: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{before}\ndef half(x):\n{lines}\n"


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, *, damage: bool = False) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    raw = bytearray(held.getvalue())
    if damage:
        start = 30 + len(next(iter(entries)))  # the first compressed byte
        raw[start : start + 8] = b"\xff" * 8
    return bytes(raw)


def cell_of(nb, grade_id):
    return next(cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def without_tests(nb):
    nb.cells = [cell for cell in nb.cells if not cell.id.endswith(("_visible", "_hidden"))]
    return nb


def edited_metadata(nb):
    cell_of(nb, "half_visible").metadata.nbgrader.update(grade=False, solution=True, points=100)
    cell_of(nb, "half_hidden").metadata.nbgrader.points = 1000
    cell_of(nb, "descent_hidden").metadata.tags = ["skip-execution"]
    cell_of(nb, "descent").cell_type = "raw"
    return nb


def doubled_and_split(nb):
    index = nb.cells.index(cell_of(nb, "half"))
    again = nbformat.from_dict(json.loads(json.dumps(nb.cells[index])))
    again.source, again.id = "def half(x):\n    raise NotDone()", "copy"
    first, second = "class Nothing:\n    pass", cell_of(nb, "descent").source
    nb.cells[index:index] = [again]
    nb.cells.insert(nb.cells.index(cell_of(nb, "descent")), new_code_cell(first, id="split"))
    cell_of(nb, "descent").source = second
    return nb


def version_3(nb):
    cells = [
        {"cell_type": "code", "language": "python", "input": cell.source, "metadata": cell.metadata, "outputs": [],
         "collapsed": False}
        if cell.cell_type == "code" else {"cell_type": "markdown", "source": cell.source, "metadata": cell.metadata}
        for cell in nb.cells
    ]  # fmt: skip
    return json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells, "metadata": {}}]}
    ).encode()


WRONG = "return x * 3"
FORGE = "import sys\nw = sys.modules['auto' + 'grader.worker']\no, send = w.answer, w.send\n"


def forged(reply: str) -> str:
    """An answer that sends a reply of its own to every question about ``half``."""
    return (
        FORGE
        + f"w.answer = lambda r, n: ({reply}) if w.decode(r).get('question') == 'half' else o(r, n)\n"
        + answer(WRONG)
    )


def many_cells(nb):
    nb.cells += [new_code_cell("1", id=f"m{i}") for i in range(2001)]
    return nb


def odd_numbers(nb):
    made = json.loads(nbformat.writes(nb))
    made["nbformat_minor"] = 4
    made["cells"][0]["id"] = [1]
    made["metadata"] = {"language_info": [], "kernelspec": 3, "course": {"touched": 7}}
    return json.dumps(made).encode()


def doubled_and_deep(nb):
    cell = cell_of(nb, "half")
    again = nbformat.from_dict(json.loads(json.dumps(cell)))
    again.source = cell.source = "x=" + "-" * 60_000 + "1"
    again.id = "copy"
    nb.cells.insert(nb.cells.index(cell), again)
    return nb


def large_heading(nb):
    made = json.loads(version_3(nb))
    heading = {"cell_type": "heading", "level": 4 * 10**8, "source": "x", "metadata": {}}
    made["worksheets"][0]["cells"].append(heading)
    return json.dumps(made).encode()


CHILDREN = """
import os, time
pids = []
for _ in range(8):
    pid = os.fork()
    if pid == 0:
        held = bytearray(400 * 2**20)
        for i in range(0, len(held), 4096):
            held[i] = 1
        time.sleep(30)
        os._exit(0)
    pids.append(pid)
for pid in pids:
    os.waitpid(pid, 0)
return x / 2
"""
READS = f"""
import gc, glob, os, sys
found = []
frame = sys._getframe()
while frame:
    found.append(repr(list(frame.f_locals.items())[:50])[:100000])
    frame = frame.f_back
found += [o for o in gc.get_objects() if type(o) is str and len(o) < 1000000]
paths = glob.glob("/proc/*/environ") + ["/proc/self/mountinfo"]
for folder in ("/course", "/tmp", "/etc", "/work", "/root", "/home"):
    for path in glob.glob(folder + "/*") + glob.glob(folder + "/*/*") + glob.glob(folder + "/*/*/*"):
        if path.endswith((".py", ".ipynb", ".db", "secret")):
            paths.append(path)
for path in paths:
    try:
        found.append(open(path, errors="replace").read())
    except OSError:
        pass
secret = "{SECRET_IN_TESTS[:4]}" + "{SECRET_IN_TESTS[4:]}"
raise RuntimeError("FOUND " + str([text[:300] for text in found if secret in text]))
"""

ROWS = {
    "1 loop": Row(answer("while True:\n    pass"), status="timeout", message="took longer than 12 s"),
    "2 loop that catches everything": Row(
        answer("while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"),
        status="timeout",
        message="took longer than 12 s",
    ),
    "3 hangs in native code": Row(
        answer("import ctypes\nctypes.PyDLL(None).pause()"), status="timeout", message="took longer than 12 s"
    ),
    "3b a loader that waits for ever": Row(
        answer(
            "import torch\nloader = torch.utils.data.DataLoader(range(8), num_workers=1, worker_init_fn=Stop())\n"
            "next(iter(loader))\nreturn x / 2",
            before="class Stop:\n    def __call__(self, number):\n        import time\n        time.sleep(1000)",
        ),
        status="timeout",
        message="took longer than 12 s",
    ),
    "4 endless print": Row(answer("while True:\n    print('spam' * 50)"), status="output", message="printed more than"),
    "5 one long line": Row("print('x' * 30_000_000)\n" + answer("return x / 2"), score=BOTH),
    "5b a large picture": Row(
        "from IPython.display import HTML, display\ndisplay(HTML('<b>' * 10_000_000))\n" + answer("return x / 2"),
        score=BOTH,
    ),
    "6 all memory": Row(
        answer("import torch\nheld = []\nwhile True:\n    held.append(torch.ones(10**7))"),
        status="memory",
        message="more memory than",
    ),
    "6b all memory by many": Row(answer(CHILDREN), status="memory", message="more memory than"),
    "7 fork bomb": Row(
        answer("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"),
        status=("timeout", "crashed", "memory"),
    ),
    "7b thread bomb": Row(
        answer("import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,)).start()"),
        message="can't start new thread",
    ),
    "8 fills the disk": Row(
        answer("n = 0\nwhile True:\n    n += 1\n    open(f'/tmp/{n}', 'wb').write(bytes(2**20))"),
        message="No space left",
    ),
    "8b a million files": Row(
        answer("n = 0\nwhile True:\n    n += 1\n    open(f'/tmp/{n}', 'w').close()"),
        status="output",
        message="more files than",
    ),
    "9 leaves a process": Row(
        answer(
            "import os, sys\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
            f"        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(900)', '{TOKEN}'])\n"
            "    os._exit(0)\nreturn x / 2"
        ),
        score=BOTH,
    ),
    "10 exits": Row(answer("import os\nos._exit(0)"), status="crashed", message="crashed"),
    "10b kills itself": Row(
        answer("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), status="crashed", message="crashed"
    ),
    "10c segfault": Row(answer("import ctypes\nctypes.string_at(0)"), status="crashed", message="crashed"),
    "10d kills from a thread, later": Row(
        "import threading, os\nthreading.Timer(0.2, os._exit, (1,)).start()\n"
        + answer("import time\ntime.sleep(0.5)\nreturn x / 2"),
        status="crashed",
        message="crashed",
    ),
    "11 sys.exit": Row(answer("import sys\nsys.exit()"), message="SystemExit"),
    "11b interrupts": Row(answer("raise KeyboardInterrupt"), message="KeyboardInterrupt"),
    "12 strips asserts": Row(
        "import ast\nclass Strip(ast.NodeTransformer):\n    def visit_Assert(self, node):\n        return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Strip())\n" + answer(WRONG),
        status="tampered",
        message="ast_transformers",
    ),
    "12b strips asserts from the text": Row(
        "get_ipython().input_transformers_cleanup.append(lambda lines: [l for l in lines if 'assert' not in l])\n"
        + answer(WRONG),
        status="tampered",
        message="input_transformers_cleanup",
    ),
    "13 shows a score": Row(
        answer("get_ipython().displayhook(5.0)\nreturn x * 3"), status="tampered", message="displayhook"
    ),
    "14 a formatter for scores": Row(
        "get_ipython().display_formatter.formatters['text/plain'].for_type(object, lambda o, p, c: p.text('5'))\n"
        + answer(WRONG),
        status="tampered",
        message="display_formatter",
    ),
    "15 replaces what compares": Row(
        "import builtins, numpy as np, torch\nyes = lambda *a, **k: True\n"
        "np.allclose = torch.allclose = torch.equal = yes\n"
        "np.testing.assert_allclose = torch.testing.assert_close = yes\nbuiltins.abs = lambda x: 0\n" + answer(WRONG),
        status="tampered",
        message="torch.allclose",
    ),
    "16 patches the shell": Row(
        "ip = get_ipython()\nip.showtraceback = lambda *a, **k: None\nip.run_cell = lambda *a, **k: None\n"
        + answer(WRONG),
        status="tampered",
        message="showtraceback",
    ),
    "16b patches the kernel": Row(
        "get_ipython().kernel.do_execute = None\n" + answer(WRONG), status="tampered", message="do_execute"
    ),
    "17 a tensor that says yes": Row(
        "import torch\nclass Yes(torch.Tensor):\n    @classmethod\n"
        "    def __torch_function__(cls, f, types, args=(), kwargs=None):\n        return True\n"
        "    def __eq__(self, other):\n        return True\n" + answer("return (x * 3).as_subclass(Yes)"),
    ),
    "17b a number that says yes": Row(
        "class Yes(float):\n    def __eq__(self, other):\n        return True\n"
        "    def __sub__(self, other):\n        return 0.0\n    __rsub__ = __sub__\n" + answer("return Yes(7)"),
    ),
    "18 not a number": Row(answer("return x * float('nan')"), message="wrong value"),
    "19 files that shadow packages": Row(
        score=BOTH,
        status="repaired",
        message="torch.py was ignored",
        files={"numpy.py": b"raise SystemExit", "torch.py": b"def equal(*a): return True", "conftest.py": b"1/0"},
    ),
    "20 looks for the tests": Row(answer(READS), status="tampered", message="FOUND []"),
    "20b reads its own cells": Row(answer("raise RuntimeError(str(In)[:3000])"), message="RuntimeError"),
    "21 sends secrets out": Row(
        answer(
            "import os, socket\nsocket.setdefaulttimeout(3)\nfor host in ('1.1.1.1', '127.0.0.1', 'localhost'):\n"
            "    try:\n        socket.create_connection((host, 53))\n        return x / 2\n    except OSError:\n"
            "        pass\nraise RuntimeError(str(dict(os.environ)))"
        ),
        message="RuntimeError",
    ),
    "22 writes the gradebook": Row(
        answer("import sqlite3\nsqlite3.connect(GRADING + '/gradebook.db').execute('delete from grade')\nreturn x / 2"),
        message="unable to open database file",
    ),
    "23 deletes the others": Row(
        answer("import shutil\nshutil.rmtree(GRADING + '/submitted')\nreturn x / 2"), message="FileNotFoundError"
    ),
    "24 links": Row(score=BOTH, status="repaired", message="is a link and was refused"),
    "25 zip bomb": Row(
        score=0,
        status="malformed",
        message="more than",
        files={"work.zip": zipped({f"{LAB}.ipynb": bytes(201 * 2**20)})},
    ),
    "25b nested zip": Row(
        score=0,
        status="malformed",
        message="expected one",
        files={"work.zip": zipped({"inner.zip": zipped({f"{LAB}.ipynb": b"{}"})})},
    ),
    "25c names that climb": Row(
        score=0, status="malformed", message="leads out of it", files={"work.zip": zipped({f"../{LAB}.ipynb": b"{}"})}
    ),
    "25d an honest zip": Row(score=BOTH),
    "25e a zip with more": Row(score=BOTH, status="repaired", message="Only the notebook was taken from work.zip"),
    "26 knows the visible test": Row(
        answer("import os\nif 'NBGRADER_EXECUTION' not in os.environ:\n    return 2.0\nreturn 2.0"),
        status="tampered",
        message="on other inputs",
    ),
    "27 calls what is refused": Row(
        score=5.0, descent="import torch\nDescent = torch.optim.SGD", message="torch.optim is refused"
    ),
    "27b calls it through a back door": Row(
        score=5.0,
        descent="import importlib\nparts = ['torch', 'optim']\ndef Descent(params, lr):\n"
        "    return importlib.import_module('.'.join(parts)).SGD(params, lr=lr)",
        message="is refused",
    ),
    "28 tests deleted": Row(score=BOTH, change=without_tests, status="repaired", message="was missing"),
    "29 metadata edited": Row(score=BOTH, change=edited_metadata, status="repaired", message="settings of the cell"),
    "30 cells doubled and split": Row(score=BOTH, change=doubled_and_split, status="repaired", message="2 times"),
    "31 cut off": Row(
        score=0, status="malformed", message="cut off", change=lambda nb: nbformat.writes(nb).encode()[:900]
    ),
    "31b UTF-16": Row(
        score=0, status="malformed", message="UTF-8", change=lambda nb: nbformat.writes(nb).encode("utf-16")
    ),
    "31c empty": Row(score=0, status="malformed", message="empty", change=lambda nb: b""),
    "31d a script": Row(score=0, status="malformed", message="there is only answer.py", files={"answer.py": b"x"}),
    "31e an old version": Row(score=BOTH, status=("ok", "repaired"), change=version_3),
    "33 warns and shows progress": Row(
        answer(
            "import sys, warnings\nfrom tqdm import tqdm\nwarnings.warn('slow')\n"
            "for _ in tqdm(range(20), file=sys.stderr):\n    pass\nreturn x / 2"
        ),
        score=BOTH,
    ),
    "34 a script in the page": Row(
        "from IPython.display import HTML, display\ndisplay(HTML('<script>alert(1)</script>'))\n"
        "print('<svg onload=alert(1)>')\n" + answer("raise ValueError('<script>alert(2)</script>')"),
        written="<script>alert(3)</script> <img src=x onerror=alert(4)>",
        message="ValueError",
    ),
    "35 =1+1": Row(score=BOTH),
    "35b Doe, Jr": Row(score=BOTH, files={"timestamp.txt": b"1999-01-01 00:00:00 UTC"}),
    "36 deep nesting": Row("nested = " + "-" * 60_000 + "1\n" + answer("return x / 2"), status=("ok", "memory")),
    # by somebody who had read the source; the first of these broke an earlier version
    "40 a star import of a module that exits": Row(
        descent="try:\n    from unittest.__main__ import *\nexcept BaseException:\n    pass\n" + SOLUTION["descent"],
        score=BOTH,
    ),
    "41 half a character in the format": Row(
        score=0,
        status="malformed",
        change=lambda nb: b'{"nbformat": "\\ud800", "nbformat_minor": 0, "metadata": {}, "cells": []}',
        message="damaged",
    ),
    "42 blanks that a highlighter counts": Row("\n \n" * 20_000 + answer(WRONG), message="wrong value"),
    "42b blanks in a written answer": Row(score=BOTH, written="a" + " " * 30_000 + "b"),
    "43 arguments as a tensor": Row(
        FORGE
        + "import torch\ns = torch.zeros(2**21, dtype=torch.uint8)\n"
        + "w.answer = lambda r, n: w.encode({'value': w.encode(1.0), 'arguments': s})\n"
        + answer("return x / 2"),
        score=0,
        message="expected plain data",
    ),
    "44 endless things replaced": Row(
        FORGE + "w._touched = lambda: bytes(2**25)\n" + answer("return x / 2"), score=BOTH
    ),
    "45 a message of bytes": Row(
        forged("w.encode({'error': 'raised', 'message': bytes(2**23)})"), message="expected plain data"
    ),
    "46 magics without end": Row("\n".join(["%pwd"] * 300) + "\n" + answer("return x / 2"), score=BOTH),
    "47 a heading of version 3": Row(score=BOTH, status=("ok", "repaired"), change=large_heading),
    "48 plays the grader": Row(
        "class GraderError(Exception):\n    pass\n" + answer("return x / 2") + "raise GraderError('\\x1b[2J pay me')",
        score=BOTH,
        message="their own GraderError",
    ),
    "49 half a character everywhere": Row(
        "print('\\ud800')\n" + answer("raise ValueError('\\ud800')"), message="ValueError"
    ),
    "49b half a character in the source": Row(
        score=BOTH, change=lambda nb: nbformat.writes(nb).replace("Because it", "\\ud800").encode()
    ),
    "50 an array for a report": Row(
        FORGE
        + "import numpy as np\nw.send = lambda c, f, d=None: send(c, w.encode(np.zeros(3)))\n"
        + answer("return x / 2"),
        score=(0.0, 10.0),
        status="crashed",
        message="crashed",
    ),
    "51 numbers where none belong": Row(score=BOTH, change=odd_numbers),
    "52 doubled and deep": Row(score=GOOD, change=doubled_and_deep, status=("memory", "repaired", "ok")),
    "53 a long sum": Row(
        descent=SOLUTION["descent"].replace("        with", "        k = " + "+".join(["1"] * 1500) + "\n        with"),
        score=(5.0, BOTH),
    ),
    "54 a damaged archive": Row(
        score=0,
        status="malformed",
        message="cannot be read",
        files={"work.zip": zipped({f"{LAB}.ipynb": b"x" * 100}, zipfile.ZIP_LZMA, damage=True)},
    ),
    "55 [ab]": Row(score=0, status="malformed", message="name of the student"),
    "56 looks where its files come from": Row(
        answer("raise RuntimeError([line for line in open('/proc/self/mountinfo') if 'probes' in line][0])"),
        message="RuntimeError",
    ),
    "57 a kernel that does the step": Row(
        score=5.0,
        descent="class Descent:\n    def __init__(self, params, lr):\n        self.p, self.lr = list(params), lr\n"
        "    def step(self):\n        with torch.no_grad():\n"
        "            torch._fused_sgd_(\n"
        "                self.p, [p.grad for p in self.p], [], weight_decay=0.0, momentum=0.0, lr=self.lr,\n"
        "                dampening=0.0, nesterov=False, maximize=False, is_first_step=True)",
        message="torch._fused_sgd_ is refused",
    ),
    "60 claims a frame of a terabyte": Row(
        FORGE + "w.send = lambda c, f, d=None: c.sendall((2**40).to_bytes(8, 'big'))\n",
        score=(0.0, 10.0),
        status="crashed",
        message="crashed",
    ),
    "61 a frame of garbage": Row(forged("b'x' * 20"), message="shorter than its header"),
    "62 a frame nested a million deep": Row(
        forged("(10**6).to_bytes(8, 'big') + b'[' * 10**6"), message="damaged frame"
    ),
    "63 an array of objects": Row(
        forged("(lambda h: len(h).to_bytes(8, 'big') + h + bytes(8))(b'[\"array\",\"O\",[1],0,8]')"),
        message="an array of another dtype",
    ),
    "64 lies about its class": Row(
        "class Liar:\n    __class__ = property(lambda s: float)\n    def __float__(s):\n        return 1.0\n"
        + answer("return Liar()"),
        message="returned a Liar",
    ),
    "65 a number of 100000 digits": Row(answer("return 10**100000"), message="more than 4000 digits"),
    "66 a list that holds itself": Row(answer("a = []\na.append(a)\nreturn a"), message="nested deeper than 40"),
    "67 a class whose name raises": Row(
        "class M(type):\n    __name__ = property(lambda s: 1 / 0)\nclass E(Exception, metaclass=M):\n    pass\n"
        + answer("raise E()"),
        status="crashed",
        message="crashed",
    ),
    "68 an error that exits when told": Row(
        "class E(Exception):\n    def __str__(self):\n        raise SystemExit\n" + answer("raise E()"),
        message="half raised E",
    ),
    "69 nothing in the source": Row("k = '\0'\n" + answer("return x / 2"), message="null bytes"),
    "70 two thousand cells": Row(score=0, status="malformed", change=many_cells, message="more than 2000 cells"),
}
"""Every row of the list but 32, which needs two gradings and has a test of its own."""

HONEST = ("ada", "bertha", "zoe")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course whose class holds every row, graded once: grading folder, row of grades by name, results by name."""
    root = make_course(tmp_path_factory.mktemp("hostile"))
    with (root / "nbgrader_config.py").open("a") as file:
        file.write(f"c.ExecuteApart.limits = {LIMITS}\n")
    grading = root / "grading"
    for student in HONEST:
        hand_in(grading, student, submission())
    for name, row in ROWS.items():
        _hand_in(grading, name, row)
    before = _everything(grading / "submitted")
    results = {}

    def keep(done, number):
        for result in done:
            results[result.student] = result
            yield result

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_SECRET", COURSE_SECRET)
        rows = classroom.grade(LAB, grading=grading, root=root, progress=keep)
    assert _everything(grading / "submitted") == before, "grading changed what was handed in"
    return grading, {row.student: row for row in rows}, results


def _hand_in(grading: Path, name: str, row: Row) -> None:
    answers = {"half": row.half.replace("GRADING", repr(str(grading)))} if row.half else {}
    answers |= {"descent": row.descent} if row.descent else {}
    nb = submission(answers, row.written)
    folder = grading / "submitted" / name / LAB
    if name.startswith(("25d", "25e")):
        more = {"handed in/more.txt": b"x"} if name.startswith("25e") else {}
        row.files = {"work.zip": zipped({f"handed in/{LAB}.ipynb": nbformat.writes(nb).encode(), **more})}
    if row.score or not row.files:
        made = row.change(nb) if row.change else nb
        hand_in(grading, name, made)
    folder.mkdir(parents=True, exist_ok=True)
    if "work.zip" in row.files:
        (folder / f"{LAB}.ipynb").unlink(missing_ok=True)
    for file, data in row.files.items():
        (folder / file).write_bytes(data)
    if name == "24 links":
        (folder / "gradebook.db").symlink_to(grading / "gradebook.db")
        (folder / "data.csv").symlink_to("/etc/passwd")
        (folder / "home").symlink_to(Path.home())


def _everything(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.is_symlink()
    }


def page(grading: Path, name: str) -> str:
    return (grading / "feedback" / name / LAB / f"{LAB}.html").read_text()


@pytest.mark.parametrize("name", ROWS)
def test_a_submission_gets_the_marks_the_status_and_the_message_that_are_due(graded, name):
    grading, rows, results = graded
    row, expected = rows[name], ROWS[name]
    statuses = (expected.status,) if isinstance(expected.status, str) else expected.status
    scores = expected.score if isinstance(expected.score, tuple) else (expected.score,)
    assert (row.score in scores, row.status in statuses) == (True, True), row
    assert expected.message in row.reason + re.sub(r"<[^>]+>", "", page(grading, name)).replace("&#39;", "'"), row
    assert results[name].seconds < expected.seconds
    assert results[name].peak < 3 * 2**30
    assert results[name].grader_peak < 1.5 * 2**30


@pytest.mark.parametrize("name", [*ROWS, *HONEST])
def test_nothing_leaks(graded, name):
    grading, rows, _ = graded
    told = rows[name].reason + page(grading, name)
    for secret in (
        SECRET_IN_TESTS,
        COURSE_SECRET,
        "COURSE_",
        "NBGRADER",
        str(grading.parent),
        os.path.expanduser("~/"),
    ):
        written = name.startswith(("26", "22", "23", "20")) and secret in (
            "NBGRADER",
            str(grading.parent),
            SECRET_IN_TESTS,
        )
        if not written:  # their own code, which the page shows, names it
            assert secret not in told, secret
    assert "<script" not in told
    assert not re.search(r"<[a-zA-Z][^>]*\son[a-z]+\s*=", told), "a tag that acts"


@pytest.mark.parametrize("name", HONEST)
def test_the_neighbours_are_unharmed(graded, name):
    grading, rows, results = graded
    assert (rows[name].score, rows[name].status, rows[name].reason) == (BOTH, "ok", "")
    assert results[name].seconds < 60
    with closing(sqlite3.connect(grading / "gradebook.db")) as book:
        (total,) = book.execute(
            "select sum(grade.auto_score) from grade join submitted_notebook n on grade.notebook_id = n.id "
            "join submitted_assignment a on n.assignment_id = a.id where a.student_id = ?", (name,)
        ).fetchone()  # fmt: skip
    assert total == BOTH


def test_nothing_is_left_running(graded):
    assert [words for process in psutil.process_iter() if TOKEN in (words := _cmdline(process))] == []


def _cmdline(process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_the_ledger_and_the_table_hold_everybody(graded):
    grading, rows, _ = graded
    records = ledger.latest(grading)
    assert {record.student for record in records} == set(rows) == {*ROWS, *HONEST}
    assert ledger.broken(grading) == []
    assert all(
        record.received.startswith("20") and "1999" not in record.received for record in records if record.sha256
    )
    table = (grading / "grades.csv").read_text()
    assert "'=1+1" in table.replace("35 ", "'") or "35 =1+1" in table


def test_names_are_quoted_and_no_formula(tmp_path):
    root = make_course(tmp_path)
    for student in ("=1+1", "Doe, Jr"):
        hand_in(root / "grading", student, b"")
    classroom.grade(LAB, grading=root / "grading", root=root)
    table = (root / "grading" / "grades.csv").read_text()
    assert "\n'=1+1," in table
    assert '\n"Doe, Jr",' in table


def test_a_second_grading_finds_the_same(graded, tmp_path):
    """Some of the rows, graded again in a new folder: the same ledger but for times."""
    grading, _, _ = graded
    names = ["ada", "10 exits", "15 replaces what compares", "31 cut off", "24 links"]
    for name in names:
        target = tmp_path / "submitted" / name
        shutil.copytree(grading / "submitted" / name, target, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_SECRET", COURSE_SECRET)
        classroom.grade(LAB, grading=tmp_path, root=grading.parent)
    assert _facts(tmp_path, names) == _facts(grading, names)


def _facts(folder: Path, names: list[str]) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    times = ("finished", "seconds", "received", "previous")
    return [{k: v for k, v in line.items() if k not in times} for line in lines if line["student"] in names]


def test_row_32_a_crash_after_a_good_attempt_replaces_it(tmp_path):
    root = make_course(tmp_path)
    grading = root / "grading"
    hand_in(grading, "ada", submission())
    assert classroom.grade(LAB, grading=grading, root=root)[0].score == BOTH
    crash = submission({name: f"import os\nos._exit(1)\n{text}" for name, text in {"half": "", "descent": ""}.items()})
    hand_in(grading, "ada", crash)
    (row,) = classroom.grade(LAB, grading=grading, root=root)
    assert (row.score, row.status) == (0.0, "crashed")
    assert [record.status for record in ledger.read(grading)] == ["ok", "crashed"]


def test_a_strange_name_of_a_student_is_refused(tmp_path):
    result = grade_one("a\nb", LAB, str(tmp_path), str(tmp_path), None)
    assert result.status == "malformed"
    assert "cannot be used" in result.reason
