"""Figures: what is drawn is what was computed, in the browser's form and in matplotlib's."""

import numpy as np
import pytest

import forescale as fs
from forescale import studies
from forescale.errors import InputError
from forescale.plan import approaches, design, grid, optimal_params
from forescale.report import canvas
from forescale.report.fitting import coverage_figure


@pytest.fixture(scope="module")
def runs():
    return studies.load().role("fit")


@pytest.fixture(scope="module")
def fit(runs):
    return fs.fit(fs.laws.chinchilla, runs)


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


def test_the_fit_draws_runs_best_loss_and_both_intervals(fit, runs):
    held = studies.load().role("held_out")
    figure = fs.plot(fit, runs, held_out=held)
    np.testing.assert_array_equal(trace(figure, "fitted").y, runs["loss"])
    np.testing.assert_array_equal(trace(figure, "held out").x, held["flops"])
    line = trace(figure, "best loss at this compute")
    n = optimal_params(fit.law, dict(fit.params), line.x[7])
    np.testing.assert_allclose(line.y[7], fit.law(fit.params, params=n, tokens=line.x[7] / (6 * n)))
    said = fit.predict(params=n, tokens=line.x[7] / (6 * n))
    for name, low, high in (("90 %, a new run", said.low, said.high), ("90 %, the mean", said.mean_low, said.mean_high)):
        band = trace(figure, name)
        assert band.y[7] == pytest.approx(float(high), rel=2e-3) and band.y[-8] == pytest.approx(float(low), rel=2e-3)


def test_residuals_and_excess_are_those_of_the_law(fit, runs):
    said = fit.law(fit.params, **runs.numbers(("params", "tokens")))
    figure = fs.plot(fit, runs, kind="residuals", by="tokens")
    np.testing.assert_allclose(trace(figure, "runs").y, 100 * (runs["loss"] / said - 1))
    np.testing.assert_array_equal(trace(figure, "runs").x, runs["tokens"])
    figure = fs.plot(fit, runs, kind="excess")
    np.testing.assert_allclose(trace(figure, "runs").y, runs["loss"] - fit.params["E"])
    low = runs.where(np.arange(len(runs)) > 0)
    low.columns["loss"][0] = fit.params["E"] * 0.5
    assert any(t.name == "runs (1 at or below E)" for t in fs.plot(fit, low, kind="excess").data)


def test_axes_have_decades_in_human_units(fit, runs):
    axis = fs.plot(fit, runs, kind="residuals", by="params").layout.xaxis
    assert {"10k", "100k"} <= set(axis.ticktext) and axis.title.text == "parameters"
    assert canvas.log_axis("flops", [1e18, 1e24])["ticktext"][1:4] == ["1e18", "1e19", "1e20"]
    assert canvas.log_axis("tokens", [1e6, 1e12])["ticktext"][1:6] == ["1M", "10M", "100M", "1B", "10B"]
    assert "2M" in canvas.log_axis("params", [1.1e6, 9e6])["ticktext"]
    with pytest.raises(InputError, match="above zero"):
        canvas.log_axis("params", [0.0])


def every_figure(fit, runs):
    arms = studies.load("arms")
    two = arms.where(np.isin(arms["arm"], sorted(set(arms["arm"]))[:2]))
    yield "fit", fs.plot(fit, runs)
    yield "residuals", fs.plot(fit, runs, kind="residuals")
    yield "excess", fs.plot(fit, runs, kind="excess")
    yield "frontier", fs.plot(runs)
    yield "valleys", fs.plot(approaches(runs), runs)
    yield "votes", fs.plot(fs.plan(runs, 1e14))
    yield "design", fs.plot(design(grid(1e14), {"params": "5M", "tokens": "100M"}, 1e14))
    yield "forecast", fs.plot(fs.forecast(runs, params="1M", tokens="20M"), runs)
    yield "arms", fs.plot(fs.compare(two), two)
    yield "coverage", coverage_figure((0.5, 0.9), {"bootstrap": (0.45, 0.88)}, 200)


def test_every_figure_is_written_for_browser_and_paper(fit, runs, tmp_path):
    pytest.importorskip("matplotlib")
    from forescale.report.paper import to_matplotlib

    for name, figure in every_figure(fit, runs):
        for kind in (".html", ".json", ".svg", ".pdf", ".png"):
            path = canvas.write(figure, tmp_path / (name + kind))
            assert path.stat().st_size > 1000
        axes = to_matplotlib(figure).axes[0]
        for t in figure.data:
            if t.visible in (None, True) and t.fill is None and t.error_y.array is None:
                lines = [line for line in axes.lines if line.get_label() == t.name]
                assert lines, (name, t.name)
                np.testing.assert_allclose(lines[0].get_ydata(), np.asarray(t.y, float))
        assert axes.get_xscale() == (figure.layout.xaxis.type or "linear")
        assert axes.get_xlabel() == (figure.layout.xaxis.title.text or "")


def test_figures_need_what_they_draw(fit, runs):
    for make, said in (
        (lambda: fs.plot(fit), "needs the runs"),
        (lambda: fs.plot(fit, runs, kind="excesss"), "did you mean 'excess'"),
        (lambda: fs.plot(fit, runs, kind="residuals", by="loss"), "unknown axis"),
        (lambda: fs.plot(3), "no figure of a int"),
        (lambda: canvas.write(fs.plot(runs), "f.gif"), "written as one of"),
    ):
        with pytest.raises(InputError, match=said):
            make()


def test_a_page_of_a_figure_asks_for_nothing(fit, runs, tmp_path):
    text = canvas.write(fs.plot(fit, runs), tmp_path / "f.html").read_text()
    assert "<script src" not in text and "Plotly.newPlot" in text
