"""What a figure helper draws, read from the figure itself."""

from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.text import Text
from torch import nn

from nnutils import optim, plots
from nnutils.plots import look
from nnutils.search import Trial
from nnutils.train import History


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def words(ax):
    return [text.get_text() for text in ax.texts]


def apart(texts):
    """No two texts touch."""
    texts[0].figure.canvas.draw()
    # the words alone: the extent of an annotation holds its line too
    boxes = [Text.get_window_extent(text) for text in texts]
    return not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("color", [*plots.COLORS, plots.INK])
@pytest.mark.parametrize("ground", ["#ffffff", "#14181e", "#121212"])
def test_colours_stand_out_on_light_and_dark_ground(color, ground):
    assert contrast(color, ground) >= 3


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


def test_contour_draws_where_the_function_is_finite(ax):
    plots.contour(ax, lambda w: w.sum().sqrt(), xlim=(-1, 1), ylim=(-1, 1), levels=5)
    assert sum(len(path.vertices) for path in ax.collections[0].get_paths()) > 100


def test_path_labels_the_last_point_inside_the_axes(ax):
    ax.set(xlim=(0, 1), ylim=(0, 1))
    plots.path(ax, torch.tensor([[0.1, 0.1], [0.5, 0.5], [9.0, 9.0]]), label="adam")
    assert tuple(ax.texts[0].xy) == (0.5, 0.5)


def test_path_names_nothing_without_a_label_or_outside_of_the_axes(ax):
    ax.set(xlim=(0, 1), ylim=(0, 1))
    plots.path(ax, torch.tensor([[0.1, 0.1], [0.5, 0.5]]), color="red")
    plots.path(ax, torch.tensor([[5.0, 5.0], [9.0, 9.0]]), label="adam")
    assert words(ax) == []
    assert ax.lines[0].get_color() == "red"


def test_contour_chooses_levels_that_are_dense_near_the_lowest(ax):
    plots.contour(ax, lambda w: w[0], xlim=(0, 1), ylim=(0, 1), levels=4)
    np.testing.assert_allclose(ax.collections[0].levels, [1 / 16, 1 / 4, 9 / 16, 1])


def test_notebooks_get_vector_graphics(monkeypatch):
    formats = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("matplotlib_inline.backend_inline.set_matplotlib_formats", formats.append)
    look._use_style()
    assert formats == ["svg"]


def test_the_package_offers_every_plot_under_one_name():
    assert all(callable(getattr(plots, name)) for name in plots.__all__ if name.islower())


def test_history_draws_losses_and_accuracy_and_names_the_best_epoch():
    run = History(train_loss=[2.0, 1.0, 0.5], val_loss=[2.1, 1.2, 1.4], val_accuracy=[0.3, 0.6, 0.55])
    fig = plots.history(run)
    loss, accuracy = fig.axes
    assert loss.lines[0].get_ydata().tolist() == run.train_loss
    assert loss.lines[1].get_ydata().tolist() == run.val_loss
    assert loss.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert sorted(words(loss)) == ["lowest: epoch 2", "training", "validation"]
    assert accuracy.lines[0].get_ydata().tolist() == pytest.approx([30, 60, 55])
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in fig.axes] == [
        ("epoch", "loss"),
        ("epoch", "validation accuracy (%)"),
    ]
    assert apart(loss.texts)
    plt.close(fig)


@pytest.mark.parametrize("val_loss", [[], [float("nan")] * 2])
def test_history_without_a_validation_loss_marks_nothing(val_loss):
    fig = plots.history(History(train_loss=[2.0, 1.0], val_loss=val_loss))
    assert len(fig.axes) == 1
    assert words(fig.axes[0]) == ["training"]
    plt.close(fig)


def test_history_without_a_single_accuracy_has_one_panel():
    run = History(train_loss=[1.0], val_loss=[1.0], val_accuracy=[float("nan")])
    assert len(plots.history(run).axes) == 1


def test_schedule_draws_the_rate_of_each_step(ax):
    assert plots.schedule(ax, {"halving": lambda t: 0.5**t, "constant": lambda t: 1.0}, 4) is ax
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1, 0.5, 0.25, 0.125], [1, 1, 1, 1]]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "learning rate")


