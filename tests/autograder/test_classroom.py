"""A class in miniature through nbgrader: a row for everybody, nothing stale, nothing half-written."""

import csv
import errno
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook

from autograder import classroom, gradebook, ledger, release, report
from autograder.classroom import grade, publish_again
from autograder.feedback import question_of
from autograder.release import generate
from autograder.settings import CourseError

from .conftest import LAB, SECRET_IN_TESTS, SOLUTION, hand_in, make_course, submission

FULL = {"half": 5.0, "descent": 10.0, "why": None}
SLOW = "while True:\n    try:\n        import time; time.sleep(60)\n    except BaseException:\n        pass"


def own_cells(nb, *cells):
    nb.cells[2:2] = cells
    return nb


def skipping(nb):
    """Tag every test to be skipped, with nbgrader's own tag."""
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata.tags = ["skip-execution"]
    return nb


def colab(nb):
    """What Colab writes: format 4.0 without cell ids."""
    nb = json.loads(nbformat.writes(nb))
    nb["nbformat_minor"] = 0
    for cell in nb["cells"]:
        cell["metadata"]["id"] = cell.pop("id")
    return json.dumps(nb).encode()


def without_imports(nb):
    nb.cells = [cell for cell in nb.cells if cell.id != "imports"]
    return nb


def own_imports(nb):
    """Replace the lab's imports by one of the student's own."""
    next(cell for cell in nb.cells if cell.id == "imports").source = "import numpy as np"
    return nb


STUBS = dict.fromkeys(SOLUTION, "raise NotDone()")
CHATTY = "import sys, warnings\nwarnings.warn('careful')\nprint('50%', file=sys.stderr)\n"
ACTIVE = "<script>alert(1)</script><img src='https://example.org/x.png'>[x](javascript:alert(1))"
NOT_GRADED = dict.fromkeys(FULL)
CLASS = {
    "ada": (submission(), FULL, "ok"),
    "=1+1": (
        submission({"half": "def half(x): return x / 3", "descent": "class Descent(torch.optim.SGD): pass"}),
        {"half": 0.0, "descent": 0.0, "why": None},
        "ok",
    ),
    "Doe, Jr": (
        submission({"half": "def half(x):\n    x /= 2\n    return x", "descent": CHATTY + SOLUTION["descent"]}),
        FULL | {"half": 2.0},
        "ok",
    ),
    "exits": (
        submission(
            {
                "half": "import os\nos._exit(0)",
                "descent": SOLUTION["descent"].replace("p -=", "import os; os._exit(1); p -="),
            }
        ),
        {"half": 0.0, "descent": 0.0, "why": None},
        "crashed",
    ),
    "slow": (submission({"half": SLOW}), FULL | {"half": 0.0}, "timeout"),
    "skipper": (
        skipping(submission(STUBS, "*Write your answer here.*")),
        {"half": 0.0, "descent": 0.0, "why": 0.0},
        "repaired",
    ),
    "tidy": (without_imports(submission()), FULL, "repaired"),
    "numpy": (own_imports(submission({"half": "def half(x): return x * np.float64(0.5)"})), FULL, "repaired"),
    "scripts": (
        colab(
            own_cells(
                submission(written=ACTIVE),
                new_markdown_cell("<script>alert(2)</script>"),
                new_code_cell("from IPython.display import HTML\nHTML('<script>alert(3)</script>')"),
                new_code_cell("1 / 0  # <b>bold</b>"),
            )
        ),
        FULL,
        "ok",
    ),
    "cut": (nbformat.writes(submission()).encode()[:900], NOT_GRADED, "malformed"),
    "utf16": (nbformat.writes(submission()).encode("utf-16"), NOT_GRADED, "malformed"),
    "empty": (b"", NOT_GRADED, "malformed"),
    "number": (b"42", NOT_GRADED, "malformed"),
    "list": (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1, 2]}', NOT_GRADED, "malformed"),
    "other": (nbformat.writes(nbformat.v4.new_notebook()).encode(), NOT_GRADED, "malformed"),
}


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    """The whole class, graded once: the grading folder and the rows."""
    grading = tmp_path_factory.mktemp("grading")
    for student, (nb, _, _) in CLASS.items():
        hand_in(grading, student, nb)
    (grading / "submitted" / "renamed" / LAB).mkdir(parents=True)
    (grading / "submitted" / "renamed" / LAB / "lab (1).ipynb").write_text("{}")
    before = dict(os.environ)
    rows = grade(LAB, grading=grading, root=course)
    os.environ.clear()
    os.environ.update(before)
    return grading, {row.student: row for row in rows}


