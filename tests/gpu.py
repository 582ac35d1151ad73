"""``make gpu``: run chapters and solutions on CUDA, and compare the marks with those of the CPU.

A mark must never depend on the device. Where no CUDA device is present nothing was seen, and the command says so.
"""

import os
import sys
import time
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient

from tests import notebooks

ROOT = notebooks.ROOT


def run(path: Path, device: str) -> tuple[dict[str, float], list[str]]:
    """Execute a notebook; return points by graded test cell, and the errors of all other cells."""
    os.environ.update(NNUTILS_DEVICE=device, COURSE_SOLUTIONS=str(ROOT / "solutions"), TQDM_DISABLE="1")
    notebook = nbformat.read(path, 4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", allow_errors=True, resources=resources).execute()
    marks, errors = {}, []
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        raised = [output for output in cell.outputs if output.output_type == "error"]
        graded = cell.metadata.get("nbgrader", {})
        if graded.get("grade"):
            marks[graded["grade_id"]] = 0.0 if raised else float(graded["points"])
        elif raised:
            errors.append(f"{path.name}, cell {cell.id}: {raised[0].ename}: {raised[0].evalue}")
    return marks, errors


def main() -> int:
    if not torch.cuda.is_available():
        print(
            "NOT SEEN: no CUDA device here, nothing was run. Say make gpu on a machine that has one.", file=sys.stderr
        )
        return 2
    print(f"==> {torch.cuda.get_device_name()}, torch {torch.__version__}")
    faults = []
    for path in notebooks.sources():
        seen = {}
        for device in ("cpu", "cuda"):
            start = time.perf_counter()
            seen[device], errors = run(path, device)
            faults += [f"{device}: {error}" for error in errors]
            total = f", {sum(seen[device].values()):g} points" if seen[device] else ""
            print(f"{path.relative_to(ROOT)} on {device}: {time.perf_counter() - start:.1f} s{total}")
        faults += [
            f"{path.name}, {cell}: {points:g} points on the CPU, {seen['cuda'].get(cell, 0):g} on CUDA"
            for cell, points in seen["cpu"].items()
            if seen["cuda"].get(cell) != points
        ]
    print("\n".join(faults) or "Every notebook ran to its end, and the marks are the same on both devices.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
