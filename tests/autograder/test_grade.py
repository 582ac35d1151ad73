"""Hidden tests run quietly, with inputs of the student's own, and tell nothing but one line a property."""

import os
import stat

import pytest

from autograder.grade import GraderError, failure_lines, question_results, questions
from autograder.hidden import HiddenTestsFailed, RefusedNames, first_lines, run_hidden
from autograder.seeds import read_secret, student_seed
from autograder.student import InProcess

from .conftest import LAB, SECRET_IN_TESTS, SOLUTION

GOOD = "import torch\n" + "\n".join(SOLUTION.values())
CHATTY = "import sys\ndef half(x):\n    print('chatty'); print('chatty', file=sys.stderr)\n    return x / 3\n"


def results(lab, question, source=GOOD, **options):
    return question_results(lab, question, InProcess.from_source(source), **options)


def write_lab(folder, tests):
    folder.mkdir()
    (folder / "hidden_tests.py").write_text(tests)
    return folder


def test_the_solution_passes_every_property(lab):
    for question in questions(lab):
        found = results(lab, question)
        assert found
        assert all(result.passed for result in found)


def test_names_are_the_properties_in_words(lab):
    assert [result.name for result in results(lab, "half")] == ["is half", "leaves its input alone"]


def test_only_the_named_properties_are_run_and_an_unknown_one_is_never_a_pass(lab):
    assert [result.name for result in results(lab, "half", only=["is half"])] == ["is half"]
    with pytest.raises(GraderError, match="could not be run"):
        results(lab, "half", only=["is a third"])


def test_an_unknown_lab_or_question_names_the_known_ones(lab, tmp_path):
    with pytest.raises(LookupError, match="no question 'thirds'; known: half, descent"):
        results(lab, "thirds")
    with pytest.raises(LookupError, match=r"no hidden_tests\.py in"):
        results(tmp_path, "half")


@pytest.mark.parametrize(
    "tests", ["NAMES = {'q': ()}\nimport no_such_module", "NAMES = {'q': ()}\n1 / 0", "NAMES = {'q': ()}"]
)
def test_tests_that_do_not_run_are_the_graders_fault_never_a_pass(tests, tmp_path):
    with pytest.raises(GraderError, match="could not be"):
        results(write_lab(tmp_path / "lab", tests), "q")


def test_a_broken_fixture_is_the_graders_fault(tmp_path):
    tests = "NAMES = {'q': ()}\ndef test_q__x(student, nothing_of_this_name): pass"
    with pytest.raises(GraderError, match="setup of x failed"):
        results(write_lab(tmp_path / "lab", tests), "q")


def test_an_unexpected_error_in_a_test_fails_without_telling_values(tmp_path):
    tests = "NAMES = {'q': ()}\ndef test_q__x(student): raise KeyError('4711')"
    (found,) = results(write_lab(tmp_path / "lab", tests), "q")
    assert not found.passed
    assert "KeyError" in found.message
    assert "4711" not in found.message


def test_an_assertion_is_not_rewritten_so_values_stay_hidden(tmp_path):
    tests = "NAMES = {'q': ()}\ndef test_q__x(student):\n    expected = 4711\n    assert expected == 4712"
    (found,) = results(write_lab(tmp_path / "lab", tests), "q")
    assert (found.passed, found.message) == (False, "")
    assert failure_lines([found]) == ["x"]


def test_parametrized_properties_are_told_apart(tmp_path):
    tests = (
        "import pytest\nNAMES = {'q': ()}\n"
        "@pytest.mark.parametrize('n', [1, 2])\ndef test_q__holds_for(student, n): assert n == 1, 'no'"
    )
    found = results(write_lab(tmp_path / "lab", tests), "q")
    assert failure_lines(found) == ["holds for (2): no"]


DRAWS = """
NAMES = {"q": ()}
def test_q__one(student, rng): assert False, str(rng.integers(2**60))
def test_q__two(student, rng): assert False, str(rng.integers(2**60))
"""