def falling(lrs, middle):
    """A loss that falls with the logarithm of the rate, most steeply at ``middle``, then explodes."""
    return [2 / (1 + (lr / middle) ** 2) + (lr / (50 * middle)) ** 4 for lr in lrs]


@pytest.mark.parametrize("smooth", [1, 9])
def test_range_test_marks_the_steepest_fall(ax, smooth):
    lrs = np.logspace(-4, 2, 121)
    assert plots.range_test(ax, lrs, falling(lrs, 0.01), smooth=smooth) is ax
    (text,) = words(ax)
    assert text == "steepest fall: 0.01"
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate", "training loss")


def test_range_test_shows_where_the_loss_rises_but_not_how_far(ax):
    lrs = np.logspace(-4, 2, 121)
    losses = [*falling(lrs[:-2], 0.01), float("inf"), float("nan")]
    plots.range_test(ax, lrs, losses)
    drawn = max(ax.lines, key=lambda line: len(line.get_xdata()))
    assert ax.get_ylim()[1] <= 3.1
    assert 0.5 < drawn.get_xdata()[-1] < 2
    assert drawn.get_ydata().tolist() == losses[: len(drawn.get_ydata())]


def test_range_test_without_a_fall_marks_nothing(ax):
    plots.range_test(ax, [0.1, 1.0, 10.0], [1.0, 2.0, 3.0], smooth=1)
    assert words(ax) == []
    assert ax.lines[0].get_ydata().tolist() == [1, 2, 3]


TRIALS = [
    Trial(0, {"lr": 0.1, "act": "relu"}, 0.5, 1.0),
    Trial(1, {"lr": 0.01, "act": "tanh"}, 0.3, 1.0),
    Trial(2, {"lr": 1.0, "act": "relu"}, float("inf"), 1.0, "the value is nan"),
]


