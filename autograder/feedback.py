"""What a learner reads about a graded submission: one HTML page with the marks, the messages and their own answers.

The page stands alone: no script, no font, no request to another host, which its content security policy enforces for
whatever the notebook brings with it. ``FeedbackExporter`` makes it for ``nbgrader generate_feedback`` and for
``autograder.classroom`` alike.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bleach
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup, escape
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import markdown2html_mistune, strip_ansi
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers.python import PythonLexer

__all__ = [
    "TEMPLATES",
    "FeedbackExporter",
    "Page",
    "gradebook_entries",
    "messages_of",
    "page_of",
    "points",
    "question_of",
    "render",
    "title_of",
    "with_code",
]

TEMPLATES = Path(__file__).parent / "templates"
_PARTS = {"visible": "Tests that you saw", "hidden": "Hidden checks"}
_FRIENDLY = (
    *("AssertionError", "WrongAnswer", "NotDone", "RefusedNames", "NotConfirmed"),
    *("Crashed", "Memory", "Output", "Timeout", "NotRun"),
)
_TAGS = "p h1 h2 h3 h4 h5 h6 ul ol li em strong code pre blockquote table thead tbody tr th td hr br del div"
_LONG = 10_000
_STYLES = ("a11y-high-contrast-light", "a11y-high-contrast-dark")
_LIGHT, _DARK = (HtmlFormatter(style=style, nowrap=False, cssclass="code") for style in _STYLES)


@dataclass
class Part:
    """One cell of a question: its marks, what it says, what the learner wrote."""

    label: str
    score: float = 0.0
    max_score: float | None = None
    waiting: bool = False
    answer: Markup | None = None
    comment: str | None = None
    messages: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    details: str = ""

    @property
    def grouped(self) -> list[str]:
        """The messages, each mistake once: the first check that names it, and then which others do."""
        found: dict[str, list[str]] = {}
        for message in self.messages:
            found.setdefault(_mistake(message), []).append(message)
        lines = []
        for first, *rest in found.values():
            lines.append(first)
            if rest:
                lines.append(f"The same in: {', '.join(message.partition(': ')[0] for message in rest)}.")
        return lines


@dataclass
class Question:
    """A question with its parts: answer, visible test, hidden checks; or a written answer."""

    name: str
    parts: list[Part] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return "q-" + re.sub(r"[^a-zA-Z0-9]+", "-", self.name)

    @property
    def score(self) -> float:
        return sum(part.score for part in self.parts)

    @property
    def max_score(self) -> float:
        return sum(part.max_score or 0.0 for part in self.parts)

    @property
    def waiting(self) -> float:
        return sum(part.max_score or 0.0 for part in self.parts if part.waiting)

    @property
    def state(self) -> str:
        if self.waiting:
            return "waiting"
        return "full" if self.score >= self.max_score else "part" if self.score > 0 else "none"

    @property
    def messages(self) -> list[str]:
        """What to look at first, at most three: when the answer itself raises, what its tests say follows from that.

        Messages that name a mistake (after a semicolon) come before those that tell a symptom, each mistake once.
        """
        told = [message for part in self.parts for message in (part.messages or [part.comment or ""]) if message]
        told = list(dict.fromkeys(self.parts[0].messages or told))
        told = [message for message in told if not re.fullmatch(r"and \d+ more properties", message)]
        once: dict[str, str] = {}
        for message in told:
            once.setdefault(_mistake(message), message)
        told = list(once.values())
        first = sorted(told, key=lambda message: ";" not in message)[:3] if len(told) > 3 else told
        return [*first, f"and {len(told) - 3} more, below"] if len(told) > 3 else first


@dataclass
class Page:
    """Everything that the page says."""

    title: str
    student: str
    questions: list[Question] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    others: list[Part] = field(default_factory=list)
    penalty: float = 0.0
    problem: str = ""
    advice: list[str] = field(default_factory=list)

    @property
    def score(self) -> float:
        return max(0.0, sum(question.score for question in self.questions) - self.penalty)

    @property
    def max_score(self) -> float:
        return sum(question.max_score for question in self.questions)

    @property
    def waiting(self) -> float:
        return sum(question.waiting for question in self.questions)


def render(page: Page) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(["html", "j2"]), trim_blocks=True
    )
    css = "\n".join(
        [
            *((TEMPLATES / name).read_text() for name in ("page.css", "feedback.css")),
            _LIGHT.get_style_defs(".code"),
            "@media (prefers-color-scheme: dark) {" + _DARK.get_style_defs(".code") + "}",
            ".code { background: none !important; }",
        ]
    )
    return environment.get_template("feedback.html.j2").render(
        page=page, css=Markup(css), points=points, text=with_code
    )


def page_of(nb: NotebookNode, *, title: str, student: str, grades: dict[str, Any], penalty: float = 0.0) -> Page:
    """Return the page of an autograded notebook.

    Parameters
    ----------
    nb : NotebookNode
        The notebook with its outputs.
    grades : dict
        For each graded or solution cell by its id: ``{"score", "max_score", "waiting", "comment"}`` (all optional).
    penalty : float
        Points taken off for handing in late.
    """
    page = Page(
        title_of(nb) or title, student, penalty=penalty, notes=list(nb.metadata.get("course", {}).get("notes", []))
    )
    questions: dict[str, Question] = {}
    for cell in nb.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        graded, answer = utils.is_grade(cell), utils.is_solution(cell)
        if not grade_id or not (graded or answer or utils.is_task(cell)):
            if cell.cell_type == "code" and (messages := messages_of(cell)):
                page.others.append(Part("", answer=_shown(cell), messages=messages[-1:]))
            continue
        name = grade_id if answer else question_of(grade_id)
        kind = grade_id.removeprefix(name).lstrip("_")
        question = questions.setdefault(name, Question(name))
        told = grades.get(grade_id, {})
        part = Part(_PARTS.get(kind, "Your answer"), comment=told.get("comment"))
        if graded or utils.is_task(cell):
            part.score, part.max_score = told.get("score") or 0.0, told.get("max_score") or 0.0
            part.waiting = bool(told.get("waiting"))
        if answer:
            part.answer = _shown(cell)
        if cell.cell_type == "code":
            lost = graded and part.score < (part.max_score or 0.0)
            part.messages = messages_of(cell) if answer or lost else []
            part.details = _details(cell) if part.messages or answer else ""
            part.images = _images(cell)
            if part.comment == "No response.":
                part.comment = None  # the message says it better
        question.parts.append(part)
    page.questions = list(questions.values())
    return page


class FeedbackExporter(HTMLExporter):
    """nbconvert exporter: the feedback page of an autograded notebook, with the marks of nbgrader's gradebook."""

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        resources = self._init_resources(resources or {})
        resources["output_extension"] = ".html"
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as gradebook:
            grades, penalty = gradebook_entries(gradebook, about["assignment"], about["notebook"], about["student"])
        page = page_of(nb, title=about["notebook"], student=about["student"], grades=grades, penalty=penalty)
        return render(page), resources