def test_inputs_depend_on_secret_lab_student_and_test_and_on_nothing_else(tmp_path):
    first, second = write_lab(tmp_path / "a", DRAWS), write_lab(tmp_path / "b", DRAWS)

    def draws(lab=first, secret="s", student_id="ada"):
        return [result.message for result in results(lab, "q", secret=secret, student_id=student_id)]

    assert draws() == draws()
    others = [draws(), draws(secret="t"), draws(student_id="bob"), draws(lab=second)]
    assert len({number for pair in others for number in pair}) == 8


def test_the_secret_is_made_once_and_readable_for_its_owner_only(tmp_path):
    secret = read_secret(tmp_path)
    assert len(secret) == 64
    assert read_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret"]


def test_the_secret_of_the_environment_wins_and_an_empty_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "secret").touch()
    with pytest.raises(ValueError, match="delete it"):
        read_secret(tmp_path)
    monkeypatch.setenv("COURSE_SECRET", "mine")
    assert read_secret(tmp_path) == "mine"


def test_the_seed_of_a_student_does_not_give_the_secret_away():
    assert student_seed("secret", "lab", "ada") != student_seed("secret", "la", "bada")
    assert "secret" not in student_seed("secret", "lab", "ada")


@pytest.fixture
def kernel(monkeypatch, course, tmp_path):
    """The folder and environment of a notebook that is being graded."""
    folder = tmp_path / "ada" / LAB
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COURSE_SOLUTIONS", str(course / "solutions"))


def namespace(source):
    names = {"In": ["", source]}
    exec(source, names)
    return names


@pytest.mark.usefixtures("kernel")
def test_run_hidden_is_silent_when_all_is_well(capfd):
    assert run_hidden("half", namespace(GOOD)) is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("kernel")
def test_run_hidden_tells_the_failed_properties_and_nothing_of_the_tests(capfd):
    with pytest.raises(HiddenTestsFailed) as caught:
        run_hidden("half", namespace(CHATTY))
    assert caught.value._render_traceback_() == ["is half: wrong value"]
    shown = str(caught.value) + "".join(capfd.readouterr())
    for hidden in (SECRET_IN_TESTS, "hidden_tests", "solutions", "assert", "chatty"):
        assert hidden not in shown
    assert caught.value.__cause__ is None


def test_of_many_failed_properties_the_first_that_name_a_mistake_are_shown():
    lines = [f"property {i}: wrong value" for i in range(10)] + [f"property {i}: wrong; a name" for i in range(10, 20)]
    shown = first_lines(lines)
    assert shown == [*lines[10:15], "and 15 more properties"]
    assert first_lines(lines[:6]) == lines[:6]


@pytest.mark.usefixtures("kernel")
def test_run_hidden_shows_unfinished_work_as_one_friendly_line():
    stub = "from nnutils.checks import NotDone\ndef half(x): raise NotDone()"
    with pytest.raises(HiddenTestsFailed) as caught:
        run_hidden("half", namespace(stub))
    (line,) = caught.value._render_traceback_()
    assert line.startswith("Not done yet: half.")


@pytest.mark.usefixtures("kernel")
def test_run_hidden_reads_the_source_from_the_history_of_the_kernel():
    with pytest.raises(RefusedNames, match=r"descent: torch\.optim is refused in this question"):
        run_hidden("descent", namespace("import torch\nclass Descent(torch.optim.SGD): pass"))


@pytest.mark.usefixtures("kernel")
def test_run_hidden_blames_itself_for_an_unknown_question(monkeypatch):
    with pytest.raises(GraderError, match="no question 'thirds'"):
        run_hidden("thirds", {})
    monkeypatch.setenv("COURSE_SOLUTIONS", "elsewhere")
    with pytest.raises(GraderError, match="COURSE_SOLUTIONS"):
        run_hidden("half", {})


@pytest.mark.usefixtures("kernel")
def test_run_hidden_leaves_no_trace_in_the_process():
    import sys

    before = set(sys.modules), dict(os.environ)
    run_hidden("half", namespace(GOOD))
    assert not {"probes", "hidden_tests"} & set(sys.modules)
    assert dict(os.environ) == before[1]


def test_beside_the_solution_run_hidden_finds_its_tests_without_settings(lab, monkeypatch):
    monkeypatch.chdir(lab)
    run_hidden("half", namespace(GOOD))
