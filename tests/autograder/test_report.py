"""The report of a class: its numbers are those of the gradebook, it gives away no name that it should hide."""

import json
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_output
from nbgrader.api import Gradebook

from autograder import anonymous, ledger, report, summary
from autograder.charts import Distribution
from autograder.classroom import _record, grade
from autograder.feedback import TEMPLATES
from autograder.gradebook import prepare, write_marks
from autograder.ledger import Record
from autograder.mistakes import Failure, failures, is_not_done, merge, mistakes, skeleton
from autograder.settings import CourseError, load_settings
from autograder.submission import Graded
from nnutils.plots import COLORS

from .conftest import LAB, ROOT, hand_in, submission

CELLS = {"half_visible": 2, "half_hidden": 3, "descent_visible": 4, "descent_hidden": 6}
WRONG = "one step: Descent: path: wrong value (largest difference {}); the sign of the step is wrong; subtract it"


def result(student, *lost, status="ok", written=None, seconds=2.0, **messages):
    """What grading found of one student: the lost cells, and messages by cell."""
    if status in ("malformed", "error"):
        return Graded(student, status, "The file is damaged.", seconds=seconds)
    scores = {cell: (0.0 if cell in lost else float(most), False) for cell, most in CELLS.items()}
    scores["why"] = (written, written is None)
    found = [
        Failure(cell.partition("_")[0], cell.partition("_")[2] or "answer", kind, tuple(lines))
        for cell, (kind, *lines) in messages.items()
    ]
    return Graded(student, status, "" if status == "ok" else "A reason.", scores, {}, found, seconds)


def hidden(*lines):
    return ("HiddenTestsFailed", *lines)


def class_of(course, folder, results):
    """Store results as grading does, without running any notebook."""
    config = load_settings(folder, root=course)
    if not (folder / "gradebook.db").exists():
        with tempfile.TemporaryDirectory() as draft:
            prepare(config, LAB, Path(draft))
    write_marks(config, LAB, results)
    ledger.add(folder, [_record(LAB, each) for each in results])
    for each in results:
        page = folder / "feedback" / each.student / LAB / f"{LAB}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"the page of {each.student}")
    return folder


NAMES = ["ada", "Zoë Élan", "=1+1", "Doe, Jr", "<img src=x onerror=alert(1)>", "henri", "blaise"]
MADE = [
    result("ada"),
    result("Zoë Élan", "descent_hidden", descent_hidden=hidden(WRONG.format(0.25), "and 3 more properties")),
    result("=1+1", "descent_hidden", descent_hidden=hidden(WRONG.format("1e-3"), "same for all: " + WRONG.format(7))),
    result(
        *("Doe, Jr", "half_hidden"),
        seconds=31.0,
        half_hidden=hidden("half raised MyJrError: it is Doe, Jr (at `x = 'Doe, Jr'`)"),
    ),
    result(
        *("<img src=x onerror=alert(1)>", "half_visible"),
        half_visible=("WrongAnswer", "<script>alert(1)</script> & of ada; `<b>ada</b>` was here; do x"),
    ),
    result("henri", status="malformed", seconds=0.0),
    result(
        *("blaise", "half_visible", "half_hidden", "descent_visible", "descent_hidden"),
        written=0.0,
        half_visible=("NotDone", "Not done yet: half. Replace it."),
        descent_hidden=hidden("Not done yet: Descent. Replace it."),
    ),
]


@pytest.fixture(scope="module")
def stored(course, tmp_path_factory):
    """A class of seven, stored as grading stores it."""
    folder = class_of(course, tmp_path_factory.mktemp("grading"), MADE)
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        book.update_or_create_student("ada", first_name="Augusta", last_name="King", email="a.king@example.org")
    (folder / "secret").write_text("a secret of the course")
    return folder


@pytest.fixture(scope="module")
def labs(course, stored):
    return report.collect(stored, root=course)


def page_of(labs, **options):
    return BeautifulSoup(report.render(labs, **options), "html.parser")


def table(page, title, number=0):
    """The cells of the table under a heading, by row."""
    heading = page.find_all("h3", string=title)[number]
    return [[" ".join(cell.text.split()) for cell in row(("th", "td"))] for row in heading.find_next("tbody")("tr")]


