"""The best learning rate (and batch) for a run, from one's own sweeps: the surface around the optimum, not only its place.

Runs that share params and tokens are a cell. Within a cell the log loss is a bowl in the logs of the settings; its bottom
moves as a power law in N and D, its steepness likewise. Cells near the run to be set count more, so that the power law is
a local one: bottoms bend at short horizons. Needs no runs at the best setting, only around it.
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

REACH = 0.8  # e-folds of size or data beyond the nearest cell over which cells lose weight
LEAST = 1e-3  # weight of the farthest cell
PULL = 1e-4  # of every exponent to zero
SOFT = 1e-3  # log loss beyond which a residual counts less than squared


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


@dataclass(frozen=True)
class _Cell:
    place: np.ndarray  # log N, log D
    x: np.ndarray  # runs, settings: logs
    y: np.ndarray  # log loss


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

    Intervals hold refits over resampled cells and the scatter of the cells' own bottoms. Raises InputError where fewer than
    four cells have enough different settings (3 for one setting, 6 for two), or a setting never varies.
    """
    ends, n, d = tails(level), parse_positive(params, "params"), parse_positive(tokens, "tokens")
    cells = _cells(runs, settings)
    aim = np.log([n, d])
    weights = _weights(cells, aim)
    start = _fit(cells, weights, aim, len(settings), None)
    best, steep = _read(start, len(settings))
    rng, draws = np.random.default_rng(seed), []
    for _ in range(resamples):
        pick = rng.integers(len(cells), size=len(cells))
        draws.append(_read(_fit([cells[i] for i in pick], weights[pick], aim, len(settings), start), len(settings))[0])
    scatter = _scatter(cells, weights, aim, start, len(settings))
    spread = np.array(draws) + scatter * rng.standard_normal((resamples, len(settings)))
    low, high = np.quantile(spread, ends, axis=0)
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
        _warnings(cells, settings, values, factor),
    )


def _cells(runs: Runs, settings: tuple[str, ...]) -> list[_Cell]:
    columns = {k: np.asarray(runs[k], float) for k in ("params", "tokens", "loss", *settings)}
    for name in settings:
        if not (columns[name] > 0).all():
            raise InputError(f"{name} must be positive to be swept; found {columns[name].min():g}")
        if len(np.unique(columns[name])) < 3:
            raise InputError(f"{name} takes {len(np.unique(columns[name]))} values: a sweep needs 3 or more")
    need = 3 if len(settings) == 1 else 6
    keys = np.stack([columns["params"], columns["tokens"]], axis=1)
    out = []
    for place in np.unique(keys, axis=0):
        mine = (keys == place).all(axis=1)
        x = np.log(np.stack([columns[s][mine] for s in settings], axis=1))
        if len(np.unique(x, axis=0)) >= need:
            out.append(_Cell(np.log(place), x, np.log(columns["loss"][mine])))
    if len(out) < 4:
        raise InputError(f"{len(out)} cells (same params and tokens) have {need} or more different settings; 4 are needed")
    return out


def _weights(cells: list[_Cell], aim: np.ndarray) -> np.ndarray:
    """Gaussian in the distance beyond the nearest cell, widened until as many cells count as the surface has unknowns."""
    far = np.array([np.linalg.norm(c.place - aim) for c in cells])
    beyond, reach = far - far.min(), REACH
    while True:
        w = np.exp(-0.5 * (beyond / reach) ** 2) + LEAST
        if w.sum() ** 2 / np.square(w).sum() >= min(8, len(cells) - 1) or reach > 20:
            return w / w.mean()
        reach *= 1.15


