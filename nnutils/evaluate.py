r"""How good a classifier is, and what it gets wrong: predictions, confusion matrix, precision and recall, projections.

The contract that all functions share: class targets and predictions are int64 indices of shape ``(N,)``; a confusion
matrix has the TRUE class in its row and the PREDICTED class in its column (as scikit-learn's has; some textbooks turn
it round, which swaps precision and recall), and everything else is read from it. Nothing changes the model or the data.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nnutils.arguments import class_indices, floating, one_of, same_device, same_shape, shape, whole
from nnutils.train import keep_modes

__all__ = ["Scores", "accuracy", "confusion_matrix", "precision_recall_f1", "predict", "project"]


class Scores(NamedTuple):
    """Precision, recall and F1: one number for each class, shape ``(C,)``, or 0-d averages.

    Examples
    --------
    >>> precision, recall, f1 = Scores(torch.tensor(0.5), torch.tensor(1.0), torch.tensor(0.6667))
    >>> recall
    tensor(1.)
    """

    precision: Tensor
    recall: Tensor
    f1: Tensor


def predict(model: nn.Module, X: Tensor, *, batch_size: int = 1000) -> Tensor:
    """Return the logits for all rows of ``X``, computed in evaluation mode and in batches.

    The mode of every module comes back as it was, also when the model raises.

    Parameters
    ----------
    X : Tensor of shape (N, ...)
    batch_size : int
        Rows at a time, for memory's sake: the result does not depend on it.

    Returns
    -------
    Tensor of shape (N, ...)
        Without gradient. ``.argmax(1)`` gives the predicted classes, ``.softmax(1)`` the probabilities.

    Raises
    ------
    ValueError
        ``X`` is no tensor with rows, or lies on another device than the model.

    Examples
    --------
    >>> predict(nn.Sequential(nn.Dropout(0.5), nn.Flatten()), torch.ones(3, 2), batch_size=2).shape
    torch.Size([3, 2])
    """
    whole("predict", 1, batch_size=batch_size)
    shape("predict", "(N, ...)", X=X)
    same_device("predict", model=next(model.parameters(), X), X=X)
    with keep_modes(model), torch.inference_mode():
        model.eval()
        outputs = [model(rows) for rows in X.split(batch_size)]
    # joined outside of inference mode: an inference tensor could not take part in training later on
    return torch.cat(outputs)


def confusion_matrix(targets: Tensor, predictions: Tensor, *, num_classes: int) -> Tensor:
    """Return how often each true class (row) was predicted as each class (column), int64 of shape ``(C, C)``.

    Parameters
    ----------
    targets, predictions : Tensor of shape (N,), int64
        Class indices.
    num_classes : int
        C, counting classes that do not occur.

    Raises
    ------
    ValueError
        Wrong shape, dtype or device, or an index out of range.

    Examples
    --------
    >>> confusion_matrix(torch.tensor([0, 0, 1, 2]), torch.tensor([0, 2, 1, 2]), num_classes=3)
    tensor([[1, 0, 1],
            [0, 1, 0],
            [0, 0, 1]])
    """
    whole("confusion_matrix", 1, num_classes=num_classes)
    shape("confusion_matrix", "(N, ...)", predictions=predictions)
    if predictions.ndim == 2:
        raise ValueError(
            f"confusion_matrix: expected predictions of shape (N,), got {tuple(predictions.shape)}; use .argmax(1)"
        )
    shape("confusion_matrix", "(N,)", targets=targets, predictions=predictions)
    same_shape("confusion_matrix", targets=targets, predictions=predictions)
    same_device("confusion_matrix", targets=targets, predictions=predictions)
    class_indices("confusion_matrix", targets, classes=num_classes)
    class_indices("confusion_matrix", predictions, classes=num_classes, name="predictions")
    counts = torch.bincount(targets * num_classes + predictions, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def accuracy(matrix: Tensor) -> float:
    """Return the share of samples on the diagonal of a confusion matrix ``(C, C)``.

    Compare it with the share of the largest class, which a constant answer reaches.

    Raises
    ------
    ValueError
        The matrix is not square, has a negative entry, or counts no sample.

    Examples
    --------
    >>> accuracy(torch.tensor([[8, 2], [1, 9]]))
    0.85
    """
    _square("accuracy", matrix)
    total = matrix.sum().item()
    if total == 0:
        raise ValueError("accuracy: got a matrix of zeros, expected at least one sample")
    return matrix.trace().item() / total


def precision_recall_f1(matrix: Tensor, *, average: str | None = None) -> Scores:
    r"""Return precision, recall and F1 of each class, or their averages, from a confusion matrix ``(C, C)``.

    With TP, FP, FN counted for one class against all others: precision :math:`TP / (TP + FP)` is the share of what was
    called the class that is of it (its column), recall :math:`TP / (TP + FN)` the share of the class that was found
    (its row), and :math:`F_1 = 2TP / (2TP + FP + FN)` their harmonic mean (van Rijsbergen 1979). A quotient 0/0, of a
    class that never occurs or is never predicted, counts as 0.

    Parameters
    ----------
    matrix : Tensor of shape (C, C)
        True class in the row, predicted class in the column.
    average : {None, "macro", "micro"}
        None gives one number for each class. "macro" is the mean over classes, each class weighing the same; "micro"
        pools the counts, each sample weighing the same, and then all three are the accuracy.

    Returns
    -------
    Scores
        Three tensors, of shape ``(C,)`` without average, else 0-d.

    Raises
    ------
    ValueError
        The matrix is not square or has a negative entry, or the average is unknown.

    Examples
    --------
    >>> matrix = torch.tensor([[1, 1], [0, 2]])
    >>> precision_recall_f1(matrix).recall
    tensor([0.5000, 1.0000])
    >>> precision_recall_f1(matrix, average="macro").f1
    tensor(0.7333)
    """
    _square("precision_recall_f1", matrix)
    if average is not None:
        one_of("precision_recall_f1", average, ["macro", "micro"])
    hits, predicted, true = matrix.diagonal(), matrix.sum(0), matrix.sum(1)
    if average == "micro":
        hits, predicted, true = hits.sum(), predicted.sum(), true.sum()
    # a denominator of 0 has a numerator of 0 above it; the matrix may also hold shares, all below 1
    precision, recall, f1 = (
        above / below.where(below != 0, 1)
        for above, below in ((hits, predicted), (hits, true), (2 * hits, predicted + true))
    )
    if average == "macro":
        precision, recall, f1 = precision.mean(), recall.mean(), f1.mean()
    return Scores(precision, recall, f1)


def project(X: Tensor, *, method: str = "pca", dim: int = 2, seed: int = 0) -> Tensor:
    """Return ``X`` projected to ``dim`` numbers a row, shape ``(N, dim)``, by scikit-learn.

    "pca" keeps the directions of largest variance: linear, distances mean what they say. "tsne" keeps neighbours
    together (van der Maaten and Hinton 2008): the size of a cluster and the distance of clusters mean nothing there.
    t-SNE starts from the principal components, with perplexity 30, or ``(N - 1) / 3`` where that is less.

    Parameters
    ----------
    X : Tensor of shape (N, ...)
        Data or features; further axes are flattened.
    method : {"pca", "tsne"}
    dim : int
        Numbers a row: at most ``min(N, D)``, and for t-SNE at most 3.
    seed : int
        Decides the draws of t-SNE.

    Returns
    -------
    Tensor of shape (N, dim)
        On the device and in the dtype of ``X``.

    Raises
    ------
    ValueError
        Unknown method, too many dimensions for the data, data that are no finite floating-point numbers, or, for t-SNE,
        rows that are all the same.

    Examples
    --------
    >>> project(torch.tensor([[0.0, 0.0], [3.0, 4.0]]), dim=1).abs()
    tensor([[2.5000],
            [2.5000]])
    """
    one_of("project", method, ["pca", "tsne"])
    shape("project", "(N, D, ...)", X=X)
    floating("project", X=X)
    whole("project", 1, dim=dim)
    rows = X.detach().flatten(1).to(torch.promote_types(X.dtype, torch.float32)).cpu().numpy()
    if len(rows) < 2:
        raise ValueError(f"project: got X of shape {tuple(X.shape)}, expected at least two rows")
    if not bool(X.isfinite().all()):
        raise ValueError("project: got X with entries that are inf or nan, expected finite numbers")
    # scikit-learn would divide by their spread, and its t-SNE of nan ends Python
    if method == "tsne" and bool((rows == rows[0]).all()):
        raise ValueError("project: got rows that are all the same, expected different ones for t-SNE")
    most = min(*rows.shape, 3) if method == "tsne" else min(rows.shape)
    if dim > most:
        raise ValueError(f"project: got dim={dim} for X of shape {tuple(X.shape)} by {method}, expected {most} at most")
    if method == "pca":
        from sklearn.decomposition import PCA

        points = PCA(n_components=dim, random_state=seed).fit_transform(rows)
    else:
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (len(rows) - 1) / 3)
        tsne = TSNE(n_components=dim, init="pca", perplexity=perplexity, random_state=seed)
        points = tsne.fit_transform(rows)
    return torch.as_tensor(points).to(X.device, X.dtype)


def _square(where: str, matrix: Tensor) -> None:
    shape(where, "(C, C)", matrix=matrix)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{where}: expected a matrix of shape (C, C), got {tuple(matrix.shape)}")
    if not bool((matrix >= 0).all()):
        raise ValueError(f"{where}: got a matrix with entries that are negative or nan, expected counts")