def test_search_draws_each_value_names_the_best_and_shows_failures(ax):
    assert plots.search(ax, TRIALS, "lr", log=True) is ax
    assert ax.get_xscale() == "log"
    assert ax.lines[0].get_xdata().tolist() == [0.1, 0.01]
    assert ax.lines[0].get_ydata().tolist() == [0.5, 0.3]
    assert ax.lines[1].get_xdata().tolist() == [1.0]
    assert words(ax) == ["failed", "best: 0.3 at 0.01"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("lr", "validation loss")


def test_search_puts_choices_side_by_side(ax):
    plots.search(ax, TRIALS[:2], "act")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["relu", "tanh"]
    assert ax.lines[0].get_xdata().tolist() == [0, 1]
    assert words(ax) == ["best: 0.3 at tanh"]


def test_search_of_which_every_trial_failed_names_no_best(ax):
    plots.search(ax, TRIALS[2:], "lr")
    assert words(ax) == ["failed"]


def test_update_ratios_are_drawn_on_a_logarithmic_axis_without_zeros(ax):
    steps = [{"weight": 0.01, "bias": float("inf")}, {"weight": 0.001, "bias": 0.002}, {"weight": 0.0, "bias": 0.001}]
    assert plots.update_ratios(ax, steps) is ax
    assert ax.get_yscale() == "log"
    usual, weight, bias = ax.lines
    assert set(usual.get_ydata()) == {1e-3}
    np.testing.assert_equal(weight.get_ydata(), [0.01, 0.001, np.nan])
    np.testing.assert_equal(bias.get_ydata(), [np.nan, 0.002, 0.001])
    assert sorted(words(ax)) == ["bias", "usual", "weight"]


def test_statistics_draws_a_band_of_one_standard_deviation(ax):
    assert plots.statistics(ax, {"He": [(0.5, 0.1), (0.4, 0.2)], "Xavier": [(0.5, 0.1)]}, names=["a", "b"]) is ax
    low, high, mean = ax.lines[:3]
    assert low.get_ydata().tolist() == pytest.approx([0.4, 0.2])
    assert high.get_ydata().tolist() == pytest.approx([0.6, 0.6])
    assert mean.get_ydata().tolist() == [0.5, 0.4]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b"]
    assert sorted(words(ax)) == ["He", "Xavier"]
    assert len(ax.collections) == 2


def test_histograms_count_each_layer_over_one_axis_and_tell_the_zeros(ax):
    layers = {"1": torch.tensor([[0.0, 0.0, 1.0, 2.0]]), "3": torch.tensor([2.0, 2.0, 2.0, float("nan")])}
    assert plots.histograms(ax, layers, bins=2, limits=(0.5, 2.5), xlabel="gradient") is ax
    first, second = (patch.get_data() for patch in ax.patches)
    assert (first.values - first.baseline).tolist() == pytest.approx([0.85, 0.85])
    assert (second.values - second.baseline).tolist() == pytest.approx([0, 0.85])
    assert first.edges.tolist() == second.edges.tolist() == [0.5, 1.5, 2.5]
    assert words(ax) == ["50 % zero"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["1", "3"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("gradient", "layer")


def test_histograms_choose_an_axis_that_holds_zero_and_nearly_all_entries(ax):
    values = torch.cat([torch.linspace(1, 2, 10_000), torch.tensor([1e6])])
    plots.histograms(ax, {"a": values})
    low, high = ax.get_xlim()
    assert low == 0
    assert 1.99 < high < 2.01


def test_histograms_of_nothing_but_zeros_say_so(ax):
    plots.histograms(ax, {"dead": torch.zeros(5), "empty": torch.zeros(0)})
    assert words(ax) == ["100 % zero"]


def test_confusion_matrix_writes_each_count_that_is_not_zero(ax):
    matrix = torch.tensor([[8, 2, 0], [0, 9, 1], [3, 3, 3]])
    assert plots.confusion_matrix(ax, matrix, ["cat", "dog", "cow"]) is ax
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {(c, r): str(matrix[r, c].item()) for r in range(3) for c in range(3) if matrix[r, c]}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cat", "dog", "cow"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.yaxis_inverted()


@pytest.mark.parametrize("ground", ["#ffffff", "#121212"])
@pytest.mark.parametrize("right", [True, False])
def test_every_count_of_a_confusion_matrix_is_readable(ax, ground, right):
    """Whatever share of its row a cell holds, on the diagonal and beside it, the count stands out from the cell."""
    size, page = 40, np.array(to_rgb(ground))
    shares = torch.arange(1, size + 1)
    matrix = torch.zeros(2 * size, 2 * size, dtype=torch.int64)
    for i, share in enumerate(shares):
        matrix[i, i], matrix[i, i + size] = (share, size - share) if right else (size - share, share)
    plots.confusion_matrix(ax, matrix, [str(i) for i in range(2 * size)])
    tint = ax.collections[0].get_array().reshape(2 * size, 2 * size, 4)
    for text in ax.texts:
        column, row = text.get_position()
        color, alpha = tint[row, column, :3], tint[row, column, 3]
        assert contrast(text.get_color(), alpha * color + (1 - alpha) * page) >= 3


def test_the_shade_of_a_confusion_matrix_grows_with_the_share_of_the_row(ax):
    plots.confusion_matrix(ax, torch.tensor([[60, 30, 10], [0, 1, 0], [0, 0, 0]]), "abc")
    alpha = np.asarray(ax.collections[0].get_array()).reshape(3, 3, 4)[..., 3]
    assert alpha[0, 0] > alpha[0, 1] > alpha[0, 2] > 0
    assert alpha[1, 1] == 1
    assert alpha[1, 0] == alpha[2, 2] == 0


def test_images_stand_in_rows_under_their_titles_on_one_scale(ax):
    pictures = torch.arange(3 * 2 * 4).reshape(3, 2, 4).float()
    assert plots.images(ax, pictures, titles=["a", "b", "c"], columns=2) is ax
    for image, picture in zip(ax.images, pictures, strict=True):
        np.testing.assert_array_equal(image.get_array(), picture)
        assert image.get_clim() == (0, 23)
        left, right, low, high = image.get_extent()
        assert (high - low) / (right - left) == pytest.approx(0.5)
        assert ax.get_xlim()[0] <= left < right <= ax.get_xlim()[1] + 1e-9
        assert ax.get_ylim()[0] - 1e-9 <= low < high <= ax.get_ylim()[1]
    assert words(ax) == ["a", "b", "c"]
    first, second, third = (image.get_extent() for image in ax.images)
    assert first[2] == second[2] > third[3]
    assert first[0] == third[0] < second[0]
    assert apart(ax.texts)


def test_filters_have_a_scale_of_their_own_with_zero_in_the_middle(ax):
    pictures = torch.stack([torch.linspace(-1, 3, 100), torch.zeros(100)]).reshape(2, 10, 10)
    plots.images(ax, pictures, diverging=True)
    (low, high), none = (image.get_clim() for image in ax.images)
    assert low == -high
    assert 2.9 < high < 3
    assert none == (-1, 1)
    assert words(ax) == ["blue: negative, orange: positive"]
    assert len(ax.patches) == 2


def test_the_diverging_map_is_blue_below_orange_above_and_clear_at_zero():
    assert plots.DIVERGING(0.0) == to_rgba(plots.COLORS[0])
    assert plots.DIVERGING(1.0) == to_rgba(plots.COLORS[1])
    assert plots.DIVERGING(0.5)[3] < 0.02


def test_projection_draws_each_class_and_names_it_beside_without_touching(ax):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 10
    points = 0.1 * torch.randn(120, 2, generator=generator) + (labels[:, None] == 9)
    assert plots.projection(ax, points, labels, [f"class {k}" for k in range(11)], xlabel="t-SNE 1") is ax
    assert [len(group.get_offsets()) for group in ax.collections] == [12] * 10
    np.testing.assert_allclose(ax.collections[3].get_offsets(), points[labels == 3])
    assert sorted(words(ax)) == [f"class {k}" for k in range(10)]
    assert apart(ax.texts)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("t-SNE 1", "component 2")


def test_classes_of_one_colour_have_different_markers(ax):
    plots.projection(ax, torch.rand(8, 2), torch.arange(8), "abcdefgh")
    first, last = ax.collections[0], ax.collections[7]
    assert first.get_facecolor().tolist() == last.get_facecolor().tolist()
    assert len(first.get_paths()[0]) != len(last.get_paths()[0])


class HalfPlane(nn.Module):
    """Class 1 where the first coordinate is above 0.3; ``logits`` outputs."""

    def __init__(self, logits):
        super().__init__()
        self.logits, self.seen = logits, []

    def forward(self, x):
        self.seen.append((self.training, torch.is_grad_enabled()))
        z = x[:, :1] - 0.3
        return z if self.logits == 1 else torch.cat([-z, z, z - 9], 1)


@pytest.mark.parametrize("logits", [1, 3])
def test_decision_boundary_lies_where_the_classifier_changes_its_mind(ax, logits):
    model, X = HalfPlane(logits), torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.9, 0.8]])
    assert plots.decision_boundary(ax, model, X, torch.tensor([0, 1, 1]), ["left", "right"]) is ax
    border = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
    np.testing.assert_allclose(border[:, 0], 0.3, atol=0.02)
    assert words(ax) == ["left", "right"]
    assert ax.texts[0].xy[0] < (0.3 + 1.2) / 2.4 < ax.texts[1].xy[0]
    assert len(ax.images) == 1
    assert model.seen == [(False, False)]
    assert model.training


