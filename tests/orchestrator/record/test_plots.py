"""Pictures and the matrix's CSV."""

import numpy as np
import pytest
from PIL import Image

from orchestrator.errors import UserError
from orchestrator.evaluation import tables
from orchestrator.record import plot_style, plots
from orchestrator.streams.shown_task import shown_task

NAMES = ["red, round", "家居\n家装", 'say "no"']


@pytest.fixture
def axes_of(monkeypatch):
    """The axes that a call draws on."""
    found = []

    def kept(figure, path):
        found.append((figure, figure.axes[0]))

    monkeypatch.setattr(plot_style, "_save", kept)
    return found


def test_matrix_survives_csv(tmp_path):
    R = np.array([[1 / 3, np.nan, 2.0], [50.0, 1e-9, np.nan]])
    tables.write_matrix(tmp_path / "new" / "matrix.csv", R, NAMES)
    back, names = tables.read_matrix(tmp_path / "new" / "matrix.csv")
    np.testing.assert_array_equal(back, R)
    assert names == NAMES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 must be"),
        ("a,b\n1,2\n", "line 1 must be"),
        ("after,a,b\na,1\n", "row 'a' has 1 values for 2 columns"),
        ("after,a,b\na,1,much\n", "row 'a', column 'b': 'much' is no number"),
    ],
)
def test_a_malformed_matrix_names_file_and_place(tmp_path, text, message):
    path = tmp_path / "matrix.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        tables.read_matrix(path)
    assert str(path) in str(caught.value)


def test_a_missing_matrix_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="matrix.csv: cannot be read"):
        tables.read_matrix(tmp_path / "matrix.csv")


def test_a_matrix_has_a_row_a_finished_task_and_its_values(axes_of):
    matrix = np.array([[90, np.nan, np.nan], [10, 80.04, -1e-15]])
    plots.matrix_heatmap("unused.png", matrix, NAMES)
    ((figure, axes),) = axes_of
    np.testing.assert_array_equal(axes.images[0].get_array().filled(np.nan), matrix)
    assert axes.images[0].get_clim() == (0, 100)
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    assert shown == {(0, 0): "90.0", (0, 1): "10.0", (1, 1): "80.0", (2, 1): "0.0"}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1 red, round", "2 家居 家装"]
    assert len(axes.get_xticklabels()) == 3


def test_tasks_that_are_named_by_their_classes_say_so(axes_of):
    matrix = np.full((2, 3), 50.0)
    plots.matrix_heatmap("unused.png", matrix, ["1-4", "5-7", "91-100"])
    ((_, axes),) = axes_of
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1 classes 1-4", "2 classes 5-7"]
    assert axes.get_xticklabels()[2].get_text() == "3 classes 91-100"
    assert [shown_task(name) for name in ("7-11 shop", "2024", "q-1", "3-5")] == [
        "7-11 shop",
        "2024",
        "q-1",
        "classes 3-5",
    ]


def test_a_table_has_names_for_rows_and_columns(tmp_path):
    path = tmp_path / "new" / "table.csv"
    table = plots.Table(np.array([[1 / 3, np.nan, 2.0], [50.0, 1e-9, 100.0]]), ["how many", "家"], NAMES)
    tables.write_table(path, table, "kind")
    back = tables.read_table(path, "kind")
    np.testing.assert_array_equal(back.values, table.values)
    assert (back.rows, back.columns) == (table.rows, table.columns)
    with pytest.raises(UserError, match="table.csv: line 1 must be 'after' and the names of the columns"):
        tables.read_matrix(path)


def test_a_table_is_drawn_as_large_as_it_is(axes_of):
    values = np.arange(10.0, 70.0, 10.0)
    for shape in ((1, 6), (6, 1)):
        rows, columns = ([f"{n}" for n in range(count)] for count in shape)
        table = plots.Table(values.reshape(shape), rows, columns)
        plots.table_heatmap("unused.png", table, xlabel="group", ylabel="kind", title="test")
    (wide, first), (high, second) = axes_of
    assert wide.get_figwidth() > high.get_figwidth() and wide.get_figheight() < high.get_figheight()
    assert (first.get_xlabel(), first.get_ylabel(), wide.get_suptitle()) == ("group", "kind", "test")


def test_a_curve_that_is_alone_is_named(axes_of):
    plots.averages_over_tasks("unused.png", [plots.Curve("ctp, memory 64", [[50, 55]])], "R_m (%)", "title")
    ((figure, _),) = axes_of
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["ctp, memory 64"]


def test_loss_curves_have_a_panel_a_term(axes_of):
    steps = np.arange(5000)
    terms = {"ita": np.exp(-steps / 900), "topology": np.where(steps < 2500, np.nan, 0.1)}
    plots.loss_curves("unused.png", terms, [2500, 5000], NAMES[:2], "ctp")
    ((figure, first),) = axes_of
    assert [axes.get_ylabel() for axes in figure.axes] == ["ita", "topology"]
    for axes, values in zip(figure.axes, terms.values(), strict=True):
        curve, end = axes.lines
        np.testing.assert_array_equal(curve.get_ydata(), values[::3])
        assert list(end.get_xdata()) == [2500, 2500]
    assert [text.get_text() for text in first.texts] == ["1 red, round", "2 家居 家装"]