@pytest.mark.parametrize("student", CLASS)
def test_everybody_gets_the_marks_and_the_status_that_are_due(graded, student):
    row = graded[1][student]
    _, marks, status = CLASS[student]
    assert (row.questions, row.status) == (marks, status), row.reason
    assert row.score == sum(mark or 0 for mark in marks.values())
    assert row.max_score == 20


def test_an_edited_import_cell_is_restored_beside_the_students_own(graded):
    note = "The cell `imports` had been changed; it was restored; your version runs before it."
    assert graded[1]["numpy"].reason == note
    assert graded[1]["tidy"].reason == "The cell `imports` was missing; it was put back."


def test_a_renamed_file_is_told_apart_from_a_missing_one(graded):
    row = graded[1]["renamed"]
    assert row.status == "malformed"
    assert f"No notebook named {LAB}.ipynb was handed in; there is only lab (1).ipynb." in row.reason


def test_the_reason_names_the_cell(graded):
    rows = graded[1]
    ended = "the Python process ended while it ran."
    assert rows["exits"].reason == f"half: This cell crashed: {ended} descent_hidden: {ended}"
    assert rows["slow"].reason == "half: This cell took longer than 12 s and was stopped."


def test_the_gradebook_holds_the_same_marks(graded):
    grading, rows = graded
    with Gradebook(f"sqlite:///{grading}/gradebook.db") as book:
        for student, row in rows.items():
            assert book.find_submission(LAB, student).score == row.score
            for entry in book.find_submission_notebook(LAB, LAB, student).grades:
                assert (entry.auto_score is None) == (row.questions[question_of(entry.name)] is None)


def test_grades_csv_has_a_row_for_everybody_and_no_formula(graded):
    grading, rows = graded
    text = (grading / "grades.csv").read_text()
    table = {line["student"]: line for line in csv.DictReader(text.splitlines())}
    assert set(table) == {"'=1+1" if student == "=1+1" else student for student in rows}
    assert table["Doe, Jr"]["half"] == "2"
    assert table["ada"]["why"] == ""
    assert table["ada"]["needs_manual_grade"] == "yes"
    assert table["cut"]["reason"].startswith("The notebook file is damaged")
    assert not re.search(r"(^|,)[=+@-]", text, re.MULTILINE)


def test_everybody_gets_a_page_that_asks_no_other_host_and_runs_no_script(graded):
    grading, rows = graded
    for student in rows:
        page = (grading / "feedback" / student / LAB / f"{LAB}.html").read_text()
        assert "default-src 'none'" in page
        assert not re.search(r"<(script|iframe|object|embed|link|form)", page, re.IGNORECASE), student
        assert not re.search(r"""<[a-zA-Z][^>]*\s(src|href|action)\s*=\s*["'](?!#|data:image/png)""", page), student


def test_the_page_says_marks_and_messages_first(graded):
    page = (graded[0] / "feedback" / "Doe, Jr" / LAB / f"{LAB}.html").read_text()
    summary = page[page.index("<table>") : page.index("</table>")]
    assert "2 / 5" in summary
    assert "leaves its input alone: the input was changed in place" in summary
    assert "Not yet graded." in summary
    unreadable = (graded[0] / "feedback" / "cut" / LAB / f"{LAB}.html").read_text()
    assert "The notebook file is damaged" in unreadable
    assert "hand that file in again" in unreadable


def test_no_test_text_path_or_secret_reaches_a_student(graded):
    grading, _ = graded
    secret = (grading / "secret").read_text()
    for path in [*(grading / "feedback").rglob("*.html"), *(grading / "autograded").rglob("*.ipynb")]:
        text = path.read_text()
        for word in (SECRET_IN_TESTS, "hidden_tests", "probes.py", "COURSE_", secret, str(grading)):
            assert word not in text, (path, word)


