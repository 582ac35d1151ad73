"""The evaluation against scikit-learn's metrics and decompositions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from torch import nn

from nnutils import data, evaluate


@st.composite
def answers(draw):
    """True and predicted classes; some classes occur in neither, some in only one."""
    classes = draw(st.integers(1, 5))
    pairs = draw(st.lists(st.tuples(*[st.integers(0, classes - 1)] * 2), min_size=1, max_size=30))
    targets, predictions = torch.tensor(pairs).T
    return targets, predictions, classes


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(answers())
@settings(max_examples=30, deadline=None)
def test_the_confusion_matrix_is_that_of_scikit_learn(drawn):
    targets, predictions, classes = drawn
    found = evaluate.confusion_matrix(targets, predictions, num_classes=classes)
    assert found.dtype == torch.int64
    np.testing.assert_array_equal(found, metrics.confusion_matrix(targets, predictions, labels=range(classes)))


@given(answers(), st.sampled_from([None, "macro", "micro"]))
@settings(max_examples=30, deadline=None)
def test_precision_recall_and_f1_are_those_of_scikit_learn(drawn, average):
    targets, predictions, classes = drawn
    found = evaluate.precision_recall_f1(
        evaluate.confusion_matrix(targets, predictions, num_classes=classes), average=average
    )
    expected = metrics.precision_recall_fscore_support(
        targets, predictions, labels=range(classes), average=average, zero_division=0
    )
    for ours, theirs in zip(found, expected[:3], strict=True):
        assert ours.shape == np.shape(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@given(answers())
@settings(max_examples=30, deadline=None)
def test_accuracy_is_that_of_scikit_learn(drawn):
    targets, predictions, classes = drawn
    matrix = evaluate.confusion_matrix(targets, predictions, num_classes=classes)
    assert evaluate.accuracy(matrix) == pytest.approx(metrics.accuracy_score(targets, predictions))
    assert evaluate.precision_recall_f1(matrix, average="micro").f1.item() == pytest.approx(evaluate.accuracy(matrix))


def test_a_matrix_of_shares_has_the_scores_of_its_counts():
    counts = torch.tensor([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
    for of_shares, of_counts in zip(
        evaluate.precision_recall_f1(counts / 20), evaluate.precision_recall_f1(counts), strict=True
    ):
        torch.testing.assert_close(of_shares, of_counts)


def test_the_comparison_finds_a_matrix_that_is_turned_round(monkeypatch):
    """The planted fault: predicted classes in the rows."""
    straight = evaluate.confusion_matrix
    monkeypatch.setattr(
        evaluate, "confusion_matrix", lambda t, p, num_classes: straight(t, p, num_classes=num_classes).T
    )
    with pytest.raises(AssertionError):
        test_precision_recall_and_f1_are_those_of_scikit_learn.hypothesis.inner_test(
            (torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2), None
        )


def test_no_samples_make_a_matrix_of_zeros_and_scores_of_zero():
    none = torch.zeros(0, dtype=torch.int64)
    matrix = evaluate.confusion_matrix(none, none, num_classes=2)
    assert matrix.tolist() == [[0, 0], [0, 0]]
    assert all(score.tolist() == [0, 0] for score in evaluate.precision_recall_f1(matrix))


@given(rows=st.integers(0, 7), batch_size=st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_predictions_do_not_depend_on_the_batches(rows, batch_size):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    X = torch.randn(rows, 4)
    found = evaluate.predict(model, X, batch_size=batch_size)
    torch.testing.assert_close(found, model.eval()(X).detach())


def test_predicting_leaves_each_module_in_its_mode_and_statistics_as_they_were():
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5))
    model[0].eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    X = torch.ones(3, 4)
    torch.testing.assert_close(evaluate.predict(model, X), X, rtol=1e-4, atol=1e-4)
    assert [module.training for module in model.modules()] == [True, False, True]
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)


def test_the_modes_come_back_when_the_model_raises():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2))
    with pytest.raises(RuntimeError):
        evaluate.predict(model, torch.ones(2, 4))
    assert all(module.training for module in model.modules())


def test_predictions_may_take_part_in_training():
    weights = torch.ones(2, requires_grad=True)
    (evaluate.predict(nn.Linear(3, 2), torch.ones(2, 3)) * weights).sum().backward()
    assert weights.grad is not None


@given(rows=st.integers(3, 12), columns=st.integers(2, 6), dtype=st.sampled_from([torch.float32, torch.float64]))
@settings(max_examples=15, deadline=None)
def test_pca_keeps_the_largest_singular_values(rows, columns, dtype):
    X = torch.randn(rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(rows)).to(dtype)
    found = evaluate.project(X)
    assert found.dtype == dtype
    centred = (X - X.mean(0)).double()
    values = torch.linalg.svdvals(centred)[:2]
    torch.testing.assert_close(found.double().norm(dim=0), values, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        (found.double() @ found.double().T).diagonal().sum(), (values**2).sum(), rtol=1e-4, atol=1e-4
    )


def test_pca_is_that_of_scikit_learn_also_for_images():
    X = data.load("digits").X_val
    expected = PCA(3).fit_transform(X.numpy())
    np.testing.assert_allclose(evaluate.project(X.reshape(-1, 8, 8), dim=3), expected, atol=1e-3)


def test_tsne_keeps_neighbours_together_and_repeats_itself():
    X = data.load("digits").X_val[:120]
    found = evaluate.project(X, method="tsne", seed=1)
    assert found.shape == (120, 2)
    assert trustworthiness(X.numpy(), found.numpy(), n_neighbors=5) > 0.9
    assert torch.equal(found, evaluate.project(X, method="tsne", seed=1))


def test_tsne_takes_fewer_rows_than_its_usual_perplexity():
    assert evaluate.project(torch.eye(8), method="tsne").shape == (8, 2)


ONE, TWO = torch.tensor([0]), torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: evaluate.confusion_matrix(TWO, ONE, num_classes=2),
            r"predictions of shape \(1,\), expected one shape",
        ),
        (lambda: evaluate.confusion_matrix(TWO, torch.eye(2), num_classes=2), r"got \(2, 2\); use .argmax\(1\)"),
        (lambda: evaluate.confusion_matrix(TWO, TWO, num_classes=1), "got targets from 0 to 1, expected class indices"),
        (lambda: evaluate.confusion_matrix(TWO, TWO + 1, num_classes=2), "got predictions from 1 to 2, expected class"),
        (lambda: evaluate.confusion_matrix(TWO, TWO.float(), num_classes=2), "got predictions of dtype torch.float32"),
        (lambda: evaluate.confusion_matrix(TWO, TWO, num_classes=0), "got num_classes=0"),
        (lambda: evaluate.confusion_matrix(TWO, TWO.to("meta"), num_classes=2), "expected one device"),
        (lambda: evaluate.accuracy(torch.zeros(2, 3)), r"expected a matrix of shape \(C, C\), got \(2, 3\)"),
        (lambda: evaluate.accuracy(torch.zeros(2)), r"accuracy: expected matrix of shape \(C, C\), got \(2,\)"),
        (lambda: evaluate.accuracy(torch.zeros(2, 2)), "got a matrix of zeros, expected at least one sample"),
        (
            lambda: evaluate.precision_recall_f1(torch.eye(2), average="mean"),
            "got 'mean', expected one of macro, micro",
        ),
        (lambda: evaluate.predict(nn.Identity(), torch.eye(2), batch_size=0), "got batch_size=0"),
        (lambda: evaluate.project(torch.eye(3), method="umap"), "got 'umap', expected one of pca, tsne"),
        (lambda: evaluate.project(torch.eye(3), dim=4), r"dim=4 for X of shape \(3, 3\) by pca, expected 3 at most"),
        (lambda: evaluate.project(torch.eye(9), method="tsne", dim=4), "by tsne, expected 3 at most"),
        (lambda: evaluate.project(torch.eye(3)[:1], dim=1), r"got X of shape \(1, 3\), expected at least two rows"),
        (lambda: evaluate.project(torch.eye(3).long()), "torch.int64"),
        (lambda: evaluate.project(torch.eye(3) / 0), "project: got X with entries that are inf or nan"),
        (lambda: evaluate.project(torch.ones(5, 3), method="tsne"), "project: got rows that are all the same"),
        (lambda: evaluate.predict(nn.Identity(), [[1.0]]), "predict: expected X to be a torch.Tensor, got list"),
        (
            lambda: evaluate.predict(nn.Linear(2, 2), torch.eye(2, device="meta")),
            "model on cpu, X on meta, expected one",
        ),
        (lambda: evaluate.confusion_matrix([0, 1], [0, 1], num_classes=2), "expected predictions to be a torch.Tensor"),
        (
            lambda: evaluate.accuracy(torch.tensor([[2, -1], [0, 1]])),
            "accuracy: got a matrix with entries that are neg",
        ),
        (lambda: evaluate.precision_recall_f1(torch.eye(2) / 0), "precision_recall_f1: got a matrix with entries"),
        (lambda: evaluate.project(torch.ones(3)), r"expected X of shape \(N, D, ...\), got \(3,\)"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