@pytest.mark.parametrize("default", [torch.float32, torch.float64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_decision_boundary_takes_points_of_any_float_whatever_the_default(ax, default, dtype):
    torch.set_default_dtype(default)
    try:
        points = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=dtype)
        plots.decision_boundary(ax, HalfPlane(1), points, torch.tensor([0, 1]), ["left", "right"])
    finally:
        torch.set_default_dtype(torch.float32)
    assert [text.get_text() for text in ax.texts] == ["left", "right"]


def test_decision_boundary_of_one_region_has_one_name(ax):
    X = torch.tensor([[-1.0, -1.0], [-0.5, 0.0]], dtype=torch.float64)
    plots.decision_boundary(ax, HalfPlane(3), X, torch.tensor([0, 1]))
    assert words(ax) == ["0"]


def test_decision_boundary_restores_the_mode_when_the_model_raises(ax):
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2))
    with pytest.raises(RuntimeError):
        plots.decision_boundary(ax, model, torch.rand(4, 2), torch.zeros(4, dtype=torch.int64))
    assert all(module.training for module in model.modules())


Y = torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ax: plots.schedule(ax, {}, 0), "schedule: got steps=0"),
        (lambda ax: plots.range_test(ax, [0.1], [1.0, 2.0]), "got 1 rates and 2 losses, expected as many of both"),
        (lambda ax: plots.range_test(ax, [0.0], [1.0]), "range_test: got lr=0.0, expected a finite number above 0"),
        (lambda ax: plots.range_test(ax, [0.1], [float("nan")]), "got no loss that is finite"),
        (lambda ax: plots.range_test(ax, [0.1], [1.0], smooth=0), "got smooth=0"),
        (lambda ax: plots.search(ax, TRIALS, "lrs"), "search: got 'lrs', .* did you mean 'lr'"),
        (lambda ax: plots.update_ratios(ax, []), "update_ratios: got no steps, expected at least one"),
        (lambda ax: plots.histograms(ax, {}, bins=0), "got bins=0"),
        (lambda ax: plots.histograms(ax, {"0": [1.0]}), "expected layer '0' to be a torch.Tensor, got list"),
        (lambda ax: plots.statistics(ax, {"He": [(0.0, 1.0, 0.5)]}), r"expected \(mean, std\) of each layer of 'He'"),
        (lambda ax: plots.curves(ax, {"a": [1]}, xlabel="", ylabel="", smooth=-1), "curves: got smooth=-1"),
        (
            lambda ax: plots.curves(ax, {"a": [1]}, xlabel="", ylabel="", x=[1, 2]),
            "got 2 positions and 1 values of 'a'",
        ),
        (lambda ax: plots.update_ratios(ax, {"w": 0.1}), "update_ratios: expected a list of dicts"),
        (lambda ax: plots.update_ratios(ax, [{"w": 0.1}, {"b": 0.1}]), "with the same parameters"),
        (lambda ax: plots.path(ax, torch.ones(3, 3)), r"path: expected points of shape .*, got \(3, 3\)"),
        (
            lambda ax: plots.contour(ax, lambda w: w, xlim=(0, 1), ylim=(0, 1)),
            r"contour: f gave values of shape \(2,\)",
        ),
        (lambda ax: plots.contour(ax, lambda w: 0 * w.sum(), xlim=(0, 1), ylim=(0, 1)), "or all the same, expected"),
        (lambda ax: plots.contour(ax, lambda w: w.sum() / 0, xlim=(1, 2), ylim=(1, 2)), "that are not finite or"),
        (lambda ax: plots.confusion_matrix(ax, torch.ones(0, 0), []), "expected .* at least 1"),
        (lambda ax: plots.projection(ax, [[0.0, 1.0]], [0], "a"), "expected points to be a torch.Tensor, got list"),
        (
            lambda ax: plots.decision_boundary(ax, torch.nn.Flatten(0), torch.ones(2, 2), Y),
            r"decision_boundary: expected logits of shape \(M, C\)",
        ),
        (lambda ax: plots.confusion_matrix(ax, torch.eye(2), ["a"]), r"shape \(2, 2\) and 1 classes"),
        (lambda ax: plots.confusion_matrix(ax, torch.ones(2), ["a"]), r"expected matrix of shape \(C, C\), got \(2,\)"),
        (lambda ax: plots.images(ax, torch.ones(4, 4)), r"expected pictures of shape \(N, H, W\), got \(4, 4\)"),
        (lambda ax: plots.images(ax, torch.ones(0, 4, 4)), "got 0 pictures and no titles, expected at least one"),
        (lambda ax: plots.images(ax, torch.ones(2, 4, 4), titles=["a"]), "got 2 pictures and 1 titles"),
        (lambda ax: plots.images(ax, torch.ones(2, 4, 4), columns=0), "got columns=0"),
        (lambda ax: plots.projection(ax, torch.ones(2, 3), Y, "ab"), r"points of shape \(N, 2\) .* got \(2, 3\)"),
        (lambda ax: plots.projection(ax, torch.ones(2, 2), Y, "a"), "got labels from 0 to 1, expected class indices"),
        (lambda ax: plots.decision_boundary(ax, HalfPlane(1), torch.ones(2, 2), Y[:1]), r"got \(2, 2\) and \(1,\)"),
        (
            lambda ax: plots.decision_boundary(ax, HalfPlane(1), torch.ones(2, 2), 0 * Y, "a"),
            "the model answers 1, but",
        ),
    ],
)
def test_bad_input_is_refused_with_one_sentence(ax, call, message):
    with pytest.raises(ValueError, match=message) as error:
        call(ax)
    assert "\n" not in str(error.value)
