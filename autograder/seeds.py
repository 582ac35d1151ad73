"""Where the random inputs of hidden tests come from: the course's secret, the lab, the student."""

import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path

__all__ = ["OPEN_SECRET", "read_secret", "student_seed"]

OPEN_SECRET = "open"
"""Stands in for the course's secret where nothing depends on it: the sample class, the authors' own runs."""


def student_seed(secret: str, lab: str, student_id: str) -> str:
    """Return what all random inputs of one student in one lab come from; the secret cannot be computed back from it."""
    return hmac.new(secret.encode(), f"{lab}\n{student_id}".encode(), hashlib.sha256).hexdigest()


def read_secret(folder: str | Path) -> str:
    """Return the course's secret: ``COURSE_SECRET``, or the grading folder's file ``secret``, made on first use.

    Raises
    ------
    ValueError
        When the file is empty.
    """
    if secret := os.environ.get("COURSE_SECRET"):
        return secret
    path = Path(folder) / "secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".secret-{os.getpid()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(os.urandom(32).hex())
        with suppress(FileExistsError):
            os.link(draft, path)  # whole or not at all, and never over another one
        draft.unlink()
    secret = path.read_text().strip()
    if not secret:
        raise ValueError("the file secret in the grading folder is empty; delete it to have a new one made")
    return secret
