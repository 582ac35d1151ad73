"""The commands of an instructor: ``autograder --help``."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from autograder.sandbox import PROTECTIONS, SandboxError, problem
from autograder.settings import CourseError, disk_is_full, find_root, submitted

if TYPE_CHECKING:  # nbgrader and PyTorch take seconds to load: only for what needs them
    from autograder.gradebook import Row
    from autograder.submission import Graded


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Grade the labs of the course. Every command leaves with 0 when all went well, otherwise it says what did not."""


_without = click.option(
    "--without",
    "without",
    multiple=True,
    type=click.Choice(["sandbox", *PROTECTIONS]),
    metavar="PROTECTION",
    help="Grade although this protection is missing here, or without any sandbox (--without sandbox). Whoever can run "
    "code may then use what the protection guards; say it only for people whom you trust.",
)


@main.command()
@click.argument("lab")
@click.option("--student", "students", multiple=True, help="Grade this student only; may be given several times.")
@click.option(
    "--grading", type=click.Path(path_type=Path), help="The grading folder  [default: COURSE_GRADING, grading]"
)
@click.option("--processes", type=click.IntRange(1), default=min(2, os.cpu_count() or 1), show_default=True)
@_without
def grade(lab: str, students: tuple[str, ...], grading: Path | None, processes: int, without: tuple[str, ...]) -> None:
    """Grade the submissions of LAB.

    They are expected in GRADING/submitted/STUDENT/LAB/LAB.ipynb (or one .zip with it). Each runs in a sandbox, whose
    limits are tried on this machine first. Marks go to the gradebook (nbgrader formgrader shows it) and to
    GRADING/grades.csv, what was found to GRADING/ledger.jsonl, pages for the students to GRADING/feedback, a report of
    the class to GRADING/report.html.
    """
    root = find_root()
    solutions = Path(os.environ.get("COURSE_SOLUTIONS") or root / "solutions")
    submitted(lab, students, folder=_folder(grading, root), solutions=solutions)
    from autograder.classroom import Workers
    from autograder.classroom import grade as grade_class

    _try_sandbox(without)
    with _bar() as progress, Workers(processes) as workers:
        rows = grade_class(lab, grading=grading, students=students, workers=workers, without=without, progress=progress)
    folder = Path(os.environ["COURSE_GRADING"])
    _tell(rows, folder)
    if errors := [row.student for row in rows if row.status == "error"]:
        raise CourseError(f"the grader failed for {', '.join(errors)}; the reason is in {folder.name}/grades.csv")


@main.command()
def check() -> None:
    """Try every protection of the sandbox on this machine; leave with 1 when one does not hold."""
    from autograder.selfcheck import check as try_all
    from autograder.warm import works

    try:
        found = try_all()
    except SandboxError as error:
        raise CourseError(str(error)) from None
    for finding in found:
        click.echo(f"{'holds' if finding.holds else 'MISSING'}\t{finding.name}: {finding.promise}".expandtabs(9))
    if missing := [finding.name for finding in found if not finding.holds]:
        raise CourseError(f"{_many(missing)} {'does' if len(missing) == 1 else 'do'} not hold on this machine")
    click.echo(f"All {len(found)} protections hold.")
    if not works():
        click.echo("Grading is slow here: no process can enter a sandbox (setns), so that each one starts Python anew.")


@main.command()
@click.option(
    "--grading", type=click.Path(path_type=Path), help="The grading folder  [default: COURSE_GRADING, grading]"
)
@click.option("--anonymous", is_flag=True, help="Replace names by ids; link to nothing.")
@click.option("--out", type=click.Path(path_type=Path), help="The page  [default: GRADING/report[-anonymous].html]")
def report(grading: Path | None, anonymous: bool, out: Path | None) -> None:
    """Make the report of a class again from what is stored, without grading.

    Marks given by hand since the grading are included. So that all say the same, GRADING/grades.csv and the feedback
    pages are made again, too (not with --anonymous).
    """
    from autograder.classroom import publish_again
    from autograder.report import write

    folder = _folder(grading, find_root())
    path = write(folder, anonymous=anonymous, out=out)
    if not anonymous:
        publish_again(grading=folder)
        click.echo(f"Marks:    {_shown(folder / 'grades.csv')}\nFeedback: {_shown(folder / 'feedback')}")
    click.echo(f"Report:   {_shown(path)}")