def test_nothing_of_the_solution_lies_beside_the_students_code(graded):
    assert release.leaks(graded[0] / "autograded") == []


def test_no_draft_is_left_behind(graded):
    names = {path.name for path in graded[0].rglob("*")}
    assert not {name for name in names if name.startswith(".")}
    assert {path.name for path in graded[0].iterdir()} == {
        *("submitted", "autograded", "feedback", "ledger.jsonl", "gradebook.db", "grades.csv", "secret")
    }


def test_an_experiment_is_not_run(graded):
    nb = nbformat.read(graded[0] / "autograded" / "ada" / LAB / f"{LAB}.ipynb", as_version=4)
    assert [cell.outputs for cell in nb.cells if cell.get("id") == "half_experiment"] == [[]]


def environment(course, grading):
    return os.environ | {"COURSE_GRADING": str(grading), "COURSE_SOLUTIONS": str(course / "solutions")}


def nbgrader(course, grading, *arguments):
    run = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env=environment(course, grading) | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run


def test_plain_nbgrader_gives_the_same_marks_and_the_same_page(course, graded, tmp_path):
    ours, rows = graded
    for name in ("secret", "gradebook.db"):
        shutil.copy(ours / name, tmp_path)
    hand_in(tmp_path, "skipper", CLASS["skipper"][0])
    nbgrader(course, tmp_path, "autograde", LAB)
    nbgrader(course, tmp_path, "generate_feedback", LAB)
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        assert book.find_submission(LAB, "skipper").score == rows["skipper"].score
    page = Path("feedback") / "skipper" / LAB / f"{LAB}.html"
    pages = [(folder / page).read_text() for folder in (tmp_path, ours)]
    said = [re.sub("<details>.*?</details>", "", text, flags=re.DOTALL) for text in pages]  # the learner's own lines
    assert said[0] == said[1]


def test_without_the_ignore_line_the_tests_would_lie_beside_the_students_code(course, tmp_path):
    """The planted fault: nbgrader copies what the line leaves out, and ``leaks`` says so."""
    root = tmp_path / "course"
    root.mkdir()
    config = re.sub(
        r"c\.CourseDirectory\.ignore = \[.*?\]", "", (course / "nbgrader_config.py").read_text(), flags=re.DOTALL
    )
    (root / "nbgrader_config.py").write_text(config)
    (root / "solutions").symlink_to(course / "solutions")
    hand_in(tmp_path / "grading", "ada", submission())
    with pytest.raises(CourseError, match=r"would give something away: .*hidden_tests\.py"):
        release.release(root)
    grade(LAB, grading=tmp_path / "grading", root=root)
    found = release.leaks(tmp_path / "grading" / "autograded")
    assert {line.rpartition("/")[2].partition(" ")[0] for line in found} == {"hidden_tests.py", "probes.py", "answers"}


@pytest.fixture
def again(graded, tmp_path):
    """A copy of the graded class, for tests that grade on."""
    shutil.copytree(graded[0], tmp_path / "grading")
    return tmp_path / "grading"


def test_a_failed_regrading_leaves_no_old_marks(course, again):
    hand_in(again, "ada", b"{")
    (row,) = grade(LAB, grading=again, root=course, students=["ada"])
    assert (row.status, row.score, row.needs_manual_grade) == ("malformed", 0, True)
    with Gradebook(f"sqlite:///{again}/gradebook.db") as book:
        assert book.find_submission(LAB, "ada").score == 0
        entries = book.find_submission_notebook(LAB, LAB, "ada").grades
        assert all(entry.auto_score is None and entry.needs_manual_grade for entry in entries)
        assert book.find_submission(LAB, "scripts").score == 15
    assert not (again / "autograded" / "ada" / LAB).exists()
    assert "The notebook file is damaged" in (again / "feedback" / "ada" / LAB / f"{LAB}.html").read_text()
    table = {line["student"]: line for line in csv.DictReader((again / "grades.csv").read_text().splitlines())}
    assert len(table) == len(CLASS) + 1
    assert (table["ada"]["score"], table["ada"]["half"], table["ada"]["status"]) == ("0", "", "malformed")
    assert table["scripts"]["score"] == "15"


