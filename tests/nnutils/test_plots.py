"""What a figure helper draws, read from the figure itself."""

from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_rgb

from nnutils import optim, plots


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("color", [*plots.COLORS, plots.INK])
@pytest.mark.parametrize("ground", ["#ffffff", "#14181e"])
def test_colours_stand_out_on_light_and_dark_ground(color, ground):
    high, low = sorted((luminance(color), luminance(ground)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3


def test_every_rule_has_a_colour_of_its_own():
    assert set(plots.PALETTE) == set(optim.RULES)
    assert len(set(plots.PALETTE.values())) == len(optim.RULES)


def test_figures_are_transparent_vectors():
    assert mpl.rcParams["savefig.facecolor"] == "none"
    assert mpl.rcParams["svg.fonttype"] == "none"


def test_curves_label_each_line_at_its_end_in_its_colour_without_touching(ax):
    plots.curves(ax, {"adam": [3, 2, 1], "sgd": [3, 2, 1.001], "other": [1, 1, 1.002]}, xlabel="step", ylabel="loss")
    ax.figure.canvas.draw()
    texts = {text.get_text(): text for text in ax.texts}
    assert texts["adam"].get_color() == plots.PALETTE["adam"]
    assert texts["adam"].xy == (2.0, 1.0)
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 + 2 for lower, upper in pairwise(boxes))


def test_smooth_is_the_running_mean(ax):
    plots.curves(ax, {"a": [0, 2, 4, 6]}, xlabel="", ylabel="", smooth=2)
    assert ax.lines[1].get_ydata().tolist() == [1, 3, 5]
    assert ax.lines[1].get_xdata().tolist() == [1, 2, 3]


def test_contour_draws_level_lines_of_the_function(ax):
    plots.contour(ax, lambda w: (w**2).sum(), xlim=(-2, 2), ylim=(-2, 2), levels=[1.0])
    points = ax.collections[0].get_paths()[0].vertices
    assert abs((points**2).sum(1) - 1).max() < 1e-2


def test_path_labels_the_last_point_inside_the_axes(ax):
    ax.set(xlim=(0, 1), ylim=(0, 1))
    plots.path(ax, torch.tensor([[0.1, 0.1], [0.5, 0.5], [9.0, 9.0]]), label="adam")
    assert tuple(ax.texts[0].xy) == (0.5, 0.5)
