"""What is known of a class: its labs, their submissions, and what they say together about questions and mistakes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from autograder.charts import Distribution
from autograder.ledger import Record
from autograder.mistakes import Failure, Named, is_not_done, merge, mistakes, skeleton

__all__ = ["STATUSES", "Lab", "Line", "Mark", "Mistake", "Question", "counted", "percent", "steps", "totals"]

STATUSES = {
    "ok": "graded as handed in",
    "repaired": "graded after cells that were missing, doubled or changed had been put right",
    "crashed": "graded; what ended the Python process gave no points",
    "timeout": "graded; what took too long gave no points",
    "malformed": "not graded: the file cannot be read",
    "error": "not graded: the grader failed",
}


class Mark(NamedTuple):
    """Points won, points to win, whether a person has still to give them, or gave them and should look again."""

    score: float = 0.0
    max_score: float = 0.0
    waiting: bool = False
    again: bool = False

    @property
    def state(self) -> str:
        if self.waiting:
            return "waiting"
        return "full" if self.score >= self.max_score else "part" if self.score > 0 else "none"


def _sum(marks: Iterable[Mark]) -> Mark:
    scores, most, waiting, again = zip(*marks, strict=True) if (marks := list(marks)) else ((), (), (), ())
    return Mark(sum(scores), sum(most), any(waiting), any(again))


@dataclass(frozen=True)
class Line:
    """One submission: its record, the marks of its cells, the address of its feedback page (empty: no link)."""

    record: Record
    cells: Mapping[str, Mark]
    penalty: float = 0.0
    link: str = ""

    @property
    def student(self) -> str:
        return self.record.student

    @property
    def graded(self) -> bool:
        return self.record.status not in ("malformed", "error")

    @property
    def score(self) -> float:
        return max(0.0, _sum(self.cells.values()).score - self.penalty)

    @property
    def max_score(self) -> float:
        return _sum(self.cells.values()).max_score

    def mark(self, question: str, part: str = "") -> Mark:
        """Return the mark of a question, or of its visible or hidden part alone."""
        names = [f"{question}_{part}"] if part else [question, f"{question}_visible", f"{question}_hidden"]
        return _sum(self.cells[name] for name in names if name in self.cells)

    def failures(self, question: str) -> list[Failure]:
        return [failure for failure in self.record.failures if failure.question == question]


@dataclass(frozen=True)
class Question:
    """How a class did in one question; ``lines`` are the graded submissions."""

    name: str
    lines: Sequence[Line]

    @cached_property
    def states(self) -> Counter[str]:
        """How many have full marks, a part, none, or wait for a person."""
        return Counter(line.mark(self.name).state for line in self.lines)

    @property
    def not_done(self) -> int:
        return sum(is_not_done(line.failures(self.name)) for line in self.lines)

    def share(self, part: str = "") -> float | None:
        """Return the share of the points that were won; None while a person has to give some, or there are none."""
        mark = _sum(line.mark(self.name, part) for line in self.lines)
        return None if mark.waiting or not mark.max_score else mark.score / mark.max_score


@dataclass(frozen=True)
class Mistake:
    """A mistake in a question and the submissions that have it."""

    question: str
    message: str
    where: str
    """The results in which it was found, such as ``grad_W``, as far as checks tell."""
    lines: Sequence[Line]


@dataclass(frozen=True)
class Lab:
    """A lab and its submissions."""

    name: str
    title: str
    names: Sequence[str]
    """The questions in the notebook's order."""
    lines: Sequence[Line]

    @property
    def graded(self) -> list[Line]:
        return [line for line in self.lines if line.graded]

    @property
    def max_score(self) -> float:
        return max((line.max_score for line in self.lines), default=0.0)

    @property
    def statuses(self) -> list[tuple[str, str, list[Line]]]:
        """Each status that occurs, what it means, and who has it."""
        found = [(status, says, self._with(status)) for status, says in STATUSES.items()]
        return [entry for entry in found if entry[2]]

    def _with(self, status: str) -> list[Line]:
        return [line for line in self.lines if line.record.status == status]

    @cached_property
    def questions(self) -> list[Question]:
        return [Question(name, self.graded) for name in self.names]

    @property
    def marks(self) -> Distribution:
        return Distribution([(line.student, line.score) for line in self.graded], max(self.max_score, 1.0))

    @property
    def times(self) -> Distribution:
        values = [(line.student, line.record.seconds) for line in self.graded]
        return Distribution(values, max((value for _, value in values), default=1.0) * 1.05 or 1.0)

    @property
    def slowest(self) -> list[Line]:
        return sorted(self.graded, key=lambda line: -line.record.seconds)[:3]

    @property
    def waiting(self) -> list[tuple[Question, list[Line]]]:
        """The questions that a person has to grade, and whose answers."""
        found = [(each, [line for line in each.lines if line.mark(each.name).waiting]) for each in self.questions]
        return [entry for entry in found if entry[1]]

    @property
    def answers_waiting(self) -> int:
        return sum(len(lines) for _, lines in self.waiting)

    @cached_property
    def mistakes(self) -> list[Mistake]:
        """What went wrong where points were lost, the most frequent first, otherwise in the notebook's order."""
        found: dict[tuple[str, str], list[tuple[Line, Named]]] = defaultdict(list)
        for question in self.questions:
            for line in question.lines:
                lost = [
                    failure
                    for failure in line.failures(question.name)
                    if failure.part == "answer" or line.mark(question.name, failure.part).state != "full"
                ]
                if line.mark(question.name).state in ("part", "none"):
                    for named in mistakes(lost):
                        found[question.name, skeleton(named.mistake)].append((line, named))
        found_mistakes = [
            Mistake(
                name,
                merge(named.mistake for _, named in told),
                ", ".join(dict.fromkeys(named.where for _, named in told if named.where)),
                [line for line, _ in told],
            )
            for (name, _), told in found.items()
        ]
        return sorted(found_mistakes, key=lambda mistake: -len(mistake.lines))

    @property
    def lowest(self) -> Question | None:
        """The question with the smallest share of points won, unless all were won."""
        known = [(share, question) for question in self.questions if (share := question.share()) is not None]
        share, question = min(known, key=lambda pair: pair[0], default=(1.0, None))
        return question if share < 1 else None

    @property
    def steps(self) -> list[str]:
        """What to do next, a sentence each, the most urgent first."""
        found = []
        if lines := self._with("error"):
            found.append(f"Read in `grades.csv` why the grader failed for {_who(lines)}, and grade again.")
        if lines := self._with("malformed"):
            found.append(f"Ask {_who(lines)} for the notebook again: the file cannot be read.")
        if self.waiting:
            found.append(f"Grade {counted(self.answers_waiting, 'written answer')} in `nbgrader formgrader`.")
        if again := sum(line.mark(each.name).again for each in self.questions for line in each.lines):
            told = "An answer that you had graded has" if again == 1 else f"{again} answers that you had graded have"
            found.append(f"{told} changed since: look again in `nbgrader formgrader`.")
        if question := self.lowest:
            left = f"; {question.not_done} of {len(question.lines)} had not done it" if question.not_done else ""
            often = [each for each in self.mistakes if each.question == question.name and len(each.lines) > 1][:1]
            most = [f"; most often: “{each.message}” ({len(each.lines)} students)" for each in often]
            share = percent(question.share())
            found.append(f"Take up `{question.name}`: {share} of its points were won{left}{''.join(most)}.")
        elif self.graded and not found:
            found.append("Nothing: everybody who was graded has full marks.")
        return found


