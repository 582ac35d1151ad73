"""Is this machine ready for the course? What ``nnutils doctor`` looks at, and what it says.

The contract that all checks share: a check yields findings, one for each thing that it looked at, and raises nothing,
changes nothing and touches no network. What would stop a chapter or a lab is a ``problem`` and comes with what to do;
what only limits them is a ``note``. The ranges of versions are those that the installed package itself declares.
Nothing is imported here before it is needed, so that the doctor also speaks where PyTorch is missing.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["Finding", "examine", "report"]

_DISTRIBUTION = "training-neural-networks"
_MODULES = {"scikit-learn": "sklearn"}
_MEGABYTES = {"fashion_mnist": 31, "mnist": 12}
_WIDTH = 80

# One process imports them all and says after each how it went: what kills the process is then named, too.
_IMPORT = """
import importlib, json, os, sys
told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for name in sys.argv[1:]:
    fault = None
    try:
        module = importlib.import_module(name)
        if name == "torchvision":
            import torch
            module.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)
    except BaseException as error:
        fault = f"{type(error).__name__}: {error}"
    print(json.dumps(fault), file=told, flush=True)
"""


@dataclass(frozen=True)
class Finding:
    """What one check found; as text a line or a few, at most 80 columns wide where words allow it.

    Parameters
    ----------
    status : {"ok", "note", "problem"}
        Only a problem keeps chapters or labs from running.
    what : str
        The thing that was looked at.
    text : str
        What was found.
    advice : str
        What to do; empty where there is nothing to do.

    Examples
    --------
    >>> print(Finding("problem", "tqdm", "missing, nnutils needs >=4.66", 'python -m pip install "tqdm>=4.66"'))
    problem  tqdm          missing, nnutils needs >=4.66
                           do: python -m pip install "tqdm>=4.66"
    """

    status: Literal["ok", "note", "problem"]
    what: str
    text: str
    advice: str = ""

    def __str__(self) -> str:
        margin = f"{self.status:<8} {self.what:<13} "
        parts = [(margin, self.text), (" " * len(margin) + "do: ", self.advice)]
        options: dict[str, Any] = {"width": _WIDTH, "break_long_words": False, "break_on_hyphens": False}
        lines = (
            textwrap.wrap(text, initial_indent=start, subsequent_indent=" " * len(start), **options)
            for start, text in parts
        )
        return "\n".join(chain.from_iterable(lines))


def examine() -> Iterator[Finding]:
    """Yield what is found, check by check, as soon as it is known.

    Examples
    --------
    >>> next(examine()).what
    'Python'
    """
    yield Finding("ok", "Python", f"{platform.python_version()}, {sys.executable}")
    faults: dict[str, str] = {}
    yield from _careful("packages", _packages(faults))
    for what, check, needs in (
        ("device", _device, {"torch", "numpy"}),
        ("data folder", _folder, {"torch", "numpy", "platformdirs"}),
        ("data", _made, {"torch", "numpy", "platformdirs", "sklearn"}),
        ("data", _images, {"torch", "numpy", "platformdirs", "torchvision"}),
        ("figures", _figures, {"torch", "numpy", "anywidget", "ipywidgets", "matplotlib"}),
    ):
        if missing := sorted(needs & faults.keys()):
            yield Finding("note", what, f"not checked, since this needs {', '.join(missing)}")
        else:
            yield from _careful(what, check())


def report(findings: Iterable[Finding] | None = None) -> int:
    """Print the findings, by default those of ``examine``, and return 1 if there is a problem among them, otherwise 0.

    Examples
    --------
    >>> report([Finding("ok", "tqdm", "4.70.1, nnutils needs >=4.66")])
    ok       tqdm          4.70.1, nnutils needs >=4.66
    <BLANKLINE>
    All that the course needs is here.
    0
    """
    count = dict.fromkeys(("ok", "note", "problem"), 0)
    for finding in examine() if findings is None else findings:
        count[finding.status] += 1
        print(finding, flush=True)
    problems, notes = count["problem"], count["note"]
    aside = f" ({_number(notes, 'note')})" if notes else ""
    print(f"\n{_number(problems, 'problem') if problems else 'All that the course needs is here'}{aside}.")
    return 1 if problems else 0


def _careful(what: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the findings of a check; turn an error of any kind into a finding."""
    try:
        yield from findings
    except Exception as error:
        yield Finding("problem", what, f"the check stopped at {_short(error)}", "report it, with all of these lines")


