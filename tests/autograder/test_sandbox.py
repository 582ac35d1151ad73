"""The sandbox on this machine, as root and as an ordinary user; what is switched off must show; nothing outlives it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from autograder import ledger, sandbox
from autograder.classroom import grade
from autograder.collect import Refused, collect
from autograder.sandbox import PROTECTIONS, Sandbox, SandboxError, problem
from autograder.selfcheck import WAYS, check
from autograder.settings import CourseError
from autograder.warm import works
from tests.autograder.conftest import LAB, ROOT, hand_in, make_course, submission

IS_ROOT = os.geteuid() == 0


@pytest.mark.parametrize("way", WAYS)
def test_every_protection_holds_here(way):
    assert works()
    assert {finding.name: finding.holds for finding in check(ways=[way])} == dict.fromkeys(PROTECTIONS, True)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PROTECTIONS)
def test_a_protection_that_is_switched_off_is_found_missing(name, way):
    findings = check(without=[name], ours=name in ("time", "output"), ways=[way])
    assert {finding.name: finding.holds for finding in findings}[name] is False


def test_an_unknown_protection_is_refused():
    with pytest.raises(ValueError, match="unknown protection 'walls'; known: privileges, "):
        Sandbox(without=["walls"])


def test_without_bubblewrap_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert problem().startswith("the program bwrap is missing; install it: sudo apt install bubblewrap")
    with pytest.raises(SandboxError, match="bwrap is missing"):
        check()


def test_without_user_namespaces_it_says_what_to_do():
    """In a real sandbox that forbids them."""
    forbid = ["bwrap", "--dev-bind", "/", "/", "--unshare-user", "--disable-userns"]
    command = [*forbid, sys.executable, "-m", "autograder", "check"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("Error: bubblewrap cannot separate a process here (bwrap: ")
    assert "sysctl user.max_user_namespaces" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("how", ["closed", "the grader is killed"])
def test_nothing_outlives_the_sandbox(how):
    """A process that ignores every signal and has left its session ends with bubblewrap."""
    token = f"outlive-{os.getpid()}-{len(how)}"
    program = (
        "import os, signal, sys, time\n"
        "for number in range(1, 32):\n    \n"
        "    try: signal.signal(number, signal.SIG_IGN)\n    except OSError: pass\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(600)\n"
        "print('up', flush=True)\ntime.sleep(600)"
    )
    script = (
        "import subprocess, sys, time\nfrom autograder.sandbox import Sandbox\n"
        f"running = Sandbox().start(['-c', {program!r}, {token!r}], stdout=subprocess.PIPE)\n"
        "print(running.process.stdout.readline(), flush=True)\n"
        f"running.close() if {how == 'closed'} else time.sleep(600)\n"
    )
    grader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT)
    assert grader.stdout is not None
    assert b"up" in grader.stdout.readline()
    if how == "closed":
        grader.wait(30)
    else:
        assert _named(token)
        grader.kill()
        grader.wait()
    deadline = time.monotonic() + 10
    while _named(token) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _named(token) == []


def _named(token: str) -> list[int]:
    """Return the processes inside a sandbox that carry the token, by the command line of the kernel."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if token.encode() in words and words[0].endswith((b"python", b"python3", b"bwrap")):
            found.append(int(path.parent.name))
    return found


def as_ordinary_user(command: list[str], writable: Path) -> list[str]:
    """Return a command that runs ``command`` without root, in a system where only what it needs can be read."""
    if not IS_ROOT:
        return command
    needed = [Path(sys.prefix), Path(sys.base_prefix), ROOT, writable]
    closed = {p for path in needed for p in path.parents if p != Path("/") and not p.stat().st_mode & 0o001}
    first = {p for p in closed if not any(other in closed for other in p.parents)}
    options = ["bwrap", "--dev-bind", "/", "/"]
    for path in sorted(first):
        options += ["--perms", "0755", "--tmpfs", str(path)]
    for path in needed:
        if any(top in path.parents for top in first):
            inside = [p for p in path.parents if any(top in p.parents for top in first)]
            options += [word for p in sorted(inside) for word in ("--perms", "0755", "--dir", str(p))]
            options += ["--bind", str(path), str(path)]
    caps = [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
    return [*options, *caps, "setpriv", "--reuid", "4321", "--regid", "4321", "--clear-groups", *command]


def test_an_ordinary_user_checks_and_grades(tmp_path):
    root = make_course(tmp_path / "course")
    hand_in(root / "grading", "ada", submission())
    hand_in(root / "grading", "eve", submission({"half": "import os\ndef half(x):\n    os._exit(1)"}))
    for path in [tmp_path, *tmp_path.rglob("*")]:
        os.chown(path, 4321, 4321) if IS_ROOT else None
    environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for arguments, said in (
        (["check"], f"All {len(PROTECTIONS)} protections hold."),
        (["grade", LAB], "ada"),
    ):
        command = as_ordinary_user([sys.executable, "-m", "autograder", *arguments], tmp_path)
        run = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        assert said in run.stdout
    records = {record.student: record for record in ledger.latest(root / "grading")}
    assert (records["ada"].status, records["eve"].status) == ("ok", "crashed")
    assert (root / "grading" / "ledger.jsonl").stat().st_uid == (4321 if IS_ROOT else os.geteuid())


def test_grading_is_refused_where_a_protection_is_missing_and_done_where_it_is_named(tmp_path):
    """The network is shared by a bubblewrap that lies."""
    root = make_course(tmp_path / "course")
    hand_in(root / "grading", "ada", submission())
    real = subprocess.run(["which", "bwrap"], capture_output=True, text=True, check=True).stdout.strip()
    liar = tmp_path / "bwrap"
    spare = "/usr/bin/ionice"  # a program that nobody needs here lends its place to the real bubblewrap
    liar.write_text(f'#!/bin/bash\nexec {spare} "${{@/--unshare-net/--unshare-uts}}"\n')
    liar.chmod(0o755)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "autograder", "grade", LAB]
    show = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", real, spare, "--ro-bind", str(liar), real]
    for more, code, said in (
        ([], 1, "Error: the protection 'network' does not hold on this machine"),
        (["--without", "network"], 0, "ada"),
        (["--without", "sandbox"], 0, "Grading without a sandbox: the students' code runs as you."),
    ):
        run = subprocess.run(
            [*show, *command, *more], capture_output=True, text=True, cwd=root, env=environment, check=False
        )
        assert run.returncode == code, run.stdout + run.stderr
        assert said in run.stdout + run.stderr
        assert "Traceback" not in run.stderr
    assert [record.without for record in ledger.read(root / "grading")] == [("network",), ("sandbox",)]


