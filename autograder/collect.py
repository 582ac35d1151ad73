"""Take in what a student handed in: one notebook and a few data files, as plain bytes, and nothing else.

Whatever lies in a submission was made by somebody else: links, devices, archives that unpack to a thousand times their
size, names that climb out of their folder, modules that would shadow PyTorch. ``collect`` copies regular files of known
kinds and bounded size into a folder of the grader and says in words what it left behind; a single ``.zip`` in the place
of the notebook is read without being unpacked to disk.
"""

import hashlib
import json
import logging
import os
import stat
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.settings import first_line, quiet

__all__ = ["LARGEST", "Refused", "Submission", "collect", "is_name", "receipt"]

LARGEST = 20 * 2**20
"""Largest notebook file in bytes that is accepted."""

_DATA = (".csv", ".tsv", ".txt", ".json", ".npy", ".npz", ".png", ".jpg", ".jpeg")
_DATA_BYTES = 10 * 2**20
_FILES = 100
_EXCHANGE = ("timestamp.txt", "submission_secret.txt")
"""What nbgrader's exchange puts beside a notebook."""
_CELLS = 2000
_SOURCE = 1_000_000
_TYPES = ("code", "markdown", "raw")


class Refused(ValueError):
    """The submission cannot be graded; the message is for the student."""


@dataclass(frozen=True)
class Submission:
    """What was handed in, taken apart: the notebook, the data files (in the grader's folder), and what was left."""

    notebook: NotebookNode
    data: tuple[Path, ...]
    notes: tuple[str, ...]
    sha256: str
    """Of the notebook file."""
    received: str
    """When the file came here by this machine's clock (UTC, ISO 8601), whatever the submission says."""


def is_name(name: str) -> bool:
    """Whether a folder's name may be a student's: printable, not hidden, of at most 100 characters.

    >>> is_name("Doe, Jr"), is_name("=1+1"), is_name(".work"), is_name("a" * 200)
    (True, True, False, False)
    """
    sound = 0 < len(name) <= 100 and name.isprintable() and name == name.strip()
    return sound and not name.startswith(".") and not set(name) & set("*?[]")


def collect(folder: Path, lab: str, target: Path) -> Submission:
    """Read the submission in ``folder`` and copy its data files into ``target``, a new folder of the grader.

    Raises
    ------
    Refused
        When there is no notebook that can be graded.
    """
    notes: list[str] = []
    files = _regular_files(folder, notes)
    name, data = f"{lab}.ipynb", {}
    if name in files:
        raw, received = _read(folder / name, LARGEST), _received(folder / name)
        data = {path: folder / path for path in files if path not in (name, *_EXCHANGE)}
    else:
        archives = [path for path in files if path.lower().endswith(".zip")]
        if len(archives) != 1:
            others = ", ".join(sorted(files)[:5])
            raise Refused(
                f"No notebook named {name} was handed in; "
                + (f"there is only {others}." if others else "the folder is empty." if not notes else " ".join(notes))
            )
        (raw, more), received = _from_zip(folder / archives[0], name), _received(folder / archives[0])
        if more:
            notes.append(f"Only the notebook was taken from {archives[0]}.")
    notebook = _notebook(raw, lab)
    kept, size = [], 0
    for path, source in sorted(data.items()):
        size += source.stat(follow_symlinks=False).st_size
        if "/" in path or not path.lower().endswith(_DATA) or size > _DATA_BYTES:
            notes.append(f"The file {path[:80]} was ignored.")
            continue
        target.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(_read(source, _DATA_BYTES))
        kept.append(target / path)
    return Submission(notebook, tuple(kept), tuple(notes[:12]), hashlib.sha256(raw).hexdigest(), received)


def receipt(folder: Path) -> str:
    """Return what nbgrader's exchange asks for when feedback is given back, or an empty text when there is none."""
    try:
        return _read(folder / "submission_secret.txt", 1000).decode("ascii")
    except (Refused, UnicodeDecodeError):
        return ""


def _regular_files(folder: Path, notes: list[str]) -> list[str]:
    """Return the regular files below a folder by their relative names; links and everything else are noted."""
    if folder.is_symlink() or not folder.is_dir():
        raise Refused("What was handed in is not a folder with a notebook.")
    found: list[str] = []
    for here, folders, names in os.walk(folder, followlinks=False):
        for name in sorted([*folders, *names]):
            path = Path(here) / name
            relative = path.relative_to(folder).as_posix()
            try:
                mode = path.lstat().st_mode
            except OSError as error:
                raise Refused(f"A file that was handed in cannot be read ({error.strerror}).") from None
            if stat.S_ISLNK(mode):
                notes.append(f"{_shown(relative)} is a link and was refused.")
            elif not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
                notes.append(f"{_shown(relative)} is no ordinary file and was refused.")
            elif stat.S_ISREG(mode) and not name.startswith("."):
                if not relative.isprintable() or len(relative) > 200:
                    notes.append(f"{_shown(relative)} has a name that cannot be used; it was ignored.")
                else:
                    found.append(relative)
        folders[:] = [name for name in folders if not name.startswith(".") and not (Path(here) / name).is_symlink()]
        if len(found) + len(notes) > _FILES:
            raise Refused(f"More than {_FILES} files were handed in; hand in the notebook.")
    return found


