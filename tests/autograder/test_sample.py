"""The sample class of eight goes through the whole grader and gets exactly the intended marks."""

import csv
import itertools
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook

from autograder import classroom, release, sample
from autograder.gradebook import Row
from autograder.settings import CourseError

from .conftest import ROOT

LABS = tuple(sample.STUDENTS)
SUBMISSIONS = sum(len(students) for students in sample.STUDENTS.values())


@pytest.fixture(scope="module")
def graded():
    """The sample class as `make grade` left it; one of the tests grades it once more."""
    folder = ROOT / "_build" / "sample"
    if not (folder / "grades.csv").exists():
        pytest.fail("No graded sample class in _build/sample: run `make grade`", pytrace=False)
    return folder


def intended(lab):
    return sample.intended(lab, root=ROOT)


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_has_at_least_five_of_the_eight_and_one_with_damage(lab):
    statuses = [status for _, status in intended(lab).values()]
    everybody = list(intended(LABS[0]))
    assert len(everybody) == 8
    assert list(intended(lab)) == [student for student in everybody if student in intended(lab)]
    assert len(statuses) >= 5
    assert {"ok"} < set(statuses) <= {"ok", "crashed", "repaired", "malformed"}
    assert len(statuses) < 8 or len(set(statuses)) == 4


@pytest.mark.parametrize("lab", LABS)
def test_the_intended_marks_add_up_to_the_labs_points(lab):
    source = nbformat.read(ROOT / "solutions" / lab / f"{lab}.ipynb", as_version=4)
    points = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in source.cells)
    marks, _ = intended(lab)["ada"]
    written = [question for question, mark in marks.items() if mark is None]
    assert points == 100
    assert sum(mark for mark in marks.values() if mark) == 90
    assert all(question.startswith("written_") for question in written)
    assert len(written) == 2


@pytest.mark.parametrize("lab", LABS)
def test_the_gradebook_holds_exactly_the_intended_marks(graded, lab):
    with Gradebook(f"sqlite:///{graded}/gradebook.db") as book:
        for student, (marks, _) in intended(lab).items():
            assert book.find_submission(lab, student).score == sum(mark or 0 for mark in marks.values()), student
            for entry in book.find_submission_notebook(lab, lab, student).grades:
                question = entry.name.removesuffix("_visible").removesuffix("_hidden")
                assert (entry.auto_score is None) == (marks[question] is None)
                assert entry.needs_manual_grade == (marks[question] is None)


@pytest.mark.parametrize("lab", LABS)
def test_grades_csv_holds_exactly_the_intended_marks(graded, lab):
    lines = list(csv.DictReader((graded / "grades.csv").read_text().splitlines()))
    assert len(lines) == SUBMISSIONS
    table = {line["student"]: line for line in lines if line["lab"] == lab}
    assert list(table) == sorted(intended(lab))
    for student, (marks, status) in intended(lab).items():
        line = table[student]
        assert {q: line[q] for q in marks} == {q: "" if mark is None else f"{mark:g}" for q, mark in marks.items()}
        assert line["status"] == status
        assert bool(line["reason"]) == (status != "ok")


def test_the_mistakes_are_named_where_marks_are_lost(graded):
    page = (graded / "feedback" / "dorothy" / "lab05_optimizers" / f"{'lab05_optimizers'}.html").read_text()
    assert "the bias correction is missing" in page
    assert "clipped by its own norm" in page


def test_graded_again_a_lab_gets_the_same_ledger_but_for_times(graded, tmp_path):
    lab = "lab05_optimizers"
    for name in ("submitted", "secret"):
        copy = shutil.copytree if (graded / name).is_dir() else shutil.copy2
        copy(graded / name, tmp_path / name)
    classroom.grade(lab, grading=tmp_path, root=ROOT)
    ledgers = []
    for folder in (graded, tmp_path):
        lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
        lines = [line for line in lines if line["lab"] == lab]
        for line in lines:
            for changing in ("seconds", "finished", "received", "previous"):
                del line[changing]
        ledgers.append(sorted(lines, key=lambda line: line["student"]))
    assert [line["student"] for line in ledgers[0]] == sorted(intended(lab))
    assert ledgers[0] == ledgers[1]


def test_every_submission_of_the_class_was_asked_other_inputs(graded):
    lines = [json.loads(line) for line in (graded / "ledger.jsonl").read_text().splitlines()]
    asked = [line["inputs"] for line in lines if line["inputs"]]  # malformed ones were asked nothing
    assert len(asked) == sum(status != "malformed" for lab in LABS for _, status in intended(lab).values())
    assert len(set(asked)) == len(asked)


def test_no_hidden_test_reaches_a_page_or_a_graded_notebook(graded):
    for lab in (ROOT / "solutions" / lab for lab in LABS):
        known = "".join(path.read_text() for path in [lab / f"{lab.name}.ipynb", *lab.glob("answers/*/*.py")])
        lines = [line.strip() for line in (lab / "hidden_tests.py").read_text().splitlines()]
        telling = [line for line in lines if len(line) > 40 and line not in known]
        assert len(telling) > 50
        pages = [*(graded / "feedback").rglob("*.html"), *(graded / "autograded").rglob("*.ipynb")]
        for path in [*pages, graded / "ledger.jsonl", graded / "report.html"]:
            text = path.read_text()
            assert not [line for line in telling if line in text], path
    assert release.leaks(graded / "autograded") == []


def tables(html):
    """Each table of a page under the title of its lab and its own heading: rows of cells."""
    found = {}
    for section in BeautifulSoup(html, "html.parser").find_all("section"):
        for body in section.find_all("tbody"):
            rows = [[" ".join(cell.text.split()) for cell in row(("th", "td"))] for row in body("tr")]
            found[section.h2.text.partition(":")[0], (body.find_previous("h3") or section.h2).text] = rows
    return found