@main.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("_build/sample"), show_default=True)
@click.option("--lab", "labs", multiple=True, help="Take this lab only; may be given several times.")
@click.option("--processes", type=click.IntRange(1), default=min(2, os.cpu_count() or 1), show_default=True)
def sample(out: Path, labs: tuple[str, ...], processes: int) -> None:
    """Make a sample class of up to eight students a lab, grade it, and compare its marks with the intended ones.

    Its submissions are the course's own, so that where no sandbox can be made they are graded without one.
    """
    from autograder.classroom import Workers
    from autograder.classroom import grade as grade_class
    from autograder.sample import STUDENTS, disagreements, make

    without: tuple[str, ...] = ()
    if why := problem():
        click.echo(f"No sandbox: {why}. The sample class is the course's own; it is graded without.", err=True)
        without = ("sandbox",)
    root, labs = find_root(), labs or tuple(STUDENTS)
    os.environ.pop("COURSE_SECRET", None)  # the class has its own, an open one
    make(labs, out.resolve(), root=root)
    rows: dict[str, list[Row]] = {}
    with _bar(sum(len(STUDENTS[lab]) for lab in labs)) as progress, Workers(processes) as workers:
        for lab in labs:
            rows[lab] = grade_class(
                lab, grading=out.resolve(), workers=workers, root=root, without=without, progress=progress
            )
    _tell([row for graded in rows.values() for row in graded], out)
    if wrong := [line for lab in labs for line in disagreements(lab, rows[lab], root=root)]:
        raise CourseError("not the intended marks: " + "; ".join(wrong))
    click.echo("All marks are the intended ones.")


@main.command()
@click.option("--check", is_flag=True, help="Change nothing; fail when labs/ is not what solutions/ generates.")
def release(check: bool) -> None:
    """Generate labs/ from solutions/."""
    from autograder.release import release as release_labs

    found = release_labs(find_root(), check=check)
    if check and found:
        raise CourseError("; ".join(found) + "; run `make labs`")
    click.echo("labs/ is up to date." if check or not found else f"Written: {', '.join(found)}")


def _try_sandbox(without: tuple[str, ...]) -> None:
    """Refuse to grade when a protection is missing that the instructor has not named."""
    if "sandbox" in without:
        click.echo("Grading without a sandbox: the students' code runs as you.", err=True)
        return
    from autograder.selfcheck import check as try_all

    try:
        missing = [finding.name for finding in try_all(without=without, ours=False) if not finding.holds]
    except SandboxError as error:
        raise CourseError(f"{error}. To grade without, for people whom you trust, say --without sandbox") from None
    if left := [name for name in missing if name not in without]:
        ways = " ".join(f"--without {name!r}" if " " in name else f"--without {name}" for name in left)
        raise CourseError(
            f"{_many(left)} {'does' if len(left) == 1 else 'do'} not hold on this machine (`autograder check` tells "
            f"more); to grade all the same, for people whom you trust, say {ways}"
        )


def _many(names: list[str]) -> str:
    return f"the protection {names[0]!r}" if len(names) == 1 else f"the protections {', '.join(map(repr, names))}"


@contextmanager
def _bar(total: int | None = None) -> "Iterator[Callable[[Iterable[Graded], int], Iterator[Graded]]]":
    """Yield what moves one progress bar while results come, of one lab or of several; in a file, lines."""
    seen = sys.stderr.isatty()
    with tqdm(total=total, unit="submission", desc="Grading", disable=not seen) as bar:

        def progress(results: "Iterable[Graded]", number: int) -> "Iterator[Graded]":
            bar.total = bar.total or number
            for count, result in enumerate(results, start=1):
                bar.set_postfix_str(f"{result.student}: {result.status}")
                bar.update()
                if not seen:
                    click.echo(f"{count} of {number} graded: {result.student}, {result.status}", err=True)
                yield result

        yield progress


def _folder(grading: Path | None, root: Path) -> Path:
    return grading or Path(os.environ.get("COURSE_GRADING") or root / "grading")


def _tell(rows: "list[Row]", folder: Path) -> None:
    from autograder.report import write

    width = max(len(row.student) for row in rows)
    labs = {row.lab for row in rows}
    for row in rows:
        where = f"{row.lab.partition('_')[0]}  " if len(labs) > 1 else ""
        rest = f"  {row.reason}" if row.reason else ""
        click.echo(f"{where}{row.student:<{width}}  {row.score:>5g} / {row.max_score:g}  {row.status}{rest}"[:160])
    click.echo(f"Marks:    {_shown(folder / 'grades.csv')}\nFeedback: {_shown(folder / 'feedback')}")
    click.echo(f"Report:   {_shown(write(folder))}")


def _shown(path: Path) -> Path:
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def run() -> None:
    """Run a command; leave with 0 when all went well, 1 with one sentence, 2 for a wrong request, 130 when stopped."""
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except CourseError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        if not disk_is_full(error):
            raise
        click.echo(
            f"Error: no space left on the disk ({error.strerror}); free some and run the command again", err=True
        )
        sys.exit(1)


if __name__ == "__main__":
    run()