def test_curves_are_means_with_bands_of_deviations_and_differ_without_colours(axes_of):
    seeds = [[50.0, 40.0, 30.0], [60.0, 30.0]]
    curves = [plots.Curve(f"method {n}", seeds if n == 1 else [[50, 55, 45]], n) for n in range(6)]
    plots.averages_over_tasks("unused.png", curves, "average (%)", "title")
    ((figure, axes),) = axes_of
    first, second = axes.lines[:2]
    assert second.get_ydata().tolist() == [55.0, 35.0] and first.get_ydata().tolist() == [50, 55, 45]
    (band,) = axes.collections
    (low, high) = (band.get_paths()[0].vertices[:, 1].min(), band.get_paths()[0].vertices[:, 1].max())
    assert (low, high) == (pytest.approx(35 - 50**0.5), pytest.approx(55 + 50**0.5))
    assert len({line.get_marker() for line in axes.lines}) == 6
    assert len({plot_style.line_style(n)["linestyle"] for n in range(5)}) == 5
    assert len({line.get_color() for line in axes.lines}) == 6
    (legend,) = figure.legends
    figure.draw_without_rendering()
    assert legend.get_window_extent().y1 < axes.get_window_extent().y0, "it takes none of the width"
    assert axes.get_window_extent().width > 0.75 * figure.bbox.width


def test_trials_that_were_searched_and_tested_are_told_apart(axes_of):
    methods = {"ctp": plots.Trials([50.0, 40.0], [60.0], 0), "er": plots.Trials([30.0], [], 1)}
    plots.trials_by_method("unused.png", methods, "average (%)")
    ((_, axes),) = axes_of
    shown = [(line.get_xdata().tolist(), line.get_fillstyle()) for line in axes.lines[:4]]
    assert shown == [([50.0, 40.0], "none"), ([60.0], "full"), ([30.0], "none"), ([], "full")]
    assert [set(line.get_ydata()) for line in axes.lines[:3]] == [{0.16}, {-0.16}, {1.16}]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ctp", "er"]


@pytest.mark.parametrize(
    "title",
    [
        "clap4clip on shapes-recognition, seed 0: accuracy on validation, 61.2 % on average in the end",
        "a" * 150,
        "家居家装与厨房用品" * 8,
        "prices of $\\frac to $10 and {braces}, a name that mathematics would be read from",
    ],
)
def test_no_title_leaves_the_picture(tmp_path, title):
    with plot_style.picture(tmp_path / "p.png", 3.4, 2.0, title) as (figure, _):
        pass
    figure.draw_without_rendering()
    box = figure.get_suptitle() and figure._suptitle.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height
    assert "".join(figure.get_suptitle().split()) == "".join(title.split()), "whole"


def test_no_label_leaves_the_picture(monkeypatch, tmp_path):
    saved, save = [], plot_style._save
    monkeypatch.setattr(plot_style, "_save", lambda figure, path: (save(figure, path), saved.append(figure)))
    plots.matrix_heatmap(tmp_path / "p.png", np.full((3, 3), 50.0), ["a task of a long name"] * 3)
    (figure,) = saved
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height


def test_pictures_are_made_for_print(tmp_path):
    path = tmp_path / "new" / "p.png"
    plots.matrix_heatmap(path, np.full((2, 2), 50.0), ["a", "b"], "title")
    with Image.open(path) as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert picture.width == 1020, "3.4 inches"
    pdf = path.with_suffix(".pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and b"/Type3" not in pdf and b"/MediaBox [ 0 0 244.8 " in pdf
    plots.matrix_heatmap(path, np.full((2, 2), 50.0), ["a", "b"], "title")
    assert path.with_suffix(".pdf").read_bytes() == pdf, "the same numbers, the same file"


def test_a_picture_does_not_follow_a_link(tmp_path):
    path, outside = tmp_path / "p.png", tmp_path / "outside"
    outside.write_text("mine")
    path.symlink_to(outside)
    plots.matrix_heatmap(path, np.full((1, 1), 50.0), ["a"])
    assert outside.read_text() == "mine" and path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("kitchen", "kitchen"),
        ("家居\n家装", "家居 家装"),
        ("x" * 19, "x" * 17 + "…"),
        ("家" * 10, "家" * 8 + "…"),
    ],
)
def test_a_name_is_shown_in_one_line_as_far_as_there_is_room(name, shown):
    assert plot_style.short_name(name) == shown


@pytest.mark.parametrize(("tasks", "shown"), [(3, "33.3"), (20, "33"), (50, None)])
def test_a_matrix_of_many_tasks_stays_on_a_page(axes_of, tasks, shown):
    plots.matrix_heatmap("unused.png", np.full((tasks, tasks), 100 / 3), [f"task {n}" for n in range(tasks)])
    ((figure, axes),) = axes_of
    assert figure.get_figwidth() <= 7.2 and figure.get_figheight() <= 9
    assert {text.get_text() for text in axes.texts} == ({shown} if shown else set())


def test_drift_is_a_line_a_task_from_the_task_on(axes_of):
    drift = np.array([[50.0, np.nan, np.nan], [60.0, 55.0, np.nan], [70.0, 58.0, 52.0]])
    plots.drift_over_tasks("unused.png", drift, NAMES)
    plots.drift_over_tasks("unused.png", drift[:1], NAMES)
    (_, three), (_, one) = axes_of
    for task, line in enumerate(three.lines):
        np.testing.assert_array_equal(line.get_ydata(), drift[:, task])
    assert [line.get_label() for line in three.lines] == ["1 red, round", "2 家居 家装", '3 say "no"']
    assert len({line.get_marker() for line in three.lines}) == 3
    assert [line.get_ydata().tolist() for line in one.lines] == [[50.0]], "of one finished task"
    assert three.get_ylabel().endswith("(°)")
