"""The sample class of eight goes through the whole grader and gets exactly the marks that its makers intended."""

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbgrader.api import Gradebook
from playwright.sync_api import sync_playwright

from autograder import release, sample
from autograder.gradebook import Row
from autograder.settings import CourseError

from .conftest import ROOT

LAB = "lab05_optimizers"


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The sample class, made and graded by the command that `make grade` runs."""
    out = tmp_path_factory.mktemp("sample") / "class"
    command = [sys.executable, "-m", "autograder", "sample", "--out", str(out)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "All marks are the intended ones." in run.stdout
    return out


def intended():
    return sample.intended(LAB, root=ROOT)


def test_there_are_eight_of_them_of_every_kind():
    statuses = [status for _, status in intended().values()]
    assert len(statuses) == 8
    assert {"ok", "crashed", "repaired", "malformed"} == set(statuses)


def test_the_intended_marks_add_up_to_the_labs_points():
    source = nbformat.read(ROOT / "solutions" / LAB / f"{LAB}.ipynb", as_version=4)
    points = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in source.cells)
    marks, _ = intended()["ada"]
    written = [question for question, mark in marks.items() if mark is None]
    assert points == 100
    assert sum(mark for mark in marks.values() if mark) == 90
    assert written == ["written_decay", "written_rate"]


def test_the_gradebook_holds_exactly_the_intended_marks(graded):
    with Gradebook(f"sqlite:///{graded}/gradebook.db") as book:
        for student, (marks, status) in intended().items():
            assert book.find_submission(LAB, student).score == sum(mark or 0 for mark in marks.values()), student
            for entry in book.find_submission_notebook(LAB, LAB, student).grades:
                question = entry.name.removesuffix("_visible").removesuffix("_hidden")
                assert (entry.auto_score is None) == (marks[question] is None)
                assert entry.needs_manual_grade == (marks[question] is None)
            assert status in ("ok", "crashed", "repaired", "malformed")


def test_grades_csv_holds_exactly_the_intended_marks(graded):
    table = {line["student"]: line for line in csv.DictReader((graded / "grades.csv").read_text().splitlines())}
    assert list(table) == sorted(intended())
    for student, (marks, status) in intended().items():
        line = table[student]
        assert {q: line[q] for q in marks} == {q: "" if mark is None else f"{mark:g}" for q, mark in marks.items()}
        assert line["status"] == status
        assert bool(line["reason"]) == (status != "ok")


def test_the_mistakes_are_named_where_marks_are_lost(graded):
    page = (graded / "feedback" / "dorothy" / LAB / f"{LAB}.html").read_text()
    assert "the bias correction is missing" in page
    assert "clipped by its own norm" in page


def test_no_hidden_test_reaches_a_page_or_a_graded_notebook(graded):
    lab = ROOT / "solutions" / LAB
    known = "".join(path.read_text() for path in [lab / f"{LAB}.ipynb", *lab.glob("answers/*/*.py")])
    lines = [line.strip() for line in (lab / "hidden_tests.py").read_text().splitlines()]
    telling = [line for line in lines if len(line) > 40 and line not in known]
    assert len(telling) > 50
    for path in [*(graded / "feedback").rglob("*.html"), *(graded / "autograded").rglob("*.ipynb")]:
        text = path.read_text()
        assert not [line for line in telling if line in text], path
    assert release.leaks(graded / "autograded") == []


def test_a_page_opens_from_disk_alone_narrow_and_readable_for_all(graded):
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for student, width, scheme in (("dorothy", 1000, "light"), ("grace", 400, "dark"), ("henri", 400, "light")):
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
            requests, errors = [], []
            page.on("request", lambda request, seen=requests: seen.append(request.url))
            page.on("console", lambda message, seen=errors: seen.append(message.text))
            url = (graded / "feedback" / student / LAB / f"{LAB}.html").as_uri()
            page.goto(url)
            assert requests == [url]
            assert errors == []
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            page.close()
        browser.close()


def row(student, **changes):
    marks, status = intended()[student]
    return replace(Row(student, LAB, 0, 100, dict(marks), status, True, ""), **changes)


def test_a_wrong_mark_a_wrong_status_and_a_missing_row_are_reported():
    rows = [row(student) for student in intended()]
    assert sample.disagreements(LAB, rows, root=ROOT) == []
    rows[0].questions["adam"] = 19.0
    rows[1] = row("blaise", status="error")
    del rows[-1]
    assert sample.disagreements(LAB, rows, root=ROOT) == [
        "ada, adam: 19.0 points, intended 20.0",
        "blaise: status error, intended ok",
        "henri has no row",
    ]


def test_the_class_is_the_same_at_every_making(tmp_path):
    for name in ("a", "b"):
        sample.make([LAB], tmp_path / name, root=ROOT)
    files = [
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("a", "b")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 10


def test_it_never_replaces_a_folder_that_holds_something_else(tmp_path):
    (tmp_path / "gradebook.db").write_text("a real class")
    with pytest.raises(CourseError, match="holds other files"):
        sample.make([LAB], tmp_path, root=ROOT)
    assert (tmp_path / "gradebook.db").read_text() == "a real class"


def test_an_unknown_lab_is_one_sentence_and_a_non_zero_exit(tmp_path):
    command = [sys.executable, "-m", "autograder", "sample", "--lab", "nope", "--out", str(tmp_path / "out")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == f"Error: no sample class for the lab 'nope'; known: {LAB}\n"
    assert not Path(tmp_path / "out").exists()