def gradebook_entries(
    gradebook: Gradebook, lab: str, notebook: str, student: str
) -> tuple[dict[str, dict[str, Any]], float]:
    """Return the marks and comments of one submission by cell, and its late penalty.

    A cell is ``flagged`` when a person should look at it, and ``waiting`` when it has no mark until then.
    """
    submission = gradebook.find_submission_notebook(notebook, lab, student)
    entries: dict[str, dict[str, Any]] = {}
    for grade in submission.grades:
        entries.setdefault(grade.name, {}).update(
            score=float(grade.score),
            max_score=float(grade.max_score),
            flagged=bool(grade.needs_manual_grade),
            waiting=bool(grade.needs_manual_grade) and grade.manual_score is None,
        )
    for comment in submission.comments:
        entries.setdefault(comment.name, {})["comment"] = comment.comment
    return entries, float(submission.late_submission_penalty or 0.0)


def question_of(grade_id: str) -> str:
    """Return the question that a cell belongs to: ``adam`` for ``adam``, ``adam_visible`` and ``adam_hidden``."""
    name, _, kind = grade_id.rpartition("_")
    return name if name and kind in _PARTS else grade_id


def _mistake(message: str) -> str:
    """Return the mistake that a message names after a semicolon, or the whole message."""
    return message.partition(";")[2].strip() or message


def points(value: float) -> str:
    """Return points as a learner reads them: at most two decimals, none where it is whole."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def title_of(nb: NotebookNode) -> str:
    """Return the first heading of a notebook as plain text, or an empty string."""
    for cell in nb.cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^# +(.+)$", cell.source, re.MULTILINE)):
            return re.sub(r"[*_`$]", "", found[1]).strip()
    return ""


def _shown(cell: NotebookNode) -> Markup:
    """Return a cell's source as safe HTML: highlighted code, or Markdown without active content.

    Long sources stand as they are: the time of both programs can grow with the square of the length.
    """
    source = _without_gaps(cell.source)
    if len(source) > _LONG:
        return Markup("<pre>{}</pre>").format(source)
    if cell.cell_type == "code":
        return Markup(highlight(source, PythonLexer(), _LIGHT))
    return Markup(bleach.clean(markdown2html_mistune(source), tags=set(_TAGS.split()), attributes={}, strip=True))


def _without_gaps(source: str) -> str:
    """Return a source with at most three blank lines, and two hundred blanks, in a row."""
    lines: list[str] = []
    for line in source.split("\n"):
        if line.strip() or any(kept.strip() for kept in lines[-3:]) or len(lines) < 3:
            lines.append(re.sub(r" {200,}", " " * 200, line) if line.strip() else "")
    return "\n".join(lines)


def with_code(text: str) -> Markup:
    """Return a message as safe HTML, with `code` between backticks set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


def messages_of(cell: NotebookNode) -> list[str]:
    """Return the lines of a cell's errors that a learner should read."""
    messages: list[str] = []
    for output in cell.get("outputs", []):
        if output.output_type != "error":
            continue
        lines = _lines(output.evalue)
        if output.ename == "HiddenTestsFailed":
            messages += lines
        elif output.ename in _FRIENDLY:
            messages += lines[:1] or [f"{output.ename} (without a message)"]
        elif output.ename == "GraderError":
            messages.append("The grader could not judge this question; your teacher will look at it.")
        elif output.ename == "KeyboardInterrupt":
            continue  # the Timeout beside it says so
        else:
            messages.append(": ".join([output.ename, *lines[:1]]))
    return messages


def _details(cell: NotebookNode) -> str:
    parts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error" and output.ename not in ("HiddenTestsFailed", "NotDone", "RefusedNames"):
            if len(output.traceback) > 1:
                parts.append("\n".join(output.traceback))
        elif output.output_type in ("execute_result", "display_data") and "image/png" not in output.data:
            parts.append(str(output.data.get("text/plain", "")))
    return strip_ansi("\n".join(part.rstrip() for part in parts if part.strip()))[:20_000]


def _images(cell: NotebookNode) -> list[str]:
    found = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if isinstance(picture := data.get("image/png"), str) and re.fullmatch(r"[A-Za-z0-9+/=\s]+", picture):
            found.append("data:image/png;base64," + re.sub(r"\s", "", picture))
    return found[:5]


def _lines(text: Any) -> list[str]:
    lines = (re.sub(r"\s+", " ", line).strip() for line in strip_ansi(str(text)).splitlines())
    return [line[:400] for line in lines if line]