def test_the_report_says_what_grades_csv_says(graded):
    found = tables((graded / "report.html").read_text())
    lines = list(csv.DictReader((graded / "grades.csv").read_text().splitlines()))
    totals = {row[0]: row[-1] for row in found["All labs", "Marks of every student"]}
    for lab, title in ((lab, f"Lab {lab[3:5]}") for lab in LABS):
        questions = list(intended(lab)["ada"][0])
        rows = {row[0]: row for row in found[title, "Every student"]}
        of_lab = [line for line in lines if line["lab"] == lab]
        assert list(rows) == [line["student"] for line in of_lab]
        for line in of_lab:
            row = rows[line["student"]]
            assert row[1] == line["status"]
            if line["status"] == "malformed":
                assert row[2] == line["reason"]
            else:
                assert row[2:-1] == [line["score"], *(line[question] or "–" for question in questions)]
        statuses = {row[0].split()[0].removesuffix("graded"): int(row[1]) for row in found[title, "Submissions"]}
        assert sum(statuses.values()) == len(intended(lab))
        for question, _, share, *_, full, part, none, _, wait in found[title, "Success per question"]:
            marks = [line[question] for line in of_lab if line["status"] != "malformed"]
            most = max(intended(lab)["ada"][0][question] or 5.0, 1.0)
            given = [float(mark) for mark in marks if mark]
            assert [full, part, none, wait] == [
                str(sum(mark == most for mark in given)),
                str(sum(0 < mark < most for mark in given)),
                str(sum(mark == 0 for mark in given)),
                str(marks.count("")),
            ]
            assert share == ("–" if "" in marks else f"{100 * sum(given) / most / len(given):.0f} %")
    for student, together in totals.items():
        assert float(together) == sum(float(line["score"]) for line in lines if line["student"] == student)


def test_the_report_names_the_mistakes_that_were_made_and_by_whom(graded):
    found = tables((graded / "report.html").read_text())
    assert ["adam", "the bias correction is missing", "1", "dorothy"] in found["Lab 05", "Most frequent mistakes"]
    assert found["Lab 02", "Most frequent mistakes"][0] == [
        *("softmax_cross_entropy_backward", "the mean over the batch is missing", "3", "blaise, dorothy, felix")
    ]


def test_the_report_without_names_has_the_same_numbers_and_no_name(graded, tmp_path):
    out = tmp_path / "report.html"
    command = [sys.executable, "-m", "autograder", "report", "--grading", str(graded), "--anonymous", "--out", str(out)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    html = out.read_text()
    for student in intended(LABS[0]):
        assert not re.search(rf"(?<!\w){student}(?!\w)", html, re.IGNORECASE), student
    named, hidden = tables((graded / "report.html").read_text()), tables(html)
    assert named.keys() == hidden.keys()
    for title, rows in named.items():
        if title[1] in ("Every student", "Marks of every student"):
            numbers = [
                sorted([cell for cell in row[1:] if re.fullmatch(r"[\d.–]+", cell)] for row in each)
                for each in (rows, hidden[title])
            ]
            assert numbers[0] == numbers[1]
        if title[1] == "Success per question":
            assert rows == hidden[title]


LOOKED_AT = [("dorothy", (1000, "light")), ("grace", (400, "dark")), ("henri", (400, "light"))]


def test_a_page_opens_from_disk_alone_narrow_and_readable_for_all(browser, graded):
    pages = [
        (f"feedback/{who}/{lab}/{lab}.html", how)
        for (who, how), lab in itertools.product(LOOKED_AT, LABS)
        if who in intended(lab)
    ]
    for name, (width, scheme) in [*pages, ("report.html", (1280, "light")), ("report.html", (400, "dark"))]:
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
        requests, errors = [], []
        page.on("request", lambda request, seen=requests: seen.append(request.url))
        page.on("console", lambda message, seen=errors: seen.append(message.text))
        url = (graded / name).as_uri()
        page.goto(url)
        assert requests == [url]
        assert errors == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.close()


def row(student, **changes):
    marks, status = intended("lab05_optimizers")[student]
    return replace(Row(student, "lab05_optimizers", 0, 100, dict(marks), status, True, ""), **changes)


def test_a_wrong_mark_a_wrong_status_and_a_missing_row_are_reported():
    rows = [row(student) for student in intended("lab05_optimizers")]
    assert sample.disagreements("lab05_optimizers", rows, root=ROOT) == []
    rows[0].questions["adam"] = 19.0
    rows[1] = row("blaise", status="error")
    del rows[-1]
    assert sample.disagreements("lab05_optimizers", rows, root=ROOT) == [
        "ada, adam: 19.0 points, intended 20.0",
        "blaise: status error, intended ok",
        "henri has no row",
    ]


def test_the_class_is_the_same_at_every_making(tmp_path):
    for name in ("a", "b"):
        sample.make(LABS, tmp_path / name, root=ROOT)
    files = [
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("a", "b")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == SUBMISSIONS + 2  # the marker and the secret


def test_it_never_replaces_a_folder_that_holds_something_else(tmp_path):
    (tmp_path / "gradebook.db").write_text("a real class")
    with pytest.raises(CourseError, match="holds other files"):
        sample.make(LABS, tmp_path, root=ROOT)
    assert (tmp_path / "gradebook.db").read_text() == "a real class"


def test_an_unknown_lab_is_one_sentence_and_a_non_zero_exit(tmp_path):
    command = [sys.executable, "-m", "autograder", "sample", "--lab", "nope", "--out", str(tmp_path / "out")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == f"Error: no sample class for the lab 'nope'; known: {', '.join(LABS)}\n"
    assert not Path(tmp_path / "out").exists()
