"""Releases are what the solutions generate, and hold nothing that a student must not see."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import autograder
from autograder.release import differences, generate, leaks, release
from autograder.settings import CourseError

from .conftest import LAB, SOLUTION, make_course


@pytest.fixture(scope="module")
def released(course, tmp_path_factory):
    out = tmp_path_factory.mktemp("labs")
    generate([LAB], out, root=course)
    return out


@pytest.fixture
def labs(released, tmp_path):
    """A copy of the release that a test may spoil."""
    shutil.copytree(released, tmp_path / "labs")
    return tmp_path / "labs"


def change(labs, edit):
    path = labs / LAB / f"{LAB}.ipynb"
    nb = nbformat.read(path, as_version=4)
    edit({cell.id: cell for cell in nb.cells})
    nbformat.write(nb, path)


def test_a_release_is_the_notebook_alone_with_stubs_and_empty_hidden_cells(released):
    assert [path.relative_to(released).as_posix() for path in released.rglob("*")] == [LAB, f"{LAB}/{LAB}.ipynb"]
    cells = {cell.id: cell.source for cell in nbformat.read(released / LAB / f"{LAB}.ipynb", as_version=4).cells}
    assert cells["half"] == "raise NotDone()"
    assert cells["half_hidden"] == ""
    assert "half(4.0) == 2.0" in cells["half_visible"]


def test_generating_twice_gives_the_same_bytes(course, released, tmp_path):
    generate([LAB], tmp_path, root=course)
    assert differences(tmp_path, released) == []


def test_a_sound_release_has_no_leak(course, released):
    assert leaks(released, solutions=course / "solutions") == []


@pytest.mark.parametrize("name", ["hidden_tests.py", "probes.py", "answers"])
def test_a_file_of_the_solution_is_a_leak(course, labs, name):
    source = course / "solutions" / LAB / name
    (shutil.copytree if source.is_dir() else shutil.copy)(source, labs / LAB / name)
    assert leaks(labs) == [f"{LAB}/{name} must not be here"]
    assert differences(labs, labs) == []


def test_a_solution_in_a_released_cell_is_a_leak(course, labs):
    change(labs, lambda cells: cells["descent"].update(source=SOLUTION["descent"]))
    (found,) = leaks(labs, solutions=course / "solutions")
    assert "line(s) of the solution of descent" in found


@pytest.mark.parametrize("mark", ["### BEGIN SOLUTION", "### END HIDDEN TESTS", 'run_hidden("half", globals())'])
def test_the_mark_of_a_region_is_a_leak(course, labs, mark):
    change(labs, lambda cells: cells["imports"].update(source=mark))
    assert len(leaks(labs, solutions=course / "solutions")) == 1


def test_a_line_that_every_student_gets_is_no_leak(course, labs):
    assert "assert half(4.0) == 2.0" in (labs / LAB / f"{LAB}.ipynb").read_text()
    assert leaks(labs, solutions=course / "solutions") == []


def test_every_difference_is_named(released, labs):
    (labs / LAB / "extra.txt").touch()
    change(labs, lambda cells: cells["imports"].update(source="import torch"))
    assert differences(released, labs) == [
        f"{LAB}/extra.txt is there, but the solutions do not generate it",
        f"{LAB}/{LAB}.ipynb is not what the solutions generate",
    ]
    shutil.rmtree(labs / LAB)
    assert differences(released, labs) == [f"{LAB}/{LAB}.ipynb is missing"]


def test_an_unknown_lab_names_the_known_ones(course, tmp_path):
    with pytest.raises(CourseError, match=f"unknown lab 'nope'; known: {LAB}"):
        generate(["nope"], tmp_path, root=course)


def test_release_writes_what_is_new_and_check_finds_an_edited_file(tmp_path):
    root = make_course(tmp_path / "course")
    assert release(root, check=True) == [f"{LAB}/{LAB}.ipynb is missing"]
    assert release(root) == [LAB]
    assert release(root) == []
    assert release(root, check=True) == []
    change(root / "labs", lambda cells: cells["imports"].update(source="edited = 1"))
    assert release(root, check=True) == [f"{LAB}/{LAB}.ipynb is not what the solutions generate"]
    assert release(root) == [LAB]
    assert release(root, check=True) == []
    assert sorted(path.name for path in root.iterdir()) == ["labs", "nbgrader_config.py", "solutions"]


def test_a_source_that_nbgrader_cannot_read_is_one_sentence_and_leaves_labs_alone(tmp_path):
    root = make_course(tmp_path / "course")
    release(root)
    (root / "solutions" / LAB / f"{LAB}.ipynb").write_text('{"cells": ')
    run = subprocess.run(
        [sys.executable, "-m", "autograder", "release"],
        cwd=root,
        env={"PATH": "", "PYTHONPATH": str(Path(autograder.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith(f"Error: {LAB}: nbgrader could not make the release: ")
    assert len(run.stderr.splitlines()) == 1
    assert (root / "labs" / LAB / f"{LAB}.ipynb").exists()