def _read(q: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """(bottom (m,), curvature (m, m)) at the aim, where the centred log N and log D are zero."""
    lower = _lower(q, m, np.zeros((1, 2)))[0]
    return q[: 3 * m].reshape(m, 3)[:, 0], lower.T @ lower


def _lower(q: np.ndarray, m: int, places: np.ndarray) -> np.ndarray:
    """(cells, m, m) factor L of the curvature L' L: log-linear diagonal and one constant cross term for two settings."""
    ones = np.column_stack([np.ones(len(places)), places])
    root = np.exp(0.5 * np.clip(ones @ q[3 * m : 6 * m].reshape(m, 3).T, -30, 30))
    out = np.zeros((len(places), m, m))
    out[:, range(m), range(m)] = root
    if m == 2:
        out[:, 0, 1] = q[6 * m] * root[:, 0]
    return out


def _stacked(cells: list[_Cell], aim: np.ndarray) -> tuple[np.ndarray, ...]:
    """Places (cells, 2) around the aim, and over all runs: cell index, logs of the settings, log loss."""
    index = np.repeat(np.arange(len(cells)), [len(c.y) for c in cells])
    rows = np.concatenate([c.x for c in cells]), np.concatenate([c.y for c in cells])
    return np.array([c.place for c in cells]) - aim, index, *rows


def _rest(q: np.ndarray, m: int, places: np.ndarray, index: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple:
    """(offsets from the bottom, what the bowls leave of log loss less each cell's mean) over all runs."""
    ones = np.column_stack([np.ones(len(places)), places])
    off = x - (ones @ q[: 3 * m].reshape(m, 3).T)[index]
    rest = y - np.square(np.einsum("rij,rj->ri", _lower(q, m, places)[index], off)).sum(axis=1)
    return off, _centred(rest[:, None], index)[:, 0]


def _centred(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Columns (rows, p) less their mean in each cell."""
    sums = np.zeros((index[-1] + 1, values.shape[1]))
    np.add.at(sums, index, values)
    return values - (sums / np.bincount(index)[:, None])[index]


def _slopes(q: np.ndarray, m: int, places: np.ndarray, index: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Derivatives (rows, len(q)) of what the bowls leave: by the bottom, the log curvatures, the cross term."""
    ones = np.column_stack([np.ones(len(places)), places])
    off = x - (ones @ q[: 3 * m].reshape(m, 3).T)[index]
    lower, ones = _lower(q, m, places)[index], ones[index]
    u = np.einsum("rij,rj->ri", lower, off)
    by = np.concatenate([2 * np.einsum("rij,ri->rj", lower, u), -np.square(u)], axis=1)
    out = (by[:, :, None] * ones[:, None, :]).reshape(len(x), -1)
    cross = -2 * u[:, 0] * lower[:, 0, 0] * off[:, -1]
    return _centred(np.column_stack([out, cross]) if m == 2 else out, index)


def _fit(cells: list[_Cell], weights: np.ndarray, aim: np.ndarray, m: int, start: np.ndarray | None) -> np.ndarray:
    from scipy.optimize import least_squares

    data = _stacked(cells, aim)
    root = np.sqrt(weights)[data[1]]

    # a weak pull of every exponent to zero, so that one that no cell speaks of stays there
    pull = PULL * np.eye(6 * m + (m == 2))[np.flatnonzero(np.arange(6 * m) % 3)]

    def residuals(q: np.ndarray) -> np.ndarray:
        return np.concatenate([root * _rest(q, m, *data)[1], pull @ q]) / SOFT

    def slopes(q: np.ndarray) -> np.ndarray:
        return np.concatenate([root[:, None] * _slopes(q, m, *data), pull]) / SOFT

    if start is None:
        middle = np.average([c.x[np.argmin(c.y)] for c in cells], axis=0, weights=weights)
        move = np.column_stack([middle, np.zeros((m, 2))]).ravel()
        bowl = np.column_stack([np.full(m, np.log(0.03)), np.zeros((m, 2))]).ravel()
        start = np.r_[move, bowl, np.zeros(1 if m == 2 else 0)]
    return least_squares(residuals, start, slopes, loss="soft_l1", max_nfev=100).x


def _scatter(cells: list[_Cell], weights: np.ndarray, aim: np.ndarray, q: np.ndarray, m: int) -> np.ndarray:
    """Spread (m,) of a new cell's own bottom around the surface: the weighted one of the cells', each a Newton step off it."""
    places, index, x, y = _stacked(cells, aim)
    off, rest = _rest(q, m, places, index, x, y)
    lower, steps = _lower(q, m, places), []
    for i in range(len(cells)):
        mine = index == i
        slope = np.linalg.lstsq(np.column_stack([np.ones(mine.sum()), off[mine]]), rest[mine], rcond=None)[0][1:]
        steps.append(0.5 * np.linalg.solve(lower[i].T @ lower[i], slope))
    # cells of one size share what the power law misses of it, so sizes are what counts; two unknowns are spent on them
    by_size = np.bincount(np.unique(places[:, 0], return_inverse=True)[1], weights)
    counting = by_size.sum() ** 2 / np.square(by_size).sum()
    inflation = counting / max(counting - 2, 1.0)
    return np.sqrt(np.average(np.square(np.clip(steps, -1.5, 1.5)), axis=0, weights=weights) * inflation)


def _warnings(cells: list[_Cell], settings: tuple[str, ...], values: Mapping, factor: float) -> tuple[str, ...]:
    out = [f"{factor:.3g}x beyond the swept cells: the bottom is carried there by a power law"] if factor > 10 else []
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
    for cell in _cells(runs, settings):
        c2, c1, _ = np.polyfit(cell.x[:, 0], cell.y, 2)
        best = np.exp(-c1 / (2 * c2)) if c2 > 0 else np.nan
        n, d = np.exp(cell.place)
        out.append({"params": float(n), "tokens": float(d), settings[0]: float(best), "steepness": float(c2)})
    return out
