"""The report of a class: one page that says how it went, what went wrong most often, and what to do next.

It is made from what grading stored, without grading again: marks from nbgrader's gradebook (those given by hand
included), everything else from the records (``autograder.ledger``). The page stands alone: no script, no request to
another host; its links lead to the feedback pages beside it.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import nbformat
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup
from nbgrader.api import Assignment, BaseCell, Grade, Gradebook, Student, SubmittedAssignment, SubmittedNotebook

from autograder.anonymous import hide
from autograder.feedback import TEMPLATES, points, question_of, title_of, with_code
from autograder.gradebook import write_whole
from autograder.ledger import latest
from autograder.seeds import read_secret
from autograder.settings import CourseError, find_root
from autograder.summary import Lab, Line, Mark, counted, percent, steps, totals

__all__ = ["collect", "render", "write"]


def collect(folder: Path, *, root: Path | None = None, anonymous: bool = False, out: Path | None = None) -> list[Lab]:
    """Return the labs of a grading folder with everything that is known about their submissions.

    Parameters
    ----------
    folder : path
        The grading folder.
    root : path, optional
        The folder of the course; its solutions give the labs' titles and the order of questions.
    anonymous : bool
        Replace names by ids and leave out what may give a name away, the learners' own words and links among it.
    out : path, optional
        Where the page will lie, for the links; by default in the grading folder.

    Raises
    ------
    CourseError
        When nothing is graded yet, or a record cannot be read.
    """
    records = latest(folder)
    if not records or not (folder / "gradebook.db").is_file():
        raise CourseError(
            f"nothing is graded yet in {folder.name}; put notebooks in {folder.name}/submitted/STUDENT/LAB/LAB.ipynb "
            "and run `autograder grade LAB`"
        )
    marks, penalties, people = _read_gradebook(folder)
    shown = {record: record for record in records}
    if anonymous:
        shown = hide(records, people, read_secret(folder))
    place = (out or folder / "report.html").resolve().parent
    lines: dict[str, list[Line]] = defaultdict(list)
    for record in records:
        cells = marks.get((record.student, record.lab), {})
        page = folder / "feedback" / record.student / record.lab / f"{record.lab}.html"
        link = "" if anonymous or not page.is_file() else quote(Path(os.path.relpath(page, place)).as_posix())
        penalty = penalties.get((record.student, record.lab), 0.0)
        lines[record.lab].append(Line(shown[record], cells, penalty, link))
    labs = []
    for name, found in lines.items():
        title, order = _read_source(name, root or find_root())
        known = dict.fromkeys(question_of(cell) for line in found for cell in line.cells)
        names = [question for question in order if question in known] + sorted(known.keys() - set(order))
        labs.append(Lab(name, title, names, sorted(found, key=lambda line: line.student)))
    return labs


_Key = tuple[str, str]


def _read_gradebook(folder: Path) -> tuple[dict[_Key, dict[str, Mark]], dict[_Key, float], dict[str, list[str]]]:
    """Return marks by student and lab and then by cell, late penalties, and for each student all their names."""
    marks: dict[_Key, dict[str, Mark]] = defaultdict(dict)
    penalties: dict[_Key, float] = {}
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}?timeout=60") as gradebook:
        columns = (Grade.score, Grade.max_score, Grade.needs_manual_grade, Grade.manual_score)
        late = SubmittedNotebook.late_submission_penalty
        query = gradebook.db.query(Student.id, Assignment.name, BaseCell.name, *columns, late).select_from(Grade)
        query = query.join(Grade.cell).join(Grade.notebook).join(SubmittedNotebook.assignment)
        query = query.join(SubmittedAssignment.student).join(SubmittedAssignment.assignment)
        for student, lab, cell, score, most, flagged, by_hand, penalty in query:
            waiting, again = bool(flagged) and by_hand is None, bool(flagged) and by_hand is not None
            marks[student, lab][cell] = Mark(float(score), float(most), waiting, again)
            penalties[student, lab] = float(penalty or 0.0)
        people = {
            student: [name for name in names if name]
            for student, *names in gradebook.db.query(
                Student.id, Student.first_name, Student.last_name, Student.email, Student.lms_user_id
            )
        }
    return marks, penalties, people


def _read_source(lab: str, root: Path) -> tuple[str, list[str]]:
    """Return a lab's title and its questions in order, as far as its source is there."""
    folder = Path(os.environ.get("COURSE_SOLUTIONS") or root / "solutions")
    path = folder / lab / f"{lab}.ipynb"
    if not path.is_file():
        return lab, []
    nb = nbformat.read(path, as_version=4)
    cells = [cell.metadata.get("nbgrader", {}) for cell in nb.cells]
    graded = [question_of(cell["grade_id"]) for cell in cells if cell.get("grade") or cell.get("task")]
    return title_of(nb) or lab, list(dict.fromkeys(graded))


def render(labs: Sequence[Lab], *, anonymous: bool = False) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(["html", "j2"]), trim_blocks=True
    )
    environment.filters.update(
        points=points, text=with_code, percent=percent, count=counted, short=_short, breakable=_breakable
    )
    finished = max((line.record.finished for lab in labs for line in lab.lines), default="")
    return environment.get_template("report.html.j2").render(
        labs=labs,
        anonymous=anonymous,
        students=totals(labs),
        steps=steps(labs),
        finished=f"{datetime.fromisoformat(finished).astimezone():%Y-%m-%d %H:%M}" if finished else "",
        css=Markup("\n".join((TEMPLATES / name).read_text() for name in ("page.css", "report.css"))),
    )


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _breakable(name: str) -> Markup:
    """Return a name that may go on in another line after each underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def write(folder: Path, *, root: Path | None = None, anonymous: bool = False, out: Path | None = None) -> Path:
    """Write the report of a grading folder and return its path: ``report.html``, or ``report-anonymous.html`` there."""
    out = out or folder / ("report-anonymous.html" if anonymous else "report.html")
    labs = collect(folder, root=root, anonymous=anonymous, out=out)
    write_whole(out, render(labs, anonymous=anonymous))
    return out