def active(html):
    """Whatever in a page could act or ask another host."""
    found = re.findall(r"<\s*(?:script|iframe|object|embed|link|form|img|base)\b[^>]*>?", html, re.IGNORECASE)
    found += re.findall(r"<[^>]*\son\w+\s*=", html)
    return found + re.findall(r"""(?:src|href|action)\s*=\s*["'](?!#|feedback/)[^"']*""", html)


def names_in(html, names):
    return [name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", html, re.IGNORECASE)]


def test_the_table_of_students_holds_the_marks_of_the_gradebook(stored, labs):
    rows = {row[0]: row for row in table(page_of(labs), "Every student")}
    assert list(rows) == sorted(NAMES)
    with Gradebook(f"sqlite:///{stored}/gradebook.db") as book:
        for student in NAMES:
            if student == "henri":
                assert rows[student][1:3] == ["malformed", "The file is damaged."]
                continue
            entries = {entry.name: entry for entry in book.find_submission_notebook(LAB, LAB, student).grades}
            half, descent = (
                sum(entries[f"{question}_{part}"].score for part in ("visible", "hidden"))
                for question in ("half", "descent")
            )
            why = "–" if entries["why"].needs_manual_grade else f"{entries['why'].score:g}"
            total = book.find_submission(LAB, student).score
            assert rows[student][2:6] == [f"{total:g}", f"{half:g}", f"{descent:g}", why]


def test_success_per_question_is_what_the_marks_give(labs):
    rows = {row[0]: row for row in table(page_of(labs), "Success per question")}
    assert list(rows) == ["half", "descent", "why"]
    graded = [each for each in MADE if each.scores]
    for question in ("half", "descent"):
        scores = [[each.scores[f"{question}_{part}"][0] for each in graded] for part in ("visible", "hidden")]
        most = [CELLS[f"{question}_{part}"] for part in ("visible", "hidden")]
        shares = [sum(map(sum, scores)) / sum(most), *(sum(part) / m for part, m in zip(scores, most, strict=True))]
        assert rows[question][2:5] == [f"{100 * share / len(graded):.0f} %" for share in shares]
        together = [sum(pair) for pair in zip(*scores, strict=True)]
        states = Counter("full" if got == sum(most) else "part" if got else "none" for got in together)
        assert rows[question][5:8] == [str(states[state]) for state in ("full", "part", "none")]
        assert rows[question][8:] == ["1", "0"]
    assert rows["why"][2:] == ["–", "–", "–", "0", "0", "1", "0", "5"]


def test_who_could_not_be_graded_is_left_out_of_marks_and_times(labs):
    (lab,) = labs
    scores = [sum(score or 0 for score, _ in each.scores.values()) for each in MADE if each.scores]
    assert sorted(lab.marks.numbers) == sorted(scores)
    assert lab.marks.median == statistics.median(scores)
    assert len(lab.times.values) == 6
    assert lab.slowest[0].student == "Doe, Jr"
    assert "Marks of the 6 graded, a dot each, of 20 points" in page_of(labs).find(id="lab-1-marks").text


def test_equal_mistakes_with_other_numbers_count_as_one_and_name_who(labs):
    rows = table(page_of(labs), "Most frequent mistakes")
    assert rows[0] == ["descent", "the sign of the step is wrong (path)", "2", "=1+1, Zoë Élan"]
    assert sorted(row[2] for row in rows[1:]) == ["1", "1"]
    assert ["half", "half raised MyJrError: it is Doe, Jr", "1", "Doe, Jr"] in rows


def test_it_says_what_to_do_next(labs):
    (lab,) = labs
    assert lab.steps == [
        "Ask henri for the notebook again: the file cannot be read.",
        "Grade 5 written answers in `nbgrader formgrader`.",
        "Take up `descent`: 63 % of its points were won; 1 of 6 had not done it; most often: “the sign of the step is "
        "wrong” (2 students).",
    ]


def test_each_student_leads_to_their_feedback_page(stored, labs):
    links = {link.text: link["href"] for link in page_of(labs).select("table.students th a")}
    assert set(links) == set(NAMES)
    for student, link in links.items():
        assert (stored / _unquoted(link)).read_text() == f"the page of {student}"


def test_links_lead_there_from_another_folder_too(course, stored, tmp_path):
    out = report.write(stored, root=course, out=tmp_path / "deep" / "er" / "page.html")
    for link in BeautifulSoup(out.read_text(), "html.parser").select("table.students th a"):
        assert (out.parent / _unquoted(link["href"])).resolve().read_text() == f"the page of {link.text}"


def _unquoted(link):
    from urllib.parse import unquote

    return unquote(link)


def test_nothing_that_students_write_acts_on_the_page(labs):
    html = report.render(labs)
    assert active(html) == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" not in html, "the property before the mistake is not shown"
    assert "&lt;b&gt;ada&lt;/b&gt;" in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "default-src 'none'; style-src 'unsafe-inline'" in html


def test_text_that_is_not_escaped_is_found(labs, monkeypatch):
    """The planted fault: a filter that trusts messages."""
    from markupsafe import Markup

    (lab,) = labs
    planted = replace(lab.lines[0].record.failures[0], messages=("x; <script>alert(1)</script>",))
    line = replace(lab.lines[0], record=replace(lab.lines[0].record, failures=(planted,)))
    faulty = replace(lab, lines=[line, *lab.lines[1:]])
    assert active(report.render([faulty])) == []
    monkeypatch.setattr(report, "with_code", Markup)
    assert set(active(report.render([faulty]))) == {"<script>"}


def test_without_names_nothing_gives_one_away(course, stored):
    html = report.write(stored, root=course, anonymous=True).read_text()
    every = [*NAMES, "Augusta", "King", "a.king@example.org", "MyJrError", "was here", "a secret of the course"]
    assert names_in(html, every) == ["was here"], "what a check says stays, without the name in it"
    assert active(html) == []
    assert "feedback/" not in html
    assert "href" not in re.sub(r'href="#[\w-]+"', "", html)
    rows = table(BeautifulSoup(html, "html.parser"), "Every student")
    ids = [row[0] for row in rows]
    assert sorted(ids) == ids
    assert set(ids) == {anonymous.pseudonym(name, "a secret of the course") for name in NAMES}
    assert ids != [anonymous.pseudonym(name, "a secret of the course") for name in sorted(NAMES)]
    assert "the sign of the step is wrong" in html
    assert "half raised an error of their own" in html


def test_a_report_that_forgets_to_hide_is_found(course, stored, monkeypatch):
    """The planted fault: names stay."""
    monkeypatch.setattr(report, "hide", lambda records, people, secret: {record: record for record in records})
    html = report.render(report.collect(stored, root=course, anonymous=True), anonymous=True)
    assert "ada" in names_in(html, NAMES)


@pytest.mark.parametrize(
    ("kind", "message", "left"),
    [
        ("ValueError", "ValueError: Ada was here", "ValueError"),
        ("AdaError", "AdaError: no", "an error of their own"),
        ("AssertionError", "my name is Augusta", "AssertionError"),
        ("HiddenTestsFailed", "f raised ValueError: ada (at `ada = 1`)", "f raised ValueError"),
        ("HiddenTestsFailed", "p: f raised AdaError", "p: f raised an error of their own"),
        ("WrongAnswer", "adam of ADA, not of adaa; ada_", "adam of …, not of adaa; ada_"),
    ],
)
def test_the_words_of_a_learner_are_left_out_without_names(kind, message, left):
    record = Record("ada", LAB, "ok", "ada.ipynb", "", 1.0, (Failure("q", "hidden", kind, (message,)),))
    (hidden_record,) = anonymous.hide([record], {"ada": ["Augusta"]}, "s").values()
    assert hidden_record.failures[0].messages == (left,)
    assert hidden_record.reason == ""
    assert names_in(repr(hidden_record), ["ada", "Augusta"]) == []


def test_an_id_depends_on_the_secret_and_the_name_only(course, stored):
    few = anonymous.hide([Record("ada", LAB, "ok", "", "", 1.0)], {}, "s")
    many = anonymous.hide([Record(name, LAB, "ok", "", "", 1.0) for name in ("aaa", "ada", "zzz")], {}, "s")
    assert {record.student for record in few.values()} < {record.student for record in many.values()}
    assert anonymous.pseudonym("ada", "s") != anonymous.pseudonym("ada", "t")
    assert re.fullmatch(r"s-[0-9a-f]{10}", anonymous.pseudonym("ada", "s"))
    assert len({anonymous.pseudonym(f"student {i}", "s") for i in range(10_000)}) == 10_000


def test_marks_given_by_hand_show_without_grading_again(course, stored, tmp_path):
    shutil.copytree(stored, tmp_path / "grading")
    with Gradebook(f"sqlite:///{tmp_path}/grading/gradebook.db") as book:
        why = book.find_grade("why", LAB, LAB, "ada")
        why.manual_score, why.needs_manual_grade = 4.0, False
        book.db.commit()
    (lab,) = report.collect(tmp_path / "grading", root=course)
    ada = next(line for line in lab.lines if line.student == "ada")
    assert (ada.score, ada.mark("why")) == (19.0, (4.0, 5.0, False, False))
    assert "Grade 4 written answers in `nbgrader formgrader`." in lab.steps


def test_a_mistake_that_a_person_forgave_is_not_counted(course, stored, tmp_path):
    shutil.copytree(stored, tmp_path / "grading")
    with Gradebook(f"sqlite:///{tmp_path}/grading/gradebook.db") as book:
        entry = book.find_grade("descent_hidden", LAB, LAB, "=1+1")
        entry.manual_score, entry.needs_manual_grade = 6.0, False
        book.db.commit()
    (lab,) = report.collect(tmp_path / "grading", root=course)
    named = [mistake for mistake in lab.mistakes if mistake.question == "descent"]
    assert [line.student for mistake in named for line in mistake.lines] == ["Zoë Élan"]


def test_grading_one_student_again_changes_only_that_record(course, stored, tmp_path):
    folder = tmp_path / "grading"
    shutil.copytree(stored, folder)
    before = {record.student: record for record in ledger.latest(folder)}
    hand_in(folder, "ada", b"{")
    grade(LAB, grading=folder, root=course, students=["ada"])
    after = {record.student: record for record in ledger.latest(folder)}
    assert [student for student in after if after[student] != before[student]] == ["ada"]
    (lab,) = report.collect(folder, root=course)
    assert {line.student: line.record.status for line in lab.lines if line.record.status != "ok"} == {
        "ada": "malformed",
        "henri": "malformed",
    }


def run(*arguments, cwd=ROOT):
    command = [sys.executable, "-m", "autograder", "report", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_nothing_graded_yet_is_one_sentence_that_says_what_to_do(tmp_path):
    told = run("--grading", tmp_path / "class")
    assert told.returncode == 1
    assert told.stdout == ""
    assert told.stderr == (
        "Error: nothing is graded yet in class; put notebooks in class/submitted/STUDENT/LAB/LAB.ipynb and run "
        "`autograder grade LAB`\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_read_is_one_sentence(stored, tmp_path):
    shutil.copytree(stored, tmp_path / "grading")
    path = tmp_path / "grading" / "ledger.jsonl"
    first = json.loads(path.read_text().splitlines()[0])
    for text in ("[]", '{"failures": 1}', json.dumps(first | {"surprise": 1})):
        path.write_text(text)
        with pytest.raises(CourseError, match=r"line 1 of ledger\.jsonl cannot be read; it was changed by hand"):
            ledger.read(tmp_path / "grading")


def test_one_student_and_a_class_of_unreadable_files(course, tmp_path):
    one = report.collect(class_of(course, tmp_path, [result("ada", written=5.0)]), root=course)
    assert one[0].steps == ["Nothing: everybody who was graded has full marks."]
    assert "median 20 (dashed line), the middle half from 20 to 20" in page_of(one).find(id="lab-1-marks").text
    bad = [result(name, status="malformed") for name in ("ada", "bob")]
    none = report.collect(class_of(course, tmp_path, bad), root=course)
    assert none[0].steps == ["Ask ada and bob for the notebook again: the file cannot be read."]
    page = page_of(none)
    assert not page.find("svg")
    assert len(table(page, "Every student")) == 2


def large(number=300, lab="large", seed=0):
    """A class made up: marks, mistakes and times at random."""
    draw = random.Random(seed)
    lines = []
    for i in range(number):
        status = draw.choices(["ok", "repaired", "crashed", "malformed"], [90, 6, 3, 1])[0]
        cells = {cell: summary.Mark(most * draw.choice((0, 1, 1, 1)), most) for cell, most in CELLS.items()}
        mistake = draw.choices(
            [f"mistake of kind {'abcdefghijklmnopqrstuvwxyz'[k]}" for k in range(26)], [90, *range(26, 1, -1)]
        )
        found = (
            Failure("descent", "hidden", "HiddenTestsFailed", (f"property: off by {draw.random()}; {mistake[0]}",)),
        )
        record = Record(f"s{i:03d}", lab, status, "", "2026-03-04T05:06:07+00:00", draw.expovariate(0.1), found)
        lines.append(summary.Line(record, cells, link=f"feedback/s{i:03d}/x.html"))
    return summary.Lab(lab, f"Lab {lab}", ["half", "descent"], lines)


def test_a_large_class_has_bars_short_lists_and_every_student():
    lab = large()
    page = page_of([lab])
    assert len(table(page, "Every student")) == 300
    assert not page.find("circle")
    assert sum(int(text.text) for text in page.find("svg").select("text.small")) == len(lab.graded)
    assert "counted in twenty bars" in page.find(id="lab-1-marks").text
    rows = table(page, "Most frequent mistakes")
    assert len(rows) == 20
    counts = [int(row[2]) for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert f"and {counts[0] - 8} more" in rows[0][3]
    assert len(re.findall(r"s\d{3}", rows[0][3])) == counts[0]
    assert f"{len(lab.mistakes) - 20} mistakes more, each of at most" in page.text


def test_several_labs_are_put_side_by_side_first():
    labs = [large(12, "one", 1), large(10, "two", 2)]
    page = page_of(labs)
    rows = table(page, "Marks of every student")
    by_name = [{line.student: line for line in lab.lines} for lab in labs]
    for student, *cells, together in rows:
        lines = [lines.get(student) for lines in by_name]
        for cell, line in zip(cells, lines, strict=True):
            assert cell == (
                "nothing handed in" if not line else f"{line.score:g}" if line.graded else line.record.status
            )
        assert together == f"{sum(line.score for line in lines if line):g}"
    lowest = min((question for lab in labs for question in lab.questions), key=lambda question: question.share())
    assert f"`{lowest.name}`" in summary.steps(labs)[-1]
    assert [link["href"] for link in page.select("#all th a")][:2] == ["#lab-1", "#lab-2"]


def test_points_off_for_being_late_show_in_the_mark():
    line = replace(large(1).lines[0], penalty=1000.0)
    assert line.score == 0.0


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([("answer", "NameError", "NameError: x"), ("hidden", "HiddenTestsFailed", "a: b; c")], ["NameError: x"]),
        ([("visible", "WrongAnswer", "f: wrong; v"), ("hidden", "HiddenTestsFailed", "a: wrong; h; do")], ["h"]),
        ([("visible", "WrongAnswer", "f: wrong; v"), ("hidden", "HiddenTestsFailed", "a: wrong")], ["v"]),
        ([("hidden", "HiddenTestsFailed", "a: off by 1; h", "b: off by 2; h", "c; k 1", "d; k 2")], ["h", "k 1"]),
        ([("hidden", "HiddenTestsFailed", "first symptom", "second symptom")], ["first symptom"]),
        ([("hidden", "HiddenTestsFailed", "f raised KeyError: 1 (at `x[1]`)")], ["f raised KeyError: 1"]),
        ([("visible", "NotDone", "Not done yet: f."), ("hidden", "HiddenTestsFailed", "a; b")], []),
        (
            [("hidden", "RefusedNames", "q: torch.optim is refused in this question; write it")],
            ["torch.optim is refused in this question"],
        ),
        ([("hidden", "GraderError", "The grader could not judge this question")], []),
        ([], []),
    ],
)
def test_what_counts_as_the_mistake(found, expected):
    found = [Failure("q", part, kind, tuple(lines)) for part, kind, *lines in found]
    assert [named.mistake for named in mistakes(found)] == expected
    assert is_not_done(found) == any(failure.kind == "NotDone" for failure in found)


def test_the_result_with_the_mistake_is_told():
    message = "float32: f in float32: grad_W: wrong value (largest difference 1 at [0]: got 2, expected 3); h; do"
    assert mistakes([Failure("q", "hidden", "HiddenTestsFailed", (message,))]) == [("h", "grad_W")]
    assert mistakes([Failure("q", "visible", "WrongAnswer", ("f: grad_b: wrong value; h",))]) == [("h", "grad_b")]
    assert mistakes([Failure("q", "visible", "WrongAnswer", ("f: wrong value; h",))]) == [("h", "")]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["got 0.25, expected 1"], "got 0.25, expected 1"),
        (["got 0.25, expected 1", "got 1e-3, expected 1"], "got …, expected 1"),
        (["shape (3, 4)", "shape (7, 4)", "shape (7,)"], "shape (…)"),
        (["`f(4.0)` is nan", "`f(4.0)` is -2"], "`f(4.0)` is …"),
        (["the values [0.1 0.2] of beta_1", "the values [3] of beta_1"], "the values […] of beta_1"),
    ],
)
def test_numbers_that_differ_are_left_out(messages, expected):
    assert len({skeleton(message).replace(",)", ")") for message in messages}) == 1
    if not any(",)" in message for message in messages):
        assert merge(messages) == expected


