"""The best learning rate (and batch) for a run, from one's own sweeps: the surface around the optimum, not only its place.

Runs that share params and tokens are a cell. Within a cell the log loss is a bowl in the logs of the settings; its bottom
moves as a power law in N and D, its steepness likewise. Cells near the run to be set count more, so that the power law is
a local one: bottoms bend at short horizons. Needs no runs at the best setting, only around it. A bowl is a bowl near its
bottom alone, and beyond some rate runs diverge: a run counts less the farther its loss lies above the least of its cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..quantities import format_number, parse_positive, tails
from ..runs import Runs
from ..shown import Shown
from .bowls import Cell, bottom, cell_weights, cells_of, fit_bowls, flat, scatter

FAR = 0.1  # weight below which a run is said to hardly count


@dataclass(frozen=True)
class Setting(Shown):
    """The best value of each setting with an interval: `values` maps a setting to (value, low, high).

    `price` (setting -> relative loss) is what a factor two off costs. `regret` is the expected relative loss of using the
    values, as the scatter of the cells implies.
    """

    params: float
    tokens: float
    values: Mapping[str, tuple[float, float, float]]
    price: Mapping[str, float]
    regret: float
    exponents: Mapping[str, tuple[float, float]]
    cells: int
    level: float
    factor: float
    counts: str
    warnings: tuple[str, ...]

    def summary(self) -> str:
        head = f"for {format_number(self.params)} params on {format_number(self.tokens)} tokens, from {self.cells} swept cells"
        lines = [f"{head} ({self.factor:.3g}x the largest of them), {self.level:.0%} intervals"]
        for name, (value, low, high) in self.values.items():
            n, d = self.exponents[name]
            lines.append(f"  {name:16} {value:.4g}   [{low:.4g}, {high:.4g}]   near here N^{n:+.2f} D^{d:+.2f}")
            lines.append(f"  {'':16} a factor two off costs {self.price[name]:.2%} of the loss")
        lines.append(
            f"  expected regret of these values {self.regret:.2%}; the bottom moves as a power law; counted as {self.counts}"
        )
        return "\n".join([*lines, *(f"warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict:
        return {k: dict(v) if isinstance(v, Mapping) else v for k, v in vars(self).items()}


def hparams(
    runs: Runs,
    *,
    params: float | str,
    tokens: float | str,
    settings: tuple[str, ...] = ("learning_rate",),
    level: float = 0.9,
    resamples: int = 60,
    seed: int = 0,
) -> Setting:
    """The best settings for a run of `params` and `tokens` from sweeps in `runs` (columns params, tokens, loss, settings).

    Intervals hold refits over resampled cells, with ends as of Student's t, and the scatter of the cells' own bottoms. Raises
    InputError where fewer than three cells have enough different settings (3 for one setting, 6 for two), or a setting never
    varies.
    """
    from scipy.special import ndtri
    from scipy.stats import t

    ends, n, d = tails(level), parse_positive(params, "params"), parse_positive(tokens, "tokens")
    cells = cells_of(runs, settings)
    aim = np.log([n, d])
    weights = cell_weights(cells, aim)
    start = fit_bowls(cells, weights, aim, len(settings))
    best, steep = bottom(start, len(settings))
    rng, draws = np.random.default_rng(seed), []
    for _ in range(resamples):
        pick = rng.integers(len(cells), size=len(cells))
        draws.append(bottom(fit_bowls([cells[i] for i in pick], weights[pick], aim, len(settings), start), len(settings))[0])
    own = scatter(cells, weights, aim, start, len(settings))
    spread = np.array(draws) + own * rng.standard_normal((resamples, len(settings)))
    # few cells resampled look surer than they are: ends as those of Student's t beside a normal's
    few = t.ppf(ends[1], len(cells) - 1) / ndtri(ends[1])
    low, high = best + few * (np.quantile(spread, ends, axis=0) - best)
    low, high = np.minimum(low, best), np.maximum(high, best)
    values = {s: tuple(float(np.exp(v[j])) for v in (best, low, high)) for j, s in enumerate(settings)}
    moves = start[: 3 * len(settings)].reshape(len(settings), 3)[:, 1:]
    regret = float(np.mean(np.einsum("ri,ij,rj->r", spread - best, steep, spread - best)))
    factor = float(n * d / max(np.exp(c.place.sum()) for c in cells))
    return Setting(
        n,
        d,
        values,
        {s: float(np.expm1(steep[j, j] * np.log(2) ** 2)) for j, s in enumerate(settings)},
        regret,
        {s: (float(moves[j, 0]), float(moves[j, 1])) for j, s in enumerate(settings)},
        len(cells),
        level,
        factor,
        runs.counts,
        (*flat(cells, start, aim, settings), *_warnings(cells, settings, values, factor)),
    )


def _warnings(cells: list[Cell], settings: tuple[str, ...], values: Mapping, factor: float) -> tuple[str, ...]:
    out = [f"{factor:.3g}x beyond the swept cells: the bottom is carried there by a power law"] if factor > 10 else []
    far, runs = sum(int((c.w < FAR).sum()) for c in cells), sum(len(c.w) for c in cells)
    if far:
        out.append(f"{far} of {runs} runs lie far above the least loss of their cell, as diverged runs do: they hardly count")
    for j, name in enumerate(settings):
        edge = np.mean([np.argmin(c.y) in (np.argmin(c.x[:, j]), np.argmax(c.x[:, j])) for c in cells])
        if edge > 0.3:
            out.append(f"in {edge:.0%} of the cells the best {name} is the least or largest tried: sweep wider")
        tried = np.exp([c.x[:, j].min() for c in cells]).min(), np.exp([c.x[:, j].max() for c in cells]).max()
        if not tried[0] <= values[name][0] <= tried[1]:
            out.append(f"the best {name} lies outside the {tried[0]:.3g} to {tried[1]:.3g} tried")
    return tuple(out)


def measured(runs: Runs, settings: tuple[str, ...] = ("learning_rate",)) -> list[dict[str, Any]]:
    """Each cell's own best setting by a parabola through its runs (one setting only): params, tokens, value, steepness."""
    if len(settings) != 1:
        raise InputError("a cell's own best is read off one setting at a time")
    out = []
    for cell in cells_of(runs, settings):
        c2, c1, _ = np.polyfit(cell.x[:, 0], cell.y, 2, w=np.sqrt(cell.w))
        best = np.exp(-c1 / (2 * c2)) if c2 > 0 else np.nan
        n, d = np.exp(cell.place)
        out.append({"params": float(n), "tokens": float(d), settings[0]: float(best), "steepness": float(c2)})
    return out
