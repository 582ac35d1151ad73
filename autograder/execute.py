"""Run the cells of one submission so that what goes wrong in a cell costs that cell, and judge what they left.

``ExecuteApart`` is how ``autograder grade`` does it: the learner's cells run in a sandbox, and this process, in which
no line of theirs ever runs, asks them the hidden tests and writes the outcome of every test into the notebook.

``Execute`` and ``JudgeCells`` are for plain ``nbgrader autograde``, which runs tests and answers in one kernel: whoever
owns that kernel owns its verdict, so that this way is for people whom you trust.

``Execute`` is nbgrader's preprocessor of this name with three changes. When a cell ends the kernel or cannot be
stopped, the cell is left out and the notebook runs again in a fresh kernel; nbgrader itself drops the whole submission.
The notebook has a time budget. The kernel learns the inputs' seed of this student, never the course's secret.

``JudgeCells`` makes nbgrader's rule "an error output is 0, everything else is full marks" mean what it should: what a
test cell prints costs nothing, its displayed value gives nothing, a test that did not run fails, and a question that
used a refused name gets no mark in its visible test either.
"""

import os
import time
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager
from nbclient.client import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import Execute as NbGraderExecute
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Instance, Integer, Tuple, Unicode

from autograder.feedback import question_of
from autograder.grade import GraderError, TestResult, failure_lines, question_results, questions
from autograder.hidden import first_lines
from autograder.rules import reaches_for_the_grader
from autograder.sandbox import Limits
from autograder.seeds import read_secret, student_seed
from autograder.student import Report, Sandboxed, Subprocess

__all__ = ["Execute", "ExecuteApart", "JudgeCells"]


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


class ExecuteApart(NbGraderPreprocessor):
    """Run the learner's cells in a sandbox, ask the hidden tests from here, and write into each test cell its outcome.

    A visible test runs where it stands in the notebook, from the source in ``solutions/``; since it runs beside the
    learner's code, what it says can only cost points. Its points need a proof from outside too: the first hidden test
    of its question, which tries the same thing on fresh inputs.

    What ends the process costs the question in which it happens. When it may come from the code of another question (a
    thread that kills, memory that is never given back), the question is asked again without the others' answers.

    ``metadata.course`` of the notebook then holds ``statuses`` (what happened, with the cell), ``touched`` (what the
    code replaced or reached for) and ``results`` (every hidden test by question), for the ledger.
    """

    limits = Instance(Limits, (), help="What a submission may use.").tag(config=True)
    without = Tuple(help="Protections that the instructor does without, by name.").tag(config=True)
    data = Tuple(help="Files that the code finds in its folder.").tag(config=True)
    nursery = Unicode(help="Folder of a process that starts the code quickly (autograder.warm).").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        lab, student_id = resources["nbgrader"]["assignment"], resources["nbgrader"]["student"]
        lab_dir = Path(os.environ["COURSE_SOLUTIONS"]) / lab
        skip = self.config.get("Execute", {}).get("skip_cells_with_tag", "")
        known = questions(lab_dir)
        cells: list[NotebookNode] = []
        hidden: dict[str, NotebookNode] = {}
        for cell in nb.cells:
            if skip in cell.metadata.get("tags", []):
                cell.metadata.tags.remove(skip)
            elif cell.cell_type == "code":
                question = _id(cell).removesuffix("_hidden")
                if utils.is_grade(cell) and question in known and _id(cell) == f"{question}_hidden":
                    hidden[question] = cell
                else:
                    cells.append(cell)
        seed = student_seed(read_secret(os.environ["COURSE_GRADING"]), lab, student_id)
        owners = [question if (question := question_of(_id(cell))) in known else "" for cell in cells]
        run = _Run(lab_dir, owners, seed)
        with self._student([cell.source for cell in cells], lab_dir) as student:
            reports = dict(student.run())
            touched = student.touched() if not student.broken else []
            for question in hidden:
                results, anew = run.judge(student, question, reports)
                reports |= anew
                _write_hidden(hidden[question], results)
                _confirm(cells, owners, question, results, reports)
            own = [cell.source for cell in cells if not utils.is_grade(cell)]
            touched += [f"`{what}` in the code" for what in reaches_for_the_grader(own)]
        for index, cell in enumerate(cells):
            _write_report(cell, reports.get(index, Report("crashed", "Crashed", "This cell was not run.")))
        about = nb.metadata.setdefault("course", {})
        about["statuses"] = run.statuses(cells, reports)
        about["touched"] = touched
        about["peak"] = student.peak
        about["results"] = {
            question: [[result.name, result.passed, result.message, result.kind] for result in results]
            for question, results in run.results.items()
        }
        return nb, resources

    def _student(self, sources: list[str], lab_dir: Path) -> Subprocess:
        if "sandbox" in self.without:
            return Subprocess(sources, timeout=self.limits.cell, total=self.limits.total, output=self.limits.output)
        place = Path(self.nursery) if self.nursery else None
        return Sandboxed(
            sources, limits=self.limits, labs=[lab_dir], data=self.data, without=self.without, nursery=place
        )


