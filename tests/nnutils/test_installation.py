"""The package as people get it: its wheel among nothing but its declared dependencies runs every example."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]

# The extension runs inside Sphinx, which the extra "course" brings; the command is tried by itself below.
EXAMPLES = """
import doctest, importlib, pkgutil, sys, nnutils

assert nnutils.__file__.startswith(sys.prefix), nnutils.__file__
tried = modules = 0
for module in pkgutil.walk_packages(nnutils.__path__, "nnutils."):
    if module.name in ("nnutils.figures.sphinx_ext", "nnutils.__main__"):
        continue
    failed, attempted = doctest.testmod(importlib.import_module(module.name))
    modules, tried = modules + 1, tried + attempted
    if failed:
        sys.exit(f"{module.name}: {failed} of {attempted} examples failed")
print(f"{tried} examples in {modules} modules hold")
"""

COMMAND = """
import sys
from importlib.metadata import entry_points

(command,) = entry_points(group="console_scripts", name="nnutils")
sys.exit(command.load()(["doctor"]))
"""


def closure(requirements):
    """Names of the distributions that requirements bring, themselves and all that they require, extras as asked."""
    left, found = [(Requirement(line), "") for line in requirements], {}
    while left:
        one, extra = left.pop()
        if one.marker is not None and not one.marker.evaluate({"extra": extra}):
            continue
        name = one.name.lower().replace("_", "-")
        for wanted in {"", *one.extras} - found.setdefault(name, set()):
            found[name].add(wanted)
            left += [(Requirement(line), wanted) for line in importlib.metadata.requires(name) or []]
    return sorted(found)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The package's wheel, built from a copy of its sources: setuptools leaves a folder beside them."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "nnutils", source / "nnutils", ignore=shutil.ignore_patterns("__pycache__"))
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(source)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = target.glob("*.whl")
    return path


def environment(folder, wheel, without=()):
    """Make an environment that holds the wheel and what it declares, linked from here; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "installed_base": sys.base_prefix}))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (about,) = importlib.metadata.distributions(name="training-neural-networks", path=[str(site)])
    for name in set(closure(about.requires)) - set(without):
        for file in importlib.metadata.files(name):
            if ".." not in file.parts and "include" not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                (site / file).symlink_to(file.locate())
    return folder / "bin" / "python"


def run(python, code, folder):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_", "NNUTILS_"))}
    here = {**kept, "NNUTILS_DEVICE": "cpu", "NNUTILS_DATA": str(folder / "data")}
    return subprocess.run([python, "-c", code], cwd=folder, env=here, capture_output=True, text=True)


def test_every_example_runs_among_the_declared_dependencies_alone(wheel, tmp_path):
    python = environment(tmp_path / "empty", wheel)
    done = run(python, EXAMPLES, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    missing = run(python, "import sphinx", tmp_path)
    assert "No module named 'sphinx'" in missing.stderr, "what is not declared is not there"
    doctor = run(python, COMMAND, tmp_path)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "All that the course needs is here" in doctor.stdout
    assert doctor.stderr == ""


def test_a_missing_dependency_stops_the_examples_and_is_named_by_the_doctor(wheel, tmp_path):
    python = environment(tmp_path / "poor", wheel, without=["platformdirs"])
    done = run(python, EXAMPLES, tmp_path)
    assert done.returncode != 0
    assert "No module named 'platformdirs'" in done.stderr
    doctor = run(python, COMMAND, tmp_path)
    assert doctor.returncode == 1
    assert "problem  platformdirs  missing" in doctor.stdout
    assert "not checked, since this needs platformdirs" in doctor.stdout
    assert "Traceback" not in doctor.stdout + doctor.stderr


def test_the_wheel_holds_everything_that_lies_in_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("nnutils/")}
    here = (path for path in (ROOT / "nnutils").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert held == {path.relative_to(ROOT).as_posix() for path in here}
