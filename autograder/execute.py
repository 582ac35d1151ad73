"""Run the cells of one submission so that what goes wrong in a cell costs that cell, and judge what they left.

``Execute`` is nbgrader's preprocessor of this name with three changes. When a cell ends the kernel or cannot be
stopped, the cell is left out and the notebook runs again in a fresh kernel; nbgrader itself drops the whole submission.
The notebook has a time budget. The kernel learns the inputs' seed of this student, never the course's secret.

``JudgeCells`` makes nbgrader's rule "an error output is 0, everything else is full marks" mean what it should: what a
test cell prints costs nothing, its displayed value gives nothing, a test that did not run fails, and a question that
used a refused name gets no mark in its visible test either.
"""

import os
import time
from typing import Any

from jupyter_client.manager import KernelManager
from nbclient.client import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import Execute as NbGraderExecute
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Integer

from autograder.seeds import read_secret, student_seed

__all__ = ["Execute", "JudgeCells"]


class Execute(NbGraderExecute):
    """Execute a notebook; a cell that ends its kernel fails, the others run in a fresh one."""

    total_timeout = Integer(300, help="Seconds for all cells of one submission.").tag(config=True)
    restarts = Integer(5, help="How many cells may end the kernel before the rest counts as not run.").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, km: KernelManager | None = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        assert resources is not None
        self._finished: set[int] = set()
        lost: set[int] = set()
        deadline = time.monotonic() + self.total_timeout
        while (index := self._attempt(nb, resources, lost, deadline)) is not None:
            lost.add(index)
            if len(lost) > self.restarts:
                break
        for index, cell in enumerate(nb.cells):
            if cell.cell_type == "code" and utils.is_grade(cell) and index not in self._finished | lost:
                _fail(cell, "NotRun", "This cell was not run: too many cells before it crashed or took too long.")
        return nb, resources

    def _attempt(self, nb: NotebookNode, resources: dict[str, Any], lost: set[int], deadline: float) -> int | None:
        """Run all cells in a fresh kernel; return the index of the one that ended it, or None."""
        NotebookClient.__init__(self, nb, None)
        self.reset_execution_trackers()
        self._check_assign_resources(resources)
        index = 0
        try:
            with self.setup_kernel(env=_environment(resources)):
                assert self.kc is not None
                self.wait_for_reply(self.kc.kernel_info())
                for index, cell in enumerate(nb.cells):
                    again = bool(lost) and index < max(lost)
                    if index in lost or (again and utils.is_grade(cell) and index in self._finished):
                        continue  # what it did is known
                    if time.monotonic() > deadline:
                        _fail(cell, "Timeout", f"The notebook took longer than {self.total_timeout} s in all.")
                        self._finished.add(index)
                        continue
                    self.preprocess_cell(cell, resources, index)
                    self._finished.add(index)
        except DeadKernelError:
            _fail(nb.cells[index], "Crashed", "The Python process ended while this cell ran.")
            return index
        except CellTimeoutError:
            _fail(nb.cells[index], "Timeout", f"This cell took longer than {self.timeout} s and could not be stopped.")
            return index
        return None


class JudgeCells(NbGraderPreprocessor):
    """Leave in each test cell only what its marks depend on."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        skip = self.config.get("Execute", {}).get("skip_cells_with_tag", "")
        refused: dict[str, str] = {}
        for cell in nb.cells:
            if skip in cell.metadata.get("tags", []):
                cell.metadata.tags.remove(skip)
            if cell.cell_type != "code" or not utils.is_grade(cell) or utils.is_solution(cell):
                continue
            cell.outputs = [out for out in cell.outputs if out.output_type in ("error", "stream")]
            for out in cell.outputs:
                if out.output_type == "stream":
                    out.name = "stdout"
                elif out.ename == "RefusedNames":
                    refused[cell.metadata.nbgrader.grade_id.removesuffix("_hidden")] = out.evalue
        for cell in nb.cells:
            question = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("_visible")
            if utils.is_grade(cell) and question in refused:
                _fail(cell, "RefusedNames", refused[question])
        return nb, resources


def _fail(cell: NotebookNode, name: str, message: str) -> None:
    if cell.cell_type == "code":
        cell.outputs = [new_output("error", ename=name, evalue=message, traceback=[message])]


def _environment(resources: dict[str, Any]) -> dict[str, str]:
    """Return the kernel's environment: this process's, without the course's secret, with the student's seed."""
    lab, student = resources["nbgrader"]["assignment"], resources["nbgrader"]["student"]
    environment = {name: value for name, value in os.environ.items() if name not in ("COURSE_SECRET", "COURSE_GRADING")}
    secret = read_secret(os.environ.get("COURSE_GRADING", "grading"))
    return environment | {
        "COURSE_LAB": lab,
        "COURSE_STUDENT": student,
        "COURSE_SEED": student_seed(secret, lab, student),
    }