def test_killed_in_the_middle_and_started_again_it_ends_the_same(tmp_path):
    whole, cut = (make_course(tmp_path / name) for name in ("whole", "cut"))
    for root in (whole, cut):
        for student, half in (("ada", ""), ("bob", "def half(x):\n    return 3 * x"), ("cy", ""), ("dan", "")):
            hand_in(root / "grading", student, submission({"half": half} if half else {}))
        (root / "grading" / "secret").write_text("the same")
    grade(LAB, grading=whole / "grading", root=whole)
    command = [sys.executable, "-m", "autograder", "grade", LAB, "--processes", "1"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
    run = subprocess.Popen(command, cwd=cut, env=environment | {"PYTHONPATH": str(ROOT)}, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list((cut / "grading").glob(f".work-*/autograded/bob/{LAB}/*.ipynb")) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert list((cut / "grading").glob(".work-*")), "it had ended before it was killed"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:  # its worker notices within a moment
        try:
            grade(LAB, grading=cut / "grading", root=cut)
            break
        except CourseError as error:
            assert "somebody is grading" in str(error)  # noqa: PT017
            time.sleep(0.2)
    assert _marks(cut / "grading") == _marks(whole / "grading")
    assert not list((cut / "grading").glob(".work-*"))
    assert {record.student for record in ledger.latest(cut / "grading")} == {"ada", "bob", "cy", "dan"}


def _marks(folder: Path) -> list[tuple]:
    query = (
        "select a.student_id, base_cell.name, grade.auto_score, grade.needs_manual_grade from grade "
        "join submitted_notebook n on grade.notebook_id = n.id join submitted_assignment a on n.assignment_id = a.id "
        "join base_cell on base_cell.id = grade.cell_id order by 1, 2"
    )
    with closing(sqlite3.connect(folder / "gradebook.db")) as book:
        return list(book.execute(query))


def test_two_graders_in_one_folder_are_refused(tmp_path):
    import fcntl

    root = make_course(tmp_path)
    hand_in(root / "grading", "ada", b"")
    lock = os.open(root / "grading", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CourseError, match="somebody is grading in grading already"):
            grade(LAB, grading=root / "grading", root=root)
    finally:
        os.close(lock)


def record(student: str, status: str = "ok") -> ledger.Record:
    return ledger.Record(student, LAB, status, "", "2026-11-28T12:00:00+00:00", 1.0, scores={"half": (1.0, False)})


def test_the_ledger_grows_and_shows_what_was_changed(tmp_path):
    ledger.add(tmp_path, [record("ada"), record("bob")])
    first = (tmp_path / "ledger.jsonl").read_bytes()
    ledger.add(tmp_path, [record("ada", "crashed")])
    assert (tmp_path / "ledger.jsonl").read_bytes().startswith(first)
    assert [(r.student, r.status) for r in ledger.latest(tmp_path)] == [("ada", "crashed"), ("bob", "ok")]
    assert ledger.broken(tmp_path) == []
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
    for changed, place in (([lines[0], lines[2]], 2), ([lines[0].replace('"ok"', '"no"'), *lines[1:]], 2)):
        (tmp_path / "ledger.jsonl").write_text("\n".join(changed) + "\n")
        assert ledger.broken(tmp_path) == [place]


def test_a_line_cut_off_by_an_accident_is_left_and_the_next_stands_on_its_own(tmp_path):
    ledger.add(tmp_path, [record("ada")])
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(path.read_bytes() + b'{"student": "bo')
    ledger.add(tmp_path, [record("cy")])
    assert [r.student for r in ledger.read(tmp_path)] == ["ada", "cy"]
    assert ledger.broken(tmp_path) == []


def test_a_line_changed_by_hand_is_one_sentence(tmp_path):
    (tmp_path / "ledger.jsonl").write_text(json.dumps({"student": "ada"}) + "\n")
    with pytest.raises(CourseError, match=r"line 1 of ledger\.jsonl cannot be read; it was changed by hand"):
        ledger.read(tmp_path)


def test_a_file_that_is_exchanged_for_a_link_meanwhile_is_not_followed(tmp_path, monkeypatch):
    folder = tmp_path / "handed in"
    folder.mkdir()
    (folder / f"{LAB}.ipynb").symlink_to("/etc/passwd")
    from autograder import collect as module

    monkeypatch.setattr(module, "_regular_files", lambda folder, notes: [f"{LAB}.ipynb"])
    with pytest.raises(Refused, match="cannot be read"):
        collect(folder, LAB, tmp_path / "data")


def test_only_named_modules_of_the_grader_are_inside():
    source = {path.stem for path in (ROOT / "autograder").glob("*.py")}
    assert set(sandbox.INSIDE) < source
    assert not {"grade", "testing", "sample", "gradebook", "seeds"} & set(sandbox.INSIDE)