def totals(labs: Sequence[Lab]) -> list[tuple[str, list[Line | None]]]:
    """Return for each student their submission of each lab (None: nothing handed in), sorted by student."""
    found: dict[str, dict[str, Line]] = defaultdict(dict)
    for lab in labs:
        for line in lab.lines:
            found[line.student][lab.name] = line
    return [(student, [found[student].get(lab.name) for lab in labs]) for student in sorted(found)]


def steps(labs: Sequence[Lab]) -> list[str]:
    """Return what to do next over all labs."""
    found = []
    if answers := sum(lab.answers_waiting for lab in labs):
        found.append(f"{counted(answers, 'written answer')} wait{'s' if answers == 1 else ''} for a person.")
    if missing := sum(not line.graded for lab in labs for line in lab.lines):
        found.append(f"{counted(missing, 'submission')} could not be graded.")
    lowest = [(question.share() or 0.0, question, lab) for lab in labs if (question := lab.lowest)]
    if lowest:
        share, question, lab = min(lowest, key=lambda entry: entry[0])
        found.append(
            f"Of all questions the fewest points were won in `{question.name}` ({lab.title}): {percent(share)}."
        )
    return found


def _who(lines: Sequence[Line], most: int = 5) -> str:
    names = [line.student for line in lines[:most]]
    rest = [f"{len(lines) - most} more"] if len(lines) > most else []
    *first, last = names + rest
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int, what: str) -> str:
    """Return ``1 student``, ``2 students``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def percent(share: float | None) -> str:
    """Return a share as ``43 %``, an unknown one as a dash."""
    return "–" if share is None else f"{100 * share:.0f} %"