def _packages(faults: dict[str, str]) -> Iterator[Finding]:
    """Check every package that nnutils declares; ``faults`` takes, by module, why one cannot be imported."""
    try:
        from packaging.requirements import Requirement
        from packaging.specifiers import SpecifierSet
    except ImportError:
        yield Finding("problem", "packaging", "missing, versions cannot be compared", "python -m pip install packaging")
        return
    try:
        about = metadata.distribution(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        text = f"used from {Path(__file__).parent.parent}, not installed: no ranges of versions to compare with"
        yield Finding("note", "nnutils", text, "in that folder: python -m pip install .")
        return
    yield Finding("ok", "nnutils", f"{about.version}, {Path(__file__).parent}")
    pythons = about.metadata["Requires-Python"]
    if not SpecifierSet(pythons).contains(platform.python_version(), prereleases=True):
        text = f"{platform.python_version()} is outside the range, nnutils needs {pythons}"
        yield Finding("problem", "Python", text, "make an environment of such a Python")
    declared = [Requirement(line) for line in about.requires or []]
    needed = [one for one in declared if one.marker is None or one.marker.evaluate({"extra": ""})]
    faults |= _import_faults([_module(one) for one in needed if _installed(one.name)])
    for one in needed:
        finding = _package(one, faults.get(_module(one)))
        if finding.status == "problem":
            faults.setdefault(_module(one), finding.text)
        yield finding
    yield from _pair(Requirement, faults)
    for one in {one.name: one for one in declared if one.name == "tensorboard"}.values():
        finding = _package(one, None)
        optional = f"{finding.text} (optional, only nnutils.tensorboard uses it)"
        yield replace(finding, text=optional, status="ok" if finding.status == "ok" else "note")


def _package(one: "Requirement", fault: str | None) -> Finding:
    """Say whether a package is there, of a version in the declared range, and can be imported."""
    version, advice = _installed(one.name), f'python -m pip install "{one.name}{one.specifier}"'
    if version is None:
        return Finding("problem", one.name, f"missing, nnutils needs {one.specifier}", advice)
    if not one.specifier.contains(version, prereleases=True):
        return Finding("problem", one.name, f"{version}, nnutils needs {one.specifier}", advice)
    if fault:
        advice = f'python -m pip install --force-reinstall "{one.name}{one.specifier}"'
        if one.name in ("torch", "torchvision"):
            advice = "the two must fit each other: python -m pip install --force-reinstall torch torchvision"
        return Finding("problem", one.name, f"{version} cannot be imported: {fault}", advice)
    return Finding("ok", one.name, f"{version}, nnutils needs {one.specifier}")


def _pair(parse: type["Requirement"], faults: dict[str, str]) -> Iterator[Finding]:
    """Check that torch is what torchvision was built for, as torchvision declares it."""
    torch = _installed("torch")
    if torch is None or _installed("torchvision") is None:
        return
    wanted = next((r for r in map(parse, metadata.requires("torchvision") or []) if r.name == "torch"), None)
    if wanted is not None and not wanted.specifier.contains(torch, prereleases=True):
        faults.setdefault("torchvision", "not made for this torch")
        advice = "install the two together: python -m pip install --upgrade torch torchvision"
        yield Finding("problem", "torchvision", f"needs torch{wanted.specifier}, but torch is {torch}", advice)
    elif not {"torch", "torchvision"} & faults.keys():
        yield Finding("ok", "the pair", "torch and torchvision fit each other")


def _module(one: "Requirement") -> str:
    return _MODULES.get(one.name, one.name.replace("-", "_"))


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _import_faults(modules: list[str]) -> dict[str, str]:
    """Import the modules in another process; return, by module, why it went wrong."""
    left = list(modules)
    faults: dict[str, str] = {}
    while left:
        run = subprocess.run([sys.executable, "-c", _IMPORT, *left], capture_output=True, text=True)
        told = [json.loads(line) for line in run.stdout.splitlines()]
        faults |= {name: " ".join(fault.split()) for name, fault in zip(left, told, strict=False) if fault}
        left = left[len(told) :]
        if left:
            faults[left.pop(0)] = f"importing it ended Python (exit code {run.returncode})"
    return faults


def _device() -> Iterator[Finding]:
    import torch

    from nnutils.device import get_device

    asked = os.environ.get("NNUTILS_DEVICE")
    try:
        device = get_device()
    except (ValueError, RuntimeError) as error:
        yield _refused("device", error)
        return
    name = f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
    why = f"as NNUTILS_DEVICE={asked} says" if asked else "the best one here; NNUTILS_DEVICE would choose another"
    try:
        X = torch.ones(64, 64, device=device, requires_grad=True)
        (X @ X).sum().backward()
        right = X.grad is not None and bool((X.grad == 128).all())
        fault = None if right else "a product of matrices came out wrong"
    except RuntimeError as error:
        fault = _short(error)
    if fault:
        yield Finding("problem", "device", f"{name}, {why}: {fault}", "set NNUTILS_DEVICE=cpu")
    else:
        yield Finding("ok", "device", f"{name}, {why}")
    if not torch.cuda.is_available() and shutil.which("nvidia-smi"):
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        yield Finding(
            "note", "device", f"there is an NVIDIA driver, but PyTorch, built {built}, can use no GPU with it"
        )
    threads = os.environ.get("OMP_NUM_THREADS")
    told = f"OMP_NUM_THREADS={threads}" if threads else "OMP_NUM_THREADS is not set"
    yield Finding("ok", "threads", f"{torch.get_num_threads()} of {os.cpu_count()} cores ({told})")


def _folder() -> Iterator[Finding]:
    from nnutils import data

    place = data.folder()
    chosen = "NNUTILS_DATA" if os.environ.get("NNUTILS_DATA") else "the default; NNUTILS_DATA would move it"
    fault = _write_fault(place)
    if fault is None:
        yield Finding("ok", "data folder", f"{place} ({chosen})")
    elif all(data.available(name) for name in _MEGABYTES):
        yield Finding("ok", "data folder", f"{place} ({chosen}), read-only, and nothing has to be written")
    else:
        advice = "make it writable, or set NNUTILS_DATA to another folder"
        yield Finding("problem", "data folder", f"{place} ({chosen}) cannot be written: {fault}", advice)


def _write_fault(place: Path) -> str | None:
    """Say why nothing can be written to a folder that exists, or that would be made; None if it can."""
    while not os.path.lexists(place):
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _made() -> Iterator[Finding]:
    from nnutils import data

    names = [name for name in data.NAMES if name not in _MEGABYTES]
    sizes = [sum(len(y) for y in (s.y_train, s.y_val, s.y_test)) for s in map(data.load, names)]
    yield Finding("ok", "data", ", ".join(f"{n} ({size} samples)" for n, size in zip(names, sizes, strict=True)))


def _images() -> Iterator[Finding]:
    from nnutils import data

    for name, size in _MEGABYTES.items():
        if not data.available(name):
            text = f"not in the data folder; the first use would download it ({size} MB)"
            yield Finding("note", name, f"{text}, without a network the digits take its place")
            continue
        try:
            split = data.load(name)
        except (RuntimeError, OSError) as error:
            yield _refused(name, error)
        else:
            count = sum(len(y) for y in (split.y_train, split.y_val, split.y_test))
            yield Finding("ok", name, f"{count} images, read, checksums right")


def _figures() -> Iterator[Finding]:
    from nnutils.figures import ComputationalGraph

    ComputationalGraph().values()
    yield Finding("ok", "figures", f"anywidget {_installed('anywidget')}, ipywidgets {_installed('ipywidgets')}")
    jupyter = _installed("jupyterlab")
    if jupyter is None:
        text = "not in this environment; notebooks need it, or another program that shows them"
        yield Finding("note", "JupyterLab", text, "python -m pip install jupyterlab")
        return
    extensions = Path(sys.prefix, "share", "jupyter", "labextensions")
    missing = [n for n in ("@jupyter-widgets/jupyterlab-manager", "anywidget") if not (extensions / n).is_dir()]
    if missing:
        text = f"{jupyter}, but {' and '.join(missing)} not in {extensions}: figures may stay empty"
        yield Finding("note", "JupyterLab", text, "python -m pip install --force-reinstall ipywidgets anywidget")
    else:
        yield Finding("ok", "JupyterLab", f"{jupyter}, with its extensions for widgets")


def _refused(what: str, error: Exception) -> Finding:
    """Turn the house's errors (what was given and expected; what to do) into a finding."""
    text, _, advice = str(error).removeprefix(f"{what}: ").removeprefix("data: ").partition("; ")
    return Finding("problem", what, text, advice)


def _short(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"
