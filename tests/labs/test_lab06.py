"""What is special about lab 06: bounds for what is drawn at random, thresholds of a training run, one set of checks."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
import torch.nn.functional as F
from torch import nn

from autograder.grade import _modules
from autograder.student import InProcess
from tests.labs.conftest import LABS

LAB = next(lab for lab in LABS if lab.name == "lab06_regularization")


@pytest.fixture(scope="module")
def hidden():
    with _modules(LAB.folder) as tests:
        yield tests


@pytest.fixture(scope="module")
def solved():
    namespace: dict = {}
    for source in LAB.solved:
        exec(source, namespace)
    return namespace


def fit(X, y, epochs, seed):
    """Learn the labels by heart: no remedy at all."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(50):
            optimizer.zero_grad()
            F.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
    return model.eval()


def accuracy(model, X, y):
    return float((model(X).argmax(1) == y).float().mean())


def test_the_thresholds_of_minimize_gap_have_a_margin(hidden, solved, record_property):
    """The solution and a net without remedies over 24 seeds, each with its own rows, wrong labels and start."""
    mended, by_heart, learned = [], [], []
    for seed in range(24):
        train, val, held_back = hidden.draw_digits(np.random.default_rng(seed))
        model = solved["minimize_gap"](*train, *val, torch.Generator().manual_seed(seed))
        mended.append(accuracy(model, *held_back))
        overfitted = fit(*train, 60, seed)
        by_heart.append(accuracy(overfitted, *held_back))
        learned.append(accuracy(overfitted, *train))
    record_property(
        "answers",
        f"{LAB.name}, minimize_gap over 24 seeds: accuracy on held-back rows at least {min(mended):.3f}, mean "
        f"{np.mean(mended):.3f}; learned by heart ({min(learned):.2f} of the training labels) at most "
        f"{max(by_heart):.3f}, mean {np.mean(by_heart):.3f} (limit {hidden.ACCURACY})",
    )
    assert min(mended) > hidden.ACCURACY + 0.03
    assert max(by_heart) < hidden.ACCURACY - 0.03
    assert min(learned) > 0.95


def test_a_model_that_is_fitted_on_validation_rows_shows_it(hidden, solved, record_property):
    """The share of marked new rows that are called by their marks: of models that chose by the marked validation rows,
    and of models that were trained on these, alone or beside the training rows, with their labels or with what another
    model makes of them. And how many new rows of the absent classes each still knows. 20 seeds."""
    chose, fitted, guessed, known = [], [], [], []
    for seed in range(20):
        rng = np.random.default_rng(100 + seed)
        train, val, held_back = hidden.draw_digits(rng)
        few, marked, absent = hidden.marked_rows(rng, val, held_back)
        model = solved["minimize_gap"](*train, *few, torch.Generator().manual_seed(seed))
        chose.append(accuracy(model, *marked))
        known.append(accuracy(model, *absent))
        both = tuple(map(torch.cat, zip(train, few, strict=True)))
        fitted.append(accuracy(fit(*(few if seed % 2 else both), 15, seed), *marked))
        guesses = torch.cat([train[1], model(few[0]).argmax(1)])
        guessed.append(accuracy(fit(both[0], guesses, 15, seed), *marked))
    record_property(
        "answers",
        f"{LAB.name}, marks of validation rows over 20 seeds: called by them at most {max(chose):.3f} where these rows "
        f"chose, at least {min(fitted):.3f} where they trained, {np.mean(guessed):.3f} on average with guessed labels "
        f"(limit {hidden.MARKED}); of absent classes known at least {min(known):.3f} (limit {hidden.ABSENT})",
    )
    assert max(chose) < hidden.MARKED / 2
    assert min(known) > hidden.ABSENT + 0.2
    assert min(fitted) > hidden.MARKED + 0.3
    assert np.mean(guessed) > hidden.MARKED + 0.1


def test_a_model_whose_targets_came_from_validation_labels_shows_it(hidden, solved, record_property):
    """The share of new rows of two classes, which the validation rows call otherwise, that a model calls as its
    training rows do: of models that chose by these validation rows, and of models fitted on training rows that got
    their labels from the nearest ones, or had to agree with them. 20 seeds."""
    chose, fitted = [], []
    for seed in range(20):
        rng = np.random.default_rng(200 + seed)
        train, val, (X, y) = hidden.draw_digits(rng)
        renamed, gone = hidden.renamed_rows(rng, val)
        rows = torch.isin(y, gone)
        chosen = solved["minimize_gap"](*train, *renamed, torch.Generator().manual_seed(seed))
        chose.append(accuracy(chosen, X[rows], y[rows]))
        labels = renamed[1][torch.cdist(train[0], renamed[0]).topk(5, largest=False).indices].mode(1).values
        keep = labels == train[1]
        taught = (train[0], labels) if seed % 2 else (train[0][keep], train[1][keep])
        fitted.append(accuracy(fit(*taught, 15, seed), X[rows], y[rows]))
    record_property(
        "answers",
        f"{LAB.name}, two classes renamed over 20 seeds: at least {min(chose):.3f} where validation rows chose, at "
        f"most {max(fitted):.3f} where they gave the labels (limit {hidden.KNOWN})",
    )
    assert min(chose) > hidden.KNOWN + 0.3
    assert max(fitted) < hidden.KNOWN / 2


@pytest.mark.parametrize(("n", "p", "cells"), [(20_000, 0.2, 1), (2000, 1 / 9, 9), (300, 1 / 12, 12), (400, 0.125, 1)])
def test_the_bound_of_a_count_holds(hidden, n, p, cells):
    """Beside the exact binomial distribution: less than once in 10^9 times, and not far too wide."""
    away = hidden.given.most_away(n, p, cells)
    count = scipy.stats.binom(n, p)
    beyond = cells * (count.cdf(math.floor(n * p - away)) + count.sf(math.ceil(n * p + away) - 1))
    assert beyond < 1e-9
    assert away < 2 * scipy.stats.norm.isf(1e-9 / cells / 2) * math.sqrt(n * p * (1 - p)) + 10


RANDOM = ["dropout", "split", "augmentation", "mixup"]


@pytest.mark.parametrize("question", RANDOM)
def test_right_draws_pass_under_many_seeds(question):
    """Other inputs and other draws each time; a bound that is too narrow would fail sooner or later."""
    student = InProcess.from_source(LAB.solved)
    for attempt in range(5):
        with _modules(LAB.folder) as tests:
            student.begin(question, lab=LAB.folder, refused=tests.REFUSED[question])
            for number, name in enumerate(n for n in vars(tests) if n.startswith(f"test_{question}__")):
                student.seed(1000 * attempt + number)
                getattr(tests, name)(student, np.random.default_rng([attempt, number]))


def test_visible_and_hidden_tests_share_their_checks(hidden):
    """What names a mistake stands once, in the notebook; the planted fault is a cell that no longer exists."""
    for name in hidden.CELLS:
        assert LAB.cells[name].metadata.nbgrader.locked
    assert hidden.given.stops_of([2.0, 1.0, 1.0], 1, 0.0) == ([False, False, True], 1)
    assert set(hidden.CELLS) <= set(LAB.given)
    assert "check_nothing" not in vars(hidden.given)