def _read(path: Path, most: int) -> bytes:
    """Read a regular file without following a link that took its place meanwhile."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"The file {_shown(path.name)} cannot be read ({error.strerror}).") from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Refused(f"{_shown(path.name)} is no ordinary file.")
        raw = file.read(most + 1)
    if len(raw) > most:
        size = path.stat(follow_symlinks=False).st_size
        raise Refused(
            f"The notebook has {size // 2**20} MiB; at most {most // 2**20} MiB are accepted. Clear its outputs."
        )
    return raw


def _received(path: Path) -> str:
    """Return when a file came here: the time of its last change of any kind, which only this machine's clock sets."""
    return datetime.fromtimestamp(path.stat(follow_symlinks=False).st_ctime, UTC).isoformat(timespec="seconds")


def _from_zip(path: Path, name: str) -> tuple[bytes, bool]:
    """Return the one notebook of an archive, reading no more than it may have, and whether other files are there."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > _FILES:
                raise Refused(f"The archive holds {len(entries)} files; hand in the notebook.")
            for entry in entries:
                parts = PurePosixPath(entry.filename.replace("\\", "/"))
                if parts.is_absolute() or ".." in parts.parts or stat.S_ISLNK(entry.external_attr >> 16):
                    raise Refused("The archive holds a name that leads out of it, or a link; it was refused.")
            found = [
                entry
                for entry in entries
                if PurePosixPath(entry.filename).name == name and "__MACOSX" not in entry.filename
            ]
            if len(found) != 1:
                raise Refused(f"The archive holds {len(found)} files named {name}, expected one; hand in the notebook.")
            if sum(entry.file_size for entry in entries) > 10 * LARGEST:
                raise Refused("The archive unpacks to more than is accepted; hand in the notebook.")
            with archive.open(found[0]) as file:
                raw = file.read(LARGEST + 1)
    except Refused:
        raise
    except Exception as error:  # every method of compression has errors of its own
        raise Refused(f"The archive cannot be read ({first_line(error)}); hand in the notebook.") from None
    if len(raw) > LARGEST:
        raise Refused(f"The notebook has more than {LARGEST // 2**20} MiB. Clear its outputs.")
    return raw, any(not entry.is_dir() and entry is not found[0] for entry in entries)


def _notebook(raw: bytes, lab: str) -> NotebookNode:
    """Return the notebook of a file, of any version, with cells that are cells."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("The notebook is not a text file in UTF-8, as Jupyter writes it.") from None
    if not text.strip():
        raise Refused("The notebook file is empty.")
    try:
        with quiet(logging.getLogger("traitlets")):  # where nbformat logs what it mends
            nb = nbformat.reads(json.dumps(_writable(json.loads(text))), as_version=4)
        nb.metadata = nbformat.from_dict({})
        cells = list(nb.cells)
        sound = all(
            cell.cell_type in _TYPES and isinstance(cell.source, str) and isinstance(cell.metadata, dict)
            for cell in cells
        )
    except (nbformat.reader.NotJSONError, json.JSONDecodeError, RecursionError):
        raise Refused("The notebook file is damaged: it is cut off or not a notebook (not valid JSON).") from None
    except Exception as error:
        raise Refused(f"The notebook file is damaged: {first_line(error)}.") from None
    if not sound:
        raise Refused("The notebook file is damaged: some of its cells are not cells.")
    if len(cells) > _CELLS or sum(len(cell.source) for cell in cells) > _SOURCE:
        raise Refused(f"The notebook has more than {_CELLS} cells or {_SOURCE} characters; start from a fresh copy.")
    if not any("nbgrader" in cell.metadata for cell in cells):
        raise Refused(f"The notebook has none of the cells of {lab}; was another file handed in?")
    return nb


def _writable(tree: Any) -> Any:
    """Return JSON data with every character that no file can hold (half of a pair) replaced.

    Headings of version 3 keep to six levels: nbformat writes as many signs as the number says.
    """
    if isinstance(tree, str):
        return tree.encode("utf-8", "replace").decode()
    if isinstance(tree, dict):
        level = tree.get("level")
        clean = {_writable(key): _writable(value) for key, value in tree.items()}
        return clean | {"level": 6} if isinstance(level, int) and level > 6 else clean
    return [_writable(value) for value in tree] if isinstance(tree, list) else tree


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)[:80]
