"""A damaged notebook is mended from the source, and what was done is said."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from autograder.repair import restore

from .conftest import SOLUTION, source_notebook, submission


def ids(nb):
    return [cell.metadata.nbgrader.grade_id for cell in nb.cells if "nbgrader" in cell.metadata]


def mend(nb):
    fixed = restore(nb, source_notebook(), skip="skip-77")
    nbformat.validate(fixed)
    return fixed, fixed.metadata.course.notes


def cell_of(nb, grade_id):
    return next(cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def test_a_sound_notebook_stays_as_it_is():
    nb = submission()
    fixed, notes = mend(nb)
    assert notes == []
    assert [cell.source for cell in fixed.cells] == [cell.source for cell in nb.cells]
    assert ids(fixed) == ids(source_notebook())


def test_the_submission_itself_is_not_changed():
    nb = submission()
    before = nbformat.writes(nb)
    mend(nb)
    assert nbformat.writes(nb) == before


@pytest.mark.parametrize("missing", ["half", "half_visible", "half_hidden", "descent_hidden", "why", "imports"])
def test_a_missing_cell_comes_back_in_its_place(missing):
    nb = submission()
    nb.cells = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != missing]
    fixed, notes = mend(nb)
    assert ids(fixed) == ids(source_notebook())
    assert len(notes) == 1
    assert f"`{missing}` was missing" in notes[0]
    assert "BEGIN SOLUTION" not in cell_of(fixed, missing).source


def test_all_cells_missing_come_back():
    nb = submission()
    nb.cells = [new_code_cell("x = 1")]
    fixed, notes = mend(nb)
    assert ids(fixed) == ids(source_notebook())
    assert len(notes) == 8


@pytest.mark.parametrize("by_id_alone", [True, False])
def test_a_given_cell_that_was_edited_is_restored_and_the_edited_one_runs_before_it(by_id_alone):
    nb = submission()
    cell = cell_of(nb, "imports")
    cell.source = "import numpy as np"
    if by_id_alone:
        cell.metadata = {}
    fixed, notes = mend(nb)
    assert ids(fixed) == ids(source_notebook())
    place = fixed.cells.index(cell_of(fixed, "imports"))
    assert [c.source for c in fixed.cells[place - 1 : place + 1]] == [
        "import numpy as np",
        cell_of(source_notebook(), "imports").source,
    ]
    assert "nbgrader" not in fixed.cells[place - 1].metadata
    assert notes == ["The cell `imports` had been changed; it was restored; your version runs before it."]


@pytest.mark.parametrize("source", ["", "   \n"])
def test_a_given_cell_that_was_emptied_is_restored(source):
    nb = submission()
    cell_of(nb, "imports").source = source
    fixed, notes = mend(nb)
    assert len(fixed.cells) == len(nb.cells)
    assert cell_of(fixed, "imports").source == cell_of(source_notebook(), "imports").source
    assert notes == ["The cell `imports` had been changed; it was restored."]


def test_a_given_cell_without_its_metadata_is_known_by_its_id():
    nb = submission()
    cell_of(nb, "imports").metadata = {}
    fixed, notes = mend(nb)
    assert notes == []
    assert ids(fixed) == ids(source_notebook())
    assert len(fixed.cells) == len(nb.cells)


def test_an_edited_copy_of_a_given_cell_stays_as_the_students_own():
    nb = submission()
    copy = nbformat.from_dict(dict(cell_of(nb, "imports")) | {"id": "copy", "source": "import numpy as np"})
    nb.cells.insert(nb.cells.index(cell_of(nb, "imports")) + 1, copy)
    fixed, _ = mend(nb)
    assert ids(fixed) == ids(source_notebook())
    assert [c.id for c in fixed.cells if c.source == "import numpy as np"] == ["copy"]


@pytest.mark.parametrize("stub", ["", "raise NotDone()", "def half(x:"])
@pytest.mark.parametrize("first", [True, False])
def test_of_two_copies_of_an_answer_the_finished_one_counts(stub, first):
    nb = submission()
    copy = nbformat.from_dict(dict(cell_of(nb, "half")))
    copy.source, copy.id = stub, "copy"
    nb.cells.insert(nb.cells.index(cell_of(nb, "half")) + (0 if first else 1), copy)
    fixed, notes = mend(nb)
    assert ids(fixed) == ids(source_notebook())
    assert cell_of(fixed, "half").source == SOLUTION["half"]
    assert notes == ["The cell `half` was there 2 times; the last one that can run counts."]


def test_of_two_finished_copies_the_last_counts():
    nb = submission()
    copy = nbformat.from_dict(dict(cell_of(nb, "half")))
    copy.source, copy.id = "def half(x): return 0.5 * x", "copy"
    nb.cells.insert(nb.cells.index(cell_of(nb, "half")) + 1, copy)
    assert cell_of(mend(nb)[0], "half").source == "def half(x): return 0.5 * x"


def test_of_two_copies_of_a_test_one_is_kept():
    nb = submission()
    nb.cells.append(nbformat.from_dict(dict(cell_of(nb, "half_visible")) | {"id": "copy"}))
    fixed, notes = mend(nb)
    assert ids(fixed) == ids(source_notebook())
    assert len(fixed.cells) == len(nb.cells) - 1
    assert "one was kept" in notes[0]


def test_a_test_before_its_answer_is_moved_behind_it():
    nb = submission()
    test = cell_of(nb, "half_hidden")
    nb.cells.remove(test)
    nb.cells.insert(0, test)
    fixed, notes = mend(nb)
    assert ids(fixed) == ids(source_notebook())
    assert "moved after it" in notes[0]


def test_cells_of_the_students_own_stay_where_they_are():
    nb = submission()
    nb.cells.insert(nb.cells.index(cell_of(nb, "half")) + 1, new_code_cell("mine = 1"))
    fixed, notes = mend(nb)
    assert notes == []
    assert fixed.cells[nb.cells.index(cell_of(nb, "half")) + 1].source == "mine = 1"


@pytest.mark.parametrize(
    "change",
    [
        {"points": 1000},
        {"grade": False},
        {"solution": True},
        {"locked": False},
        {"grade": False, "solution": False, "locked": False},
    ],
)
def test_changed_flags_are_restored_and_reported(change):
    nb = submission()
    cell_of(nb, "half_visible").metadata.nbgrader.update(change)
    fixed, notes = mend(nb)
    assert cell_of(fixed, "half_visible").metadata == cell_of(source_notebook(), "half_visible").metadata
    assert notes == ["The settings of the cell `half_visible` had been changed; they were restored."]


@pytest.mark.parametrize("tag", ["skip-execution", "skip-77", "experiment", "raises-exception"])
def test_no_tag_of_the_student_skips_a_test(tag):
    nb = submission()
    cell_of(nb, "half_hidden").metadata.tags = [tag]
    fixed, _ = mend(nb)
    assert "tags" not in cell_of(fixed, "half_hidden").metadata


def test_experiments_get_the_tag_that_skips_them_even_without_their_own():
    nb = submission()
    for cell in nb.cells:
        if cell.id == "half_experiment":
            cell.metadata = {}
    fixed, _ = mend(nb)
    tagged = [cell.id for cell in fixed.cells if "skip-77" in cell.metadata.get("tags", [])]
    assert tagged == ["half_experiment", "descent_experiment"]


def test_a_changed_cell_type_is_restored():
    nb = submission()
    cell = cell_of(nb, "half")
    cell.cell_type = "markdown"
    del cell["outputs"], cell["execution_count"]
    fixed, notes = mend(nb)
    assert cell_of(fixed, "half").cell_type == "code"
    assert len(notes) == 1


@pytest.mark.parametrize("metadata", [{"nbgrader": 3}, {"nbgrader": {"grade_id": 5}}, {"nbgrader": {}}, {"tags": 3}])
def test_nonsense_in_the_metadata_does_no_harm(metadata):
    nb = submission()
    nb.cells.append(new_code_cell("x = 1"))
    nb.cells[-1].metadata = nbformat.from_dict(metadata)
    nb.cells[-1].nonsense = nb.cells[-1].id = 3
    fixed, _ = mend(nb)
    assert ids(fixed) == ids(source_notebook())


def test_the_students_notebook_metadata_are_not_trusted():
    nb = submission()
    nb.metadata = {"kernelspec": {"name": "evil"}, "course": {"notes": ["full marks"]}}
    fixed, notes = mend(nb)
    assert fixed.metadata.kernelspec.name == "python3"
    assert notes == []
