"""The searches: what they draw, in which order they run, and what they do with an objective that fails."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.model_selection import ParameterGrid

from nnutils import search
from nnutils.search import Range, integers, log_uniform, uniform

SPACE = {
    "lr": log_uniform(1e-5, 1.0),
    "momentum": uniform(0.0, 0.99),
    "hidden": integers(8, 512),
    "act": ["relu", "tanh"],
}


def draws(of, count=4000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [of.draw(generator) for _ in range(count)]


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.lists(st.integers(), min_size=1, max_size=3), max_size=3))
@settings(max_examples=30, deadline=None)
def test_the_grid_is_that_of_scikit_learn(space):
    ours, theirs = list(search.grid(space)), list(ParameterGrid(space))
    assert len(ours) == math.prod(len(choices) for choices in space.values())
    assert sorted(map(repr, map(sorted, map(dict.items, ours)))) == sorted(
        map(repr, map(sorted, map(dict.items, theirs)))
    )


def test_the_last_name_of_a_grid_changes_fastest():
    found = [tuple(params.values()) for params in search.grid({"a": [1, 2], "b": (3, 4)})]
    assert found == list(itertools.product([1, 2], [3, 4]))


def test_a_uniform_range_is_uniform():
    assert stats.kstest(draws(uniform(-2.0, 3.0)), stats.uniform(-2.0, 5.0).cdf).pvalue > 0.01


def test_a_logarithmic_range_is_uniform_in_the_logarithm():
    assert stats.kstest(draws(log_uniform(1e-5, 10.0)), stats.loguniform(1e-5, 10.0).cdf).pvalue > 0.01


def test_the_comparison_finds_a_range_that_is_drawn_linearly():
    """The planted fault: linear where logarithmic was asked."""
    assert stats.kstest(draws(uniform(1e-5, 10.0)), stats.loguniform(1e-5, 10.0).cdf).pvalue < 1e-6


def test_integers_are_equally_likely_with_both_ends():
    counts = [draws(integers(-1, 3)).count(i) for i in range(-1, 4)]
    assert sum(counts) == 4000
    assert stats.chisquare(counts).pvalue > 0.01


def test_logarithmic_integers_have_the_share_of_their_interval():
    found = draws(integers(1, 7, log=True))
    counts = [found.count(i) for i in range(1, 8)]
    expected = [4000 * math.log((i + 1) / i, 8) for i in range(1, 8)]
    assert stats.chisquare(counts, expected).pvalue > 0.01


@given(low=st.floats(1e-6, 1e6), factor=st.floats(1.0, 1e6), log=st.booleans(), seed=st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_a_draw_lies_within_its_bounds(low, factor, log, seed):
    of = Range(low, low * factor, log=log)
    assert of.low <= of.draw(torch.Generator().manual_seed(seed)) <= of.high


def test_integers_are_ints_and_choices_come_as_they_are():
    marker = object()
    drawn = search.sample({"n": integers(1, 9), "choice": [marker]})
    assert type(drawn["n"]) is int
    assert drawn["choice"] is marker


def test_a_sample_takes_every_choice():
    generator = torch.Generator().manual_seed(0)
    assert {search.sample({"a": (1, 2, 3)}, generator)["a"] for _ in range(60)} == {1, 2, 3}


def test_the_same_generator_gives_the_same_sample():
    first, second = (search.sample(SPACE, torch.Generator().manual_seed(3)) for _ in range(2))
    assert first == second
    assert list(first) == list(SPACE)


def test_trials_come_best_first_and_keep_their_number():
    found = search.grid_search(lambda x: (x - 2) ** 2, {"x": [0, 1, 2, 3]}, progress=False)
    assert [(trial.params["x"], trial.value, trial.number) for trial in found] == [
        (2, 0, 2),
        (1, 1, 1),
        (3, 1, 3),
        (0, 4, 0),
    ]
    assert all(trial.seconds >= 0 and trial.error is None for trial in found)


def test_more_random_trials_repeat_the_first_whatever_the_objective_draws():
    def objective(lr, **others):
        torch.rand(int(1000 * lr) + 1)
        return lr

    few, many = (search.random_search(objective, SPACE, trials=n, seed=5, progress=False) for n in (4, 9))
    in_order = [sorted(found, key=lambda trial: trial.number) for found in (few, many)]
    assert [trial.params for trial in in_order[0]] == [trial.params for trial in in_order[1]][:4]
    assert few[0].value == min(trial.params["lr"] for trial in few)


def test_a_search_leaves_the_global_random_state():
    before = torch.get_rng_state()
    search.random_search(lambda **params: 0.0, SPACE, trials=3, progress=False)
    assert torch.equal(torch.get_rng_state(), before)


def test_another_seed_gives_other_draws():
    found = [search.random_search(lambda x: x, {"x": uniform(0, 1)}, trials=1, seed=s, progress=False) for s in (0, 1)]
    assert found[0][0].value != found[1][0].value


def test_a_trial_that_fails_is_recorded_and_the_search_goes_on():
    def objective(x):
        if x == 1:
            raise MemoryError("too large")
        return {0: math.nan, 2: math.inf, 3: None, 4: 0.5, 5: -math.inf}[x]

    best, *failed = search.grid_search(objective, {"x": range(6)}, progress=False)
    assert best.value == 0.5
    assert all(trial.value == math.inf for trial in failed)
    errors = {trial.params["x"]: trial.error for trial in failed}
    assert errors[1] == "MemoryError: too large"
    assert [errors[x] for x in (0, 2, 5)] == ["the value is nan", "the value is inf", "the value is -inf"]
    assert errors[3] == "ValueError: the objective returned None, expected one number, such as a loss"


def test_a_search_of_which_every_trial_fails_warns_with_the_first_error():
    with pytest.warns(
        UserWarning, match="random_search: all trials failed, the first with TypeError: .*'lr'"
    ) as caught:
        search.random_search(lambda: 0.0, {"lr": uniform(0, 1)}, trials=3, progress=False)
    assert caught[0].filename == __file__


def test_a_value_may_be_a_tensor_that_requires_a_gradient():
    found = search.grid_search(lambda x: torch.tensor(float(x), requires_grad=True), {"x": [2]}, progress=False)
    assert found[0].value == 2.0


def test_an_interrupt_returns_what_was_found_so_far():
    def objective(x):
        if x == 2:
            raise KeyboardInterrupt
        return -x

    found = search.grid_search(objective, {"x": [0, 1, 2, 3]}, progress=False)
    assert [trial.params["x"] for trial in found] == [1, 0]


def test_an_interrupt_before_the_first_value_returns_nothing():
    def objective(x):
        raise KeyboardInterrupt

    assert search.grid_search(objective, {"x": [0]}, progress=False) == []


def test_the_bar_shows_the_best_value_and_the_failures(capsys):
    search.grid_search(lambda x: 1 / x, {"x": [0, 4]})
    assert "best=0.25, failed=1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uniform(1.0, 0.0), "got low=1.0 and high=0.0, expected two finite numbers, low <= high"),
        (lambda: uniform(0.0, math.inf), "expected two finite numbers"),
        (lambda: uniform(math.nan, 1.0), "got low=nan"),
        (lambda: log_uniform(0.0, 1.0), "got low=0.0, expected a number above 0 for a logarithmic range"),
        (lambda: integers(0, 5, log=True), "expected a number above 0"),
        (lambda: integers(0, 2.5), "got low=0 and high=2.5, expected whole numbers"),
        (lambda: search.grid({"lr": uniform(0, 1)}), "got a range for 'lr', expected a list of choices"),
        (lambda: search.grid_search(print, {"lr": uniform(0, 1)}), "or use random_search"),
        (lambda: search.grid({"optimizer": "adam"}), "got 'adam' for 'optimizer', expected a list of choices"),
        (lambda: search.sample({"lr": 0.1}), "got 0.1 for 'lr', .* a fixed value is a list of one"),
        (lambda: search.sample({"lr": []}), "got no choices for 'lr', expected at least one"),
        (lambda: search.random_search(print, {"lr": 0.1}, trials=1), "random_search: got 0.1 for 'lr'"),
        (lambda: search.grid([0.1, 0.2]), "grid: got a space of type list, expected a dict from name to choices"),
        (lambda: search.random_search(print, {}, trials=0), "got trials=0, expected a whole number, 1 or more"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
