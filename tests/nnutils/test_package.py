"""The package as a whole: who imports whom, what an import costs and does, how much of it the tests reach."""

import ast
import functools
import graphlib
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

import nnutils

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "nnutils"
ROOMS = sorted(module.name for module in pkgutil.iter_modules(nnutils.__path__) if module.name != "__main__")
MODULES = [module.name for module in pkgutil.walk_packages(nnutils.__path__, "nnutils.")]
BIG = ["torch", "numpy", "matplotlib.font_manager"]
HEAVY = ["torchvision", "sklearn", "scipy", "matplotlib", "IPython", "ipywidgets", "tensorboard"]

#: Rooms from the bottom up; the modules of a room that is a folder have its layer. A module imports from lower layers,
#: and within its layer never in a circle. ``nnutils`` itself lists the rooms for type checkers, so that no room
#: imports from it; only the command does.
LAYERS = [
    ["arguments", "device"],
    ["data"],
    [
        *("activations", "autograd", "blocks", "init", "losses"),
        *("normalization", "optim", "regularization", "schedules"),
    ],
    ["checkpoints", "flat", "history", "steps"],
    ["stacked", "train"],
    ["diagnostics", "evaluate", "interpret", "search", "tensorboard"],
    ["checks", "plots"],
    ["figures"],
    ["doctor"],
    ["nnutils"],
    ["__main__"],
]
FOREIGN = ("autograder", "tests")
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}


def height(module):
    return HEIGHT.get(module.partition(".")[0])


def module_names(package):
    """Every module of a package by its name below it; the package itself is called ``nnutils``."""
    names = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "nnutils"] = path
    return names


def imports(path, package, known):
    """Names of the modules of the package, or of foreign ones, that a module imports anywhere in its text."""
    below = path.relative_to(package.parent).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            sources = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(below[: len(below) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, [base, node.module]))
            inside = [f"{source}.{alias.name}" for alias in node.names]
            sources = [name if name.removeprefix("nnutils.") in known else source for name in inside]
        else:
            continue
        for source in sources:
            if source.partition(".")[0] in ("nnutils", *FOREIGN):
                yield source.removeprefix("nnutils.")


def import_faults(package):
    """What is wrong with the imports of a package, one sentence each."""
    known, faults, beside = module_names(package), [], {}
    for name, path in known.items():
        if height(name) is None:
            faults.append(f"{name} has no layer: say in LAYERS of {Path(__file__).name} where it belongs")
            continue
        for other in sorted(set(imports(path, package, known))):
            if other.partition(".")[0] in FOREIGN:
                faults.append(f"{name} imports {other}, which is not installed with nnutils")
            elif height(other) is not None and height(other) > height(name):
                faults.append(f"{name} imports {other}, which is above it")
            elif height(other) == height(name):
                beside.setdefault(name, set()).add(other)
    try:
        graphlib.TopologicalSorter(beside).prepare()
    except graphlib.CycleError as circle:
        names = circle.args[1][:-1]
        first = names.index(min(names))
        faults.append(f"a circle: {' imports '.join([*names[first::-1], *names[:first:-1], names[first]])}")
    return faults


def test_imports_between_rooms_go_down_and_never_in_a_circle():
    assert import_faults(PACKAGE) == []
    assert set(HEIGHT) == {name.partition(".")[0] for name in module_names(PACKAGE)}


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ({"device.py": "import nnutils.plots"}, "device imports plots, which is above it"),
        ({"device.py": "def f():\n    from nnutils import plots"}, "device imports plots, which is above it"),
        (
            {"init.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nnutils.train import fit"},
            "init imports train, which is above it",
        ),
        ({"data.py": "from . import train"}, "data imports train, which is above it"),
        ({"plots.py": "from .figures import still"}, "plots imports figures.still, which is above it"),
        ({"figures/output.py": "from ..doctor import report"}, "figures.output imports doctor, which is above it"),
        (
            {"figures/__init__.py": "from .graph import draw", "figures/graph.py": "from . import COLORS"},
            "a circle: figures imports figures.graph imports figures",
        ),
        ({"data.py": "from nnutils import __version__"}, "data imports nnutils, which is above it"),
        (
            {"init.py": "from nnutils import optim", "optim.py": "import nnutils.init as start"},
            "a circle: init imports optim imports init",
        ),
        ({"cellar.py": ""}, "cellar has no layer: say in LAYERS of test_package.py where it belongs"),
        ({"train.py": "from autograder import grade"}, "train imports autograder, which is not installed with nnutils"),
        ({"train.py": "def f():\n    import tests.notebooks"}, "train imports tests.notebooks, which is not"),
    ],
)  # fmt: skip
def test_a_planted_import_is_found(tmp_path, planted, fault):
    package = tmp_path / "nnutils"
    files = [f"{name}.py" for name in HEIGHT if name not in ("nnutils", "figures")]
    for name in ["__init__.py", "figures/__init__.py", "figures/still.py", "figures/graph.py", *files]:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("")
    assert import_faults(package) == []
    for name, text in planted.items():
        (package / name).write_text(text)
    (found,) = import_faults(package)
    assert found.startswith(fault)