def test_marks_given_by_hand_survive_a_regrading_and_show(course, again):
    with Gradebook(f"sqlite:///{again}/gradebook.db") as book:
        written = book.find_grade("why", LAB, LAB, "skipper")
        written.manual_score, written.needs_manual_grade = 4, False
        book.find_comment("why", LAB, LAB, "skipper").manual_comment = "Well seen."
        book.db.commit()
    assert next(row for row in publish_again(grading=again, root=course) if row.student == "skipper").score == 4
    for _ in range(2):  # what `autograder report` writes, and then what a second grading does
        table = {line["student"]: line for line in csv.DictReader((again / "grades.csv").read_text().splitlines())}
        assert (table["skipper"]["score"], table["skipper"]["why"]) == ("4", "4")
        assert table["skipper"]["needs_manual_grade"] == "no"
        page = (again / "feedback" / "skipper" / LAB / f"{LAB}.html").read_text()
        assert "Well seen." in page
        assert "not yet graded" not in page
        (row,) = grade(LAB, grading=again, root=course, students=["skipper"])
        assert (row.score, row.questions["why"]) == (4, 4)


def test_who_left_the_gradebook_keeps_the_page_and_a_notebook_that_is_gone_is_one_sentence(course, again):
    before = (again / "grades.csv").read_text()
    with Gradebook(f"sqlite:///{again}/gradebook.db") as book:
        book.remove_student("ada")
    assert "ada" not in {row.student for row in publish_again(grading=again, root=course)}
    assert (again / "grades.csv").read_text() == before
    shutil.rmtree(again / "autograded" / "skipper")
    with pytest.raises(CourseError, match="the graded notebook of skipper for lab00_mini is gone; grade it again"):
        publish_again(grading=again, root=course)


def test_a_mark_given_by_hand_is_flagged_again_when_the_answer_has_changed(course, again):
    with Gradebook(f"sqlite:///{again}/gradebook.db") as book:
        for name, mark in (("why", 4), ("half_hidden", 1)):
            entry = book.find_grade(name, LAB, LAB, "ada")
            entry.manual_score, entry.needs_manual_grade = mark, False
        book.db.commit()
    hand_in(again, "ada", submission(written="Because I think so now."))
    (row,) = grade(LAB, grading=again, root=course, students=["ada"])
    assert (row.questions["why"], row.needs_manual_grade) == (4, True)
    with Gradebook(f"sqlite:///{again}/gradebook.db") as book:
        flagged = {
            entry.name for entry in book.find_submission_notebook(LAB, LAB, "ada").grades if entry.needs_manual_grade
        }
    assert flagged == {"why"}
    (lab,) = report.collect(again, root=course)
    assert "An answer that you had graded has changed since: look again in `nbgrader formgrader`." in lab.steps


def test_nbgraders_exchange_takes_a_submission_in_and_hands_its_feedback_back(tmp_path):
    root, theirs, exchange = make_course(tmp_path / "course"), tmp_path / "student", tmp_path / "exchange"
    theirs.mkdir()
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)

    def run(step, folder, *more):
        command = [sys.executable, "-m", "nbgrader", step, LAB, f"--Exchange.root={exchange}", *more]
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout + told.stderr

    generate([LAB], root / "labs", root=root)
    run("release_assignment", root)
    run("fetch_assignment", theirs, "--course=training-neural-networks")
    run("submit", theirs, "--course=training-neural-networks")
    run("collect", root)
    (row,) = grade(LAB, root=root)
    assert (row.score, row.status) == (0, "ok")
    run("release_feedback", root)
    run("fetch_feedback", theirs, "--course=training-neural-networks")
    (page,) = theirs.rglob("*.html")
    assert page.read_bytes() == (root / "grading" / "feedback" / row.student / LAB / f"{LAB}.html").read_bytes()