@given(st.lists(st.tuples(st.floats(), st.integers()), min_size=1, max_size=5))
def test_any_numbers_give_one_mistake(numbers):
    messages = [f"the loss is {a:.3g} after {b} steps of conv2d; use float32" for a, b in numbers]
    assert len({skeleton(message) for message in messages}) == 1
    assert re.fullmatch(r"the loss is \S+ after \S+ steps of conv2d; use float32", merge(messages))


def test_the_failures_of_a_notebook_are_those_that_its_page_shows():
    nb = submission()
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") in ("half_hidden", "descent"):
            cell.outputs = [new_output("error", ename="HiddenTestsFailed", evalue="a: b; c\nd", traceback=[])]
    assert failures(nb) == [
        Failure("half", "hidden", "HiddenTestsFailed", ("a: b; c", "d")),
        Failure("descent", "answer", "HiddenTestsFailed", ("a: b; c", "d")),
    ]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=80))
def test_every_number_is_drawn_near_its_place(numbers):
    drawn = Distribution([(str(i), value) for i, value in enumerate(numbers)], 100)
    if dots := drawn.dots:
        assert len(dots) == len(numbers) <= 40
        assert all(-0.01 <= dot.value - dot.x <= 2.51 for dot in dots)
        assert len({(dot.x, dot.y) for dot in dots}) == len(dots)
        assert max(dot.y for dot in dots) < drawn.height
    assert sum(bar.number for bar in drawn.bars) == len(numbers)
    assert drawn.ticks == [0, 25, 50, 75, 100]
    assert min(numbers) <= drawn.middle_half[0] <= drawn.median <= drawn.middle_half[1] <= max(numbers)