def page_faults(course):
    """What is wrong with the pages about the rooms: each has one, in the book, and the overview leads to it."""
    pages = course / "chapters" / "api"
    contents, overview = (course / "_toc.yml").read_text(), (pages / "index.md").read_text()
    for room in ROOMS:
        page = pages / f"{room}.md"
        if not page.exists() or f".. automodule:: nnutils.{room}\n" not in page.read_text():
            yield f"{room} has no page {page.relative_to(course)} with its automodule"
        if f"- file: chapters/api/{room}\n" not in contents:
            yield f"{room} is not in _toc.yml"
        if f"{{doc}}`{room}`" not in overview:
            yield f"{room} is not in chapters/api/index.md"
    for page in sorted(pages.glob("*.md")):
        if page.stem not in [*ROOMS, "index"]:
            yield f"{page.relative_to(course)} is about no room"


def test_each_room_has_a_page_in_the_book():
    assert list(page_faults(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "text", "instead", "fault"),
    [
        ("chapters/api/optim.md", "automodule:: nnutils.optim", "automodule:: nnutils.data", "optim has no page"),
        ("_toc.yml", "chapters/api/optim\n", "chapters/api/adam\n", "optim is not in _toc.yml"),
        ("chapters/api/index.md", "{doc}`optim`", "`optim`", "optim is not in chapters/api/index.md"),
        ("chapters/api/attic.md", "", "# attic", "chapters/api/attic.md is about no room"),
    ],
)
def test_a_room_without_a_page_is_found(tmp_path, file, text, instead, fault):
    shutil.copytree(ROOT / "chapters" / "api", tmp_path / "chapters" / "api")
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    path = tmp_path / file
    path.write_text(path.read_text().replace(text, instead) if path.exists() else instead)
    (found,) = page_faults(tmp_path)
    assert found.startswith(fault)


def python(*arguments, path=()):
    """Run a fresh Python that finds this package and the folders of ``path``; return the finished process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *map(str, path)])}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)


LOOK = """
import importlib, json, os, sys, threading
events = []
sys.addaudithook(lambda event, arguments: events.append(event) if event.startswith("socket.") else None)
for name in sys.argv[1:]:
    importlib.import_module(name)