def test_what_the_exchange_needs_to_hand_feedback_back_lies_beside_the_page(course, again):
    folder = again / "submitted" / "ada" / LAB
    (folder / "timestamp.txt").write_text("2020-01-01 00:00:00 UTC")
    (folder / "submission_secret.txt").write_text("5f2e")
    (row,) = grade(LAB, grading=again, root=course, students=["ada"])
    assert row.status == "ok"  # neither is a file that a student handed in
    beside = again / "feedback" / "ada" / LAB
    assert (beside / "submission_secret.txt").read_text() == "5f2e"
    assert (beside / "timestamp.txt").read_text() in {
        one.received for one in ledger.latest(again) if one.student == "ada"
    }
    (folder / "submission_secret.txt").unlink()
    (folder / "submission_secret.txt").symlink_to(again / "secret")
    grade(LAB, grading=again, root=course, students=["ada"])
    assert not (beside / "submission_secret.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["nope"], {}), f"unknown lab 'nope'; known: {LAB}"),
        (([LAB], {}), "no submissions of lab00_mini; expected .*submitted/<student>/"),
        (([LAB], {"students": ["eve"]}), "no submission of lab00_mini by eve"),
    ],
)
def test_a_wrong_request_is_one_sentence(course, tmp_path, arguments, message):
    (names, options) = arguments
    with pytest.raises(CourseError, match=message):
        grade(*names, grading=tmp_path, root=course, **options)


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("what", ["grades.csv", f"{LAB}.html"])
def test_a_disk_that_fills_up_while_writing_leaves_whole_files(course, again, monkeypatch, what):
    before = everything(again)
    replace = os.replace

    def full(source, target):
        if Path(target).name == what:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    hand_in(again, "ada", b"{")
    with pytest.raises(CourseError, match="no space left for the grading folder"):
        grade(LAB, grading=again, root=course, students=["ada"])
    after = everything(again)
    assert after[Path("grades.csv")] == before[Path("grades.csv")]
    assert not [path for path in after if path.name.startswith(".")]
    for path in after:
        if path.suffix == ".html":
            assert after[path].endswith(b"</html>")


def test_a_file_size_limit_stops_grading_with_one_sentence(course, again):
    """A real limit of the system: no file may grow beyond 100 kB, and the gradebook has to."""
    before = everything(again)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    run = subprocess.run(
        [sys.executable, "-m", "autograder", "grade", LAB, "--grading", str(again)],
        cwd=course,
        env=environment(course, again) | {"PYTHONPATH": str(Path(classroom.__file__).parents[1])},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert run.stderr.startswith("Error: no space left for the grading folder")
    assert len(run.stderr.splitlines()) == 1
    after = everything(again)
    assert after.keys() == before.keys()
    assert after[Path("grades.csv")] == before[Path("grades.csv")]


def test_a_grader_process_that_dies_costs_its_submission_only(course, tmp_path, monkeypatch):
    for student in ("ada", "bob"):
        hand_in(tmp_path, student, b"{")
    monkeypatch.setattr(classroom, "grade_one", _die_for_bob)
    rows = {row.student: row for row in grade(LAB, grading=tmp_path, root=course)}
    assert [rows[student].status for student in ("ada", "bob")] == ["malformed", "error"]
    assert "process ended" in rows["bob"].reason
    assert "Your teacher has been told" in (tmp_path / "feedback" / "bob" / LAB / f"{LAB}.html").read_text()


def _die_for_bob(student, *rest):
    from autograder.submission import grade_one

    if student == "bob":
        os._exit(1)
    return grade_one(student, *rest)


def test_rows_of_other_labs_stay_in_the_table(tmp_path):
    path = tmp_path / "grades.csv"
    old = gradebook.Row("-x", "lab1", 1, 2, {"a": 1.0}, "ok", False, "")
    new = gradebook.Row("-x", "lab2", 3, 4, {"b": None}, "ok", True, "=SUM(A1)")
    gradebook.write_csv(path, [old])
    gradebook.write_csv(path, [new])
    gradebook.write_csv(path, [new])
    table = list(csv.DictReader(path.read_text().splitlines()))
    assert [(line["student"], line["lab"], line["a"], line["b"], line["reason"]) for line in table] == [
        ("'-x", "lab1", "1", "", ""),
        ("'-x", "lab2", "", "", "'=SUM(A1)"),
    ]
