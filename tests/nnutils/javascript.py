"""Run a figure's JavaScript engine, as it is shipped, in node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def in_node(module: str, expression: str, folder: Path, data: Any = None) -> Any:
    """Evaluate a JavaScript expression after the module's text; ``data`` is the variable of that name in it."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is missing: run `make setup-system`", pytrace=False)
    file = folder / "engine.mjs"
    file.write_text(
        f"{module}\nconst data = {json.dumps(data)};\nprocess.stdout.write(JSON.stringify({expression}));\n",
        encoding="utf-8",
    )
    done = subprocess.run([node, str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