tasks = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0
print(json.dumps({
    "modules": sorted(sys.modules), "events": events, "tasks": tasks,
    "threads": [thread.name for thread in threading.enumerate()],
}))
"""


def look(*modules, path=()):
    """What a fresh process holds after importing modules: modules, sockets that were used, threads."""
    done = python("-c", LOOK, *modules, path=path)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def heavy(*modules, path=()):
    loaded = look(*modules, path=path)["modules"]
    return [name for name in HEAVY if name in loaded]


@functools.cache
def big():
    return look(*BIG)


def started(*modules, path=()):
    """Sockets and threads that importing modules gives beyond those of the big packages themselves."""
    before, after = big(), look(*BIG, *modules, path=path)
    more = [name for name in after["threads"] if name not in before["threads"]]
    return [*after["events"], *more, *["thread"] * (after["tasks"] - before["tasks"])]


def test_importing_nnutils_loads_nothing_but_itself():
    done = python("-X", "importtime", "-c", "import nnutils")
    rows = re.findall(r"import time: +\d+ \| +(\d+) \| +(\S+)", done.stderr)
    loaded = {name: int(microseconds) for microseconds, name in rows}
    assert "nnutils" in loaded
    print(f"import nnutils: {loaded['nnutils']} microseconds")
    assert [name for name in loaded if name.partition(".")[0] in ("torch", "numpy", *HEAVY)] == []
    assert [name for name in loaded if name.startswith("nnutils.")] == []


def test_importing_rooms_loads_no_heavy_package():
    light = [f"nnutils.{room}" for room in ROOMS if room not in ("plots", "figures")]
    assert heavy("nnutils", *light) == []


def test_importing_every_room_uses_no_socket_and_starts_no_thread():
    assert started("nnutils", *(name for name in MODULES if name != "nnutils.__main__")) == []


SLEEP = "import threading, time, _thread\nsleep = time.sleep, (9,)\n"


@pytest.mark.parametrize(
    ("text", "check", "found"),
    [
        ("import sklearn", heavy, "sklearn"),
        ("import socket; socket.socket().close()", started, "socket.__new__"),
        ("import socket\nsocket.getaddrinfo('127.0.0.1', 80)", started, "socket.getaddrinfo"),
        (f"{SLEEP}threading.Thread(None, *sleep[:1], 'planted', sleep[1], daemon=True).start()", started, "planted"),
        (f"{SLEEP}_thread.start_new_thread(*sleep); time.sleep(0.1)", started, "thread"),
    ],
    ids=["heavy package", "socket", "name looked up", "thread", "thread that Python does not list"],
)
def test_a_planted_import_that_does_more_is_caught(tmp_path, text, check, found):
    (tmp_path / "scratch_room.py").write_text(text)
    assert found in check("scratch_room", path=[tmp_path])


def test_a_room_is_there_on_first_use():
    code = (
        "import nnutils, sys; nnutils.optim.Adam; print('nnutils.optim' in sys.modules, 'nnutils.train' in sys.modules)"
    )
    assert python("-c", code).stdout == "True False\n"


def test_the_rooms_are_listed_where_people_and_tools_look():
    assert nnutils.__all__ == ROOMS
    assert set(ROOMS) <= set(dir(nnutils))
    (block,) = [node for node in ast.parse((PACKAGE / "__init__.py").read_text()).body if isinstance(node, ast.If)]
    assert [alias.name for alias in block.body[0].names] == ROOMS, "what type checkers see"
    code = "import nnutils, sys; dir(nnutils); print([name for name in sys.modules if name.startswith('nnutils.')])"
    assert python("-c", code).stdout == "[]\n"


def test_an_unknown_room_is_refused_with_the_nearest_name():
    with pytest.raises(AttributeError, match=r"^nnutils: got 'optimm', expected one of .*; did you mean 'optim'\?$"):
        nnutils.optimm  # noqa: B018
    with pytest.raises(AttributeError, match=r"expected one of [\w, ]+$"):
        nnutils.zzz  # noqa: B018
    last = python("-c", "import nnutils; nnutils.optimm").stderr.splitlines()[-1]
    assert last.count("id you mean") == 1
    assert not hasattr(nnutils, "__wrapped__")


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert nnutils.__version__ == project["version"]


@pytest.mark.parametrize(("calls", "enough"), [(["f(1)"], False), (["f(1)", "f(0)"], True)])
def test_a_half_covered_module_does_not_pass_the_gate(tmp_path, calls, enough):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    texts = {
        "nnutils/__init__.py": "",
        "nnutils/half.py": """
            from typing import TYPE_CHECKING

            if TYPE_CHECKING:
                from collections.abc import Iterator, Mapping
            def f(x):
                if x:
                    return 1
                return 2
        """,
        "tests/nnutils/test_half.py": "from nnutils.half import f\ndef test_f(): " + "; ".join(calls),
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))
    # the command of `make test` itself, without its second process
    (command,) = re.findall(r"@python (-m pytest .*--cov)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    arguments = command.replace("-n 2", "-n 0").split()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert (done.returncode == 0) == enough
    assert ("FAIL Required test coverage of 95.0% not reached" in done.stdout) != enough
    assert ("nnutils/half.py" in done.stdout) != enough
