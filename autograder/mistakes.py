"""What went wrong in a submission, as data: the messages of failed checks by question, and the mistakes they name.

A check names a mistake after a semicolon ("wrong value (largest difference 0.2); the bias correction is missing; ...").
Equal mistakes of two learners differ in their numbers only, so that ``merge`` counts them as one.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nbformat import NotebookNode
from nbgrader import utils

from autograder.feedback import messages_of, question_of

__all__ = ["Failure", "Named", "failures", "is_not_done", "merge", "mistakes", "skeleton"]

_NUMBER = r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf)(?!\w)"
_NUMBERS = re.compile(rf"{_NUMBER}(?:(?:, ?| ){_NUMBER})*")


@dataclass(frozen=True)
class Failure:
    """The error of one cell: the question, its part (answer, visible, hidden), the error's name and what was read."""

    question: str
    part: str
    kind: str
    messages: tuple[str, ...]


class Named(NamedTuple):
    """A mistake in the check's words, and the name of the result in which it was found, if the check tells one."""

    mistake: str
    where: str = ""


def failures(nb: NotebookNode) -> list[Failure]:
    """Return a failure for each answer and each test of an autograded notebook that left an error."""
    found = []
    for cell in nb.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if not grade_id or cell.cell_type != "code" or not (utils.is_grade(cell) or utils.is_solution(cell)):
            continue
        if said := messages_of(cell):
            question = grade_id if utils.is_solution(cell) else question_of(grade_id)
            part = grade_id.removeprefix(question).lstrip("_") or "answer"
            kind = next(output.ename for output in cell.outputs if output.output_type == "error")
            found.append(Failure(question, part, kind, tuple(said)))
    return found


def is_not_done(found: Sequence[Failure]) -> bool:
    """Whether the failures of one question come from a stub that still raises ``NotDone``."""
    return any(
        failure.kind == "NotDone" or any(message.startswith("Not done yet:") for message in failure.messages)
        for failure in found
    )


def mistakes(found: Sequence[Failure]) -> list[Named]:
    """Return what went wrong in one question, each mistake once; nothing when the question was not done.

    An answer that raises explains what its tests say. Otherwise the mistakes that the hidden checks name count, then
    those of the visible test, then the first symptom: one mistake in an optimizer breaks twenty properties.
    """
    if is_not_done(found):
        return []
    if refused := [failure.messages[0] for failure in found if failure.kind == "RefusedNames"]:
        return [Named(refused[0].partition(";")[0].partition(": ")[2])]
    by_part = {failure.part: failure.messages for failure in found if failure.kind != "GraderError"}
    if "answer" in by_part:
        return [Named(_symptom(by_part["answer"][0]))]
    for part in ("hidden", "visible"):
        named: dict[str, Named] = {}
        for message in by_part.get(part, ()):
            if ";" in message:
                head, mistake, *_ = message.split(";")
                pieces = re.sub(r"\([^()]*\)", "", head).split(": ")[part == "hidden" :]  # without the property
                where = pieces[-2] if len(pieces) > 2 and pieces[-2].isidentifier() else ""
                named.setdefault(skeleton(mistake), Named(mistake.strip(), where))
        if named:
            return list(named.values())
    return [Named(_symptom(by_part[part][0])) for part in ("hidden", "visible") if part in by_part][:1]


def _symptom(message: str) -> str:
    """Return a message without the learner's line at its end, which differs where the mistake does not."""
    return re.sub(r" \(at `.*`\)$", "", message).rstrip(".")


def skeleton(message: str) -> str:
    """Return a message with ``…`` for its numbers: equal for equal mistakes."""
    return _NUMBERS.sub("…", message)


def merge(messages: Iterable[str]) -> str:
    """Return one message for several of the same skeleton: numbers stay where all agree, others become ``…``."""
    messages = list(dict.fromkeys(messages))
    columns = zip(*(_NUMBERS.findall(message) for message in messages), strict=True)
    numbers = iter([column[0] if len(set(column)) == 1 else "…" for column in columns])
    return _NUMBERS.sub(lambda _: next(numbers), messages[0])