@pytest.mark.parametrize(
    ("top", "ticks"), [(20, [0, 5, 10, 15, 20]), (7.3, [0, 1, 2, 3, 4, 5, 6, 7]), (0.9, [0, 0.2, 0.4, 0.6, 0.8])]
)
def test_the_axis_has_round_numbers(top, ticks):
    assert Distribution([("a", 0)], top).ticks == pytest.approx(ticks)


def test_the_pictures_have_the_colours_of_the_course():
    css = (TEMPLATES / "report.css").read_text()
    used = dict(re.findall(r"--(dot|full|part|none|waiting): (#\w+)", css))
    assert list(used.values()) == [COLORS[i] for i in (0, 2, 4, 1, 6)]


def faults(browser, html, path, width=400, scheme="dark"):
    """What is wrong with a page in the browser, on the screen and on paper."""
    path.write_text(html)
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    asked, found = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: found.append(message.text))
    page.goto(path.as_uri())
    found += asked[1:]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("too wide")
    found += [violation["id"] for violation in Axe().run(page).response["violations"]]
    page.emulate_media(media="print", color_scheme=scheme)
    page.set_viewport_size({"width": 690, "height": 1000})  # A4 less its margins
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("too wide for the paper")
    style = "getComputedStyle(document.body)"
    if page.evaluate(f"{style}.color + ' on ' + {style}.backgroundColor") != "rgb(0, 0, 0) on rgb(255, 255, 255)":
        found.append("not black on white")
    page.close()
    return found


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_it_reads_well_wide_narrow_light_dark_and_on_paper(browser, labs, tmp_path, width, scheme):
    for html in (report.render(labs), report.render([large(60, "one", 3), large(60, "two", 4)])):
        assert faults(browser, html, tmp_path / "page.html", width, scheme) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (".wide { overflow-x: auto; }", "", "too wide"),
        ("@media print", "@media speech", "not black on white"),
        ("--soft: #a9b3bd", "--soft: #303030", "color-contrast"),
        ('<html lang="en">', "<html>", "html-has-lang"),
        ('tabindex="0"', "", "scrollable-region-focusable"),
    ],
)
def test_a_page_that_does_not_read_well_is_found(browser, tmp_path, old, new, fault):
    """Planted faults."""
    html = report.render([large(5, "one", 3), large(5, "two", 4)])
    assert fault in faults(browser, html.replace(old, new), tmp_path / "page.html")
