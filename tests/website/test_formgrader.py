"""nbgrader's formgrader on what the autograder made: a person marks a written answer, and the mark stays."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from nbformat.v4 import new_markdown_cell, new_raw_cell
from nbgrader.api import Gradebook
from playwright.sync_api import Page, expect

from autograder.classroom import grade
from tests.autograder.conftest import LAB, ROOT, hand_in, make_course, submission

SCRIPT = "A bold answer. <script>window.owned = 1</script> <img src=x onerror='window.owned = 2'>"


def _with_scripts(nb):
    nb.cells += [
        new_raw_cell("<script>window.owned = 3</script>"),
        new_markdown_cell("<svg onload='window.owned = 4'>"),
    ]
    return nb


@pytest.fixture(scope="module")
def course_with_marks(tmp_path_factory):
    root = make_course(tmp_path_factory.mktemp("formgrader"))
    hand_in(root / "grading", "ada", submission())
    hand_in(root / "grading", "bob", _with_scripts(submission({"half": "import os\nos._exit(1)"}, SCRIPT)))
    grade(LAB, grading=root / "grading", root=root)
    return root


@pytest.fixture(scope="module")
def page(course_with_marks, browser, tmp_path_factory):
    """A browser on a server that runs in the course's folder, as `jupyter lab` does for an instructor."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    settings = [f"--IdentityProvider.token={token}", "--LabApp.news_url=None", "--ServerApp.port_retries=0"]
    folders = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
    environment |= folders | {"JUPYTER_PREFER_ENV_PATH": "1", "PYTHONPATH": str(ROOT)}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, *settings], cwd=course_with_marks, env=environment, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                try:
                    urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).read()
                    break
                except OSError:
                    assert server.poll() is None, (folder / "server.log").read_text()[-2000:]
                    time.sleep(0.3)
            opened = browser.new_page(viewport={"width": 1280, "height": 900})
            opened.goto(f"{address}/formgrader?token={token}")
            yield opened
            opened.close()
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


def test_a_person_marks_a_written_answer_and_a_later_grading_keeps_the_mark(course_with_marks, page: Page):
    root = course_with_marks
    expect(page.get_by_role("link", name=LAB).first).to_be_visible(timeout=60_000)
    address = page.url.split("/formgrader")[0]
    page.goto(f"{address}/formgrader/gradebook/{LAB}/{LAB}")
    expect(page.get_by_role("link", name=re.compile("Submission #"))).to_have_count(2, timeout=30_000)
    with Gradebook(f"sqlite:///{root}/grading/gradebook.db") as book:
        number = book.find_submission_notebook(LAB, LAB, "ada").id
    page.goto(f"{address}/formgrader/submissions/{number}")
    expect(page.get_by_text("Because it is so.")).to_be_visible(timeout=30_000)
    boxes = page.locator("input.score")
    expect(boxes).to_have_count(5)  # two questions with two tests each, one written answer
    written = page.locator(".nbgrader_cell").filter(has_text="Because it is so.").locator("input.score")
    expect(written).to_have_class(re.compile("needs_manual_grade"), timeout=60_000)  # the marks are loaded
    written.fill("4")
    with page.expect_response(lambda response: "/formgrader/api/grade/" in response.url and response.ok):
        written.press("Tab")
    with Gradebook(f"sqlite:///{root}/grading/gradebook.db") as book:
        assert book.find_grade("why", LAB, LAB, "ada").manual_score == 4
    (row,) = grade(LAB, grading=root / "grading", root=root, students=["ada"])
    assert (row.score, row.questions["why"]) == (19, 4)
    page.reload()
    expect(written).to_have_value("4", timeout=30_000)
    if where := os.environ.get("PICTURES"):
        page.screenshot(path=f"{where}/formgrader.png", full_page=True)


def test_nothing_that_a_student_wrote_comes_to_life(course_with_marks, page: Page):
    root = course_with_marks
    with Gradebook(f"sqlite:///{root}/grading/gradebook.db") as book:
        number = book.find_submission_notebook(LAB, LAB, "bob").id
    path = root / "grading" / "autograded" / "bob" / LAB / f"{LAB}.ipynb"
    graded = path.read_text()
    assert "< script>" in graded
    planted = graded.replace("< s", "<s").replace("< /", "</")
    for text, owned in ((graded, False), (planted, True)):
        path.write_text(text)
        page.goto(f"{page.url.split('/formgrader')[0]}/formgrader/submissions/{number}")
        expect(page.get_by_text("A bold answer.")).to_be_visible(timeout=30_000)
        assert page.evaluate("'owned' in window") is owned
