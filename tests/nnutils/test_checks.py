"""The checks of the labs: what they catch, and what their messages say."""

import math

import pytest
import torch

from nnutils import checks

RIGHT = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "expected a torch.Tensor, got NoneType; did the function forget its return?"),
        ([[1.0, 2.0]], "expected a torch.Tensor, got list"),
        (RIGHT.double(), "expected dtype torch.float32, got torch.float64"),
        (RIGHT[0], r"expected shape \(2, 2\), got \(2,\)"),
        (RIGHT * float("nan"), "4 of 4 entries are inf or nan"),
        (RIGHT + 1, r"wrong value \(largest difference 1\)$"),
        (RIGHT.T, r"wrong value \(largest difference 1\); rows and columns are exchanged"),
    ],
)
def test_check_close_names_what_is_wrong(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_close(wrong, RIGHT, name="f", mistakes={"rows and columns are exchanged": RIGHT.T})


def test_check_close_keeps_what_is_right_to_rounding():
    checks.check_close((RIGHT * (1 + 1e-7)).requires_grad_(), RIGHT, name="f")


def test_a_broadcastable_result_is_not_taken_for_right():
    with pytest.raises(AssertionError, match="expected shape"):
        checks.check_close(torch.ones(1), torch.ones(3), name="f")


def test_a_subclass_that_lies_about_equality_is_not_believed():
    class Liar(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return torch.zeros(2, 2)

    with pytest.raises(AssertionError, match="wrong value"):
        checks.check_close(torch.ones(2, 2).as_subclass(Liar), RIGHT, name="f")


def test_check_unchanged_sees_a_change_in_place():
    before = RIGHT.clone()
    checks.check_unchanged(RIGHT, before, name="X")
    with pytest.raises(AssertionError, match="changed in place"):
        checks.check_unchanged(RIGHT + 1e-6, before, name="X")


def test_check_unchanged_sees_what_was_nan_or_infinite_before():
    before = torch.tensor([math.nan, math.inf, 1.0])
    checks.check_unchanged(before.clone(), before, name="X")
    for after in ([0.0, math.inf, 1.0], [math.nan, torch.finfo().max, 1.0]):
        with pytest.raises(AssertionError, match="changed in place"):
            checks.check_unchanged(torch.tensor(after), before, name="X")


def test_not_done_is_one_line_in_a_notebook():
    error = checks.NotDone("SGD")
    assert error._render_traceback_() == [str(error)]
    assert "SGD" in str(error)
    assert "\n" not in str(error)


def test_a_wrong_answer_is_one_line_in_a_notebook():
    checks.check(True, "fine")
    with pytest.raises(checks.WrongAnswer, match="add: the sum is wrong") as caught:
        checks.check(False, "add: the sum is wrong")
    assert caught.value._render_traceback_() == ["add: the sum is wrong"]
    assert isinstance(caught.value, AssertionError)


def test_the_worst_entry_is_shown_only_where_it_is_asked_for():
    wrong = RIGHT + torch.tensor([[0.0, 0.0], [0.5, 0.1]])
    with pytest.raises(
        AssertionError, match=r"f: wrong value \(largest difference 0\.5 at \[1, 0\]: got 3\.5, expected 3\)$"
    ):
        checks.check_close(wrong, RIGHT, name="f", show=True)
    with pytest.raises(AssertionError, match=r"^f: wrong value \(largest difference 0\.5\)$"):
        checks.check_close(wrong, RIGHT, name="f")
    with pytest.raises(AssertionError, match=r"difference 1: got 2, expected 1\)"):
        checks.check_close(torch.tensor(2), torch.tensor(1), name="f", show=True)


def answer(x):
    return torch.ones(2) @ torch.ones(x)


def test_an_exception_in_a_visible_test_shows_the_lines_of_the_answer_only():
    """Test and answer lie in different cells of a notebook: here in different files."""
    cell: dict[str, object] = {"visible_test": checks.visible_test, "answer": answer}
    source = "@visible_test\ndef product():\n    answer(3)\n"
    with pytest.raises(checks.AnswerRaised, match="your code raised RuntimeError: ") as caught:
        exec(compile(source, "<the test's cell>", "exec"), cell)
    first, *lines = caught.value._render_traceback_()
    assert first.startswith("Your code raised RuntimeError: ")
    assert lines == [f"    line {answer.__code__.co_firstlineno + 1} of answer: return torch.ones(2) @ torch.ones(x)"]


@pytest.mark.parametrize("error", [checks.NotDone("x"), checks.WrongAnswer("x")])
def test_what_a_check_raises_passes_through_a_visible_test(error, capsys):
    def test():
        raise error

    with pytest.raises(type(error)) as caught:
        checks.visible_test(test)
    assert caught.value is error
    assert capsys.readouterr().out == ""


def test_a_change_of_a_leaf_in_place_is_explained():
    def update():
        w = torch.ones(2, requires_grad=True)
        w -= 0.1

    with pytest.raises(checks.AnswerRaised, match="change parameters inside"):
        checks.visible_test(update)