class _Run:
    """The questions of one submission, asked one after another."""

    def __init__(self, lab_dir: Path, owners: list[str], seed: str) -> None:
        self._lab_dir, self._owners, self._seed = lab_dir, owners, seed
        self.results: dict[str, list[TestResult]] = {}
        self.ended: dict[str, str] = {}

    def judge(
        self, student: Subprocess, question: str, reports: dict[int, Report]
    ) -> tuple[list[TestResult] | GraderError, dict[int, Report]]:
        """Return the results of a question's hidden tests, and the reports of its cells when they were made anew."""
        try:
            results = self._ask(student, question)
            ended, own = student.broken, [index for index, owner in enumerate(self._owners) if owner == question]
            lost = ended in ("crashed", "memory") or any(
                reports[i].kind in ("crashed", "memory") for i in own if i in reports
            )
            others = [index for index, owner in enumerate(self._owners) if owner not in ("", question)]
            again: dict[int, Report] = {}
            if lost and others:
                with student.without(others):
                    alone = dict(student.run())
                    second = self._ask(student, question)
                    if sum(result.passed for result in second) >= sum(result.passed for result in results):
                        results, ended = second, student.broken
                        again = {index: alone[index] for index in own if index in alone}
            self.results[question] = results
            ended = ended or next((result.kind for result in results if result.kind == "memory"), "")
            if ended:
                self.ended[question] = ended
            return results, again
        except GraderError as error:
            return error, {}

    def _ask(self, student: Subprocess, question: str) -> list[TestResult]:
        return question_results(self._lab_dir, question, student, seed=self._seed)

    def statuses(self, cells: list[NotebookNode], reports: dict[int, Report]) -> list[list[str]]:
        """Return (status, where) of everything that ended the process."""
        found = [[report.kind, _name(cells[index])] for index, report in reports.items() if report.kind in _ENDS]
        return found + [[kind, f"{question}_hidden"] for question, kind in self.ended.items()]


_ENDS = ("timeout", "memory", "output", "crashed")


def _confirm(
    cells: list[NotebookNode],
    owners: list[str],
    question: str,
    results: list[TestResult] | GraderError,
    reports: dict[int, Report],
) -> None:
    """Take the points of a visible test that nothing outside confirms."""
    if isinstance(results, GraderError) or (results and results[0].passed):
        return
    for index, cell in enumerate(cells):
        if (
            owners[index] == question
            and utils.is_grade(cell)
            and not utils.is_solution(cell)
            and not reports[index].kind
        ):
            first = results[0] if results else TestResult("", False)
            name = "RefusedNames" if first.kind == "refused" else "NotConfirmed"
            message = (
                first.message
                if first.kind == "refused"
                else (f"the test passed, but the same on other inputs did not ({first.name}); the points need both")
            )
            reports[index] = Report("raised", name, message)


def _write_hidden(cell: NotebookNode, results: list[TestResult] | GraderError) -> None:
    if isinstance(results, GraderError):
        _fail(cell, "GraderError", str(results))
        return
    cell.outputs = []
    if lines := failure_lines(results):
        refused = any(result.kind == "refused" for result in results)
        _fail(cell, "RefusedNames" if refused else "HiddenTestsFailed", "\n".join(first_lines(lines)))


def _write_report(cell: NotebookNode, report: Report) -> None:
    """Write what a cell left into its outputs; a test cell that says nothing has passed."""
    cell.outputs, cell.execution_count = [], None
    if report.text:
        cell.outputs.append(new_output("stream", name="stdout", text=report.text))
    if report.kind:
        lines = [f"{report.name}: {report.message}", *report.lines]
        cell.outputs.append(new_output("error", ename=report.name, evalue=report.message, traceback=lines))


def _id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _name(cell: NotebookNode) -> str:
    return _id(cell) or f"cell {cell.get('id')}"
