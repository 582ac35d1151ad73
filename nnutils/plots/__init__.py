"""Every figure of the course in one look: one palette, readable for colour-blind people and on light and dark pages.

The contract that all functions share: ``ax`` comes first, then plain data (tensors of any device, sequences, dicts);
the function draws, labels the axes, writes names beside what they name instead of a legend, and returns ``ax``. It
neither creates nor shows a figure, but for ``history``, which needs two axes and returns its figure.

Importing the package sets Matplotlib's style: figures are vector graphics with a transparent ground and mid-grey axes,
readable on white and on near-black. What holds the figures together stands in ``look``; ``lines`` draws values over
steps or settings, ``layers`` what happens through depth, ``plane`` points and functions of two numbers, ``pictures``
images and matrices.
"""

from nnutils.plots.layers import histograms, statistics
from nnutils.plots.lines import curves, history, range_test, schedule, search, update_ratios
from nnutils.plots.look import COLORS, DIVERGING, INK, PALETTE
from nnutils.plots.pictures import confusion_matrix, images
from nnutils.plots.plane import contour, decision_boundary, path, projection

__all__ = [
    "COLORS",
    "DIVERGING",
    "INK",
    "PALETTE",
    "confusion_matrix",
    "contour",
    "curves",
    "decision_boundary",
    "histograms",
    "history",
    "images",
    "path",
    "projection",
    "range_test",
    "schedule",
    "search",
    "statistics",
    "update_ratios",
]
