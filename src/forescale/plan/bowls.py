"""Bowls: in runs that share params and tokens (a cell), log loss over the logs of the settings that were swept.

A bowl's bottom moves as a power law in N and D, its steepness likewise. It is a bowl near its bottom alone, and beyond some
rate runs diverge: a run counts less the farther its loss lies above the least of its cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..runs import Runs

REACH = 0.8  # e-folds of size or data beyond the nearest cell over which cells lose weight
LEAST = 1e-3  # weight of the farthest cell
NEAR = 1e-3  # pull of a bottom to the middle of what its cell tried, for an e-fold
PULL = 3e-3  # of every exponent to zero
STEEP = 0.03  # log loss at an e-fold off the bottom, where runs do not tell
FIRM = 2e-3  # pull to it, for an e-fold: without it noise flattens a bowl and its bottom is anywhere
SOFT = 1e-3  # log loss beyond which a residual counts less than squared
FLANK = 0.03, 0.2  # log loss above its cell's least at which a run counts half: no less, no more


@dataclass(frozen=True)
class Cell:
    place: np.ndarray  # log N, log D
    x: np.ndarray  # runs, settings: logs
    y: np.ndarray  # log loss
    w: np.ndarray  # how much each run counts, at most 1


def cells_of(runs: Runs, settings: tuple[str, ...]) -> list[Cell]:
    """Cells with enough different settings for a bowl; raises InputError where they are fewer than three."""
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
            y = np.log(columns["loss"][mine])
            out.append(Cell(np.log(place), x, y, _near_bottom(y, need)))
    if len(out) < 3:
        raise InputError(
            f"cells (same params and tokens) with {need} or more different settings: {len(out)} found, 3 are needed; "
            "sweep more sizes"
        )
    if not any(np.ptp(cell.y) for cell in out):
        raise InputError(f"the loss of every cell is the same whatever {' and '.join(settings)}: there is no best one")
    return out


def _near_bottom(y: np.ndarray, need: int) -> np.ndarray:
    """Weights (runs,): one at the least loss, half where it is exceeded by twice what the `need` best runs spread over."""
    above = y - y.min()
    half = np.clip(2 * np.partition(above, need - 1)[need - 1], *FLANK)
    return 1 / (1 + np.square(above / half))


def cell_weights(cells: list[Cell], aim: np.ndarray) -> np.ndarray:
    """Gaussian in the distance beyond the nearest cell, widened until as many cells count as the surface has unknowns."""
    far = np.array([np.linalg.norm(c.place - aim) for c in cells])
    beyond, reach = far - far.min(), REACH
    while True:
        w = np.exp(-0.5 * (beyond / reach) ** 2) + LEAST
        if w.sum() ** 2 / np.square(w).sum() >= min(8, len(cells) - 1) or reach > 20:
            return w / w.mean()
        reach *= 1.15


def bottom(q: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
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


def _stacked(cells: list[Cell], aim: np.ndarray) -> tuple[np.ndarray, ...]:
    """Places (cells, 2) around the aim, and over all runs: cell index, logs of the settings, log loss, weight."""
    index = np.repeat(np.arange(len(cells)), [len(c.y) for c in cells])
    rows = (np.concatenate([getattr(c, k) for c in cells]) for k in "xyw")
    return np.array([c.place for c in cells]) - aim, index, *rows


def left_over(q: np.ndarray, m: int, places: np.ndarray, index: np.ndarray, *rows: np.ndarray) -> tuple:
    """(offsets from the bottom, what the bowls leave of log loss less each cell's mean) over all runs."""
    x, y, w = rows
    ones = np.column_stack([np.ones(len(places)), places])
    off = x - (ones @ q[: 3 * m].reshape(m, 3).T)[index]
    rest = y - np.square(np.einsum("rij,rj->ri", _lower(q, m, places)[index], off)).sum(axis=1)
    return off, _centred(rest[:, None], index, w)[:, 0]


def _centred(values: np.ndarray, index: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Columns (rows, p) less their weighted mean in each cell."""
    sums = np.zeros((index[-1] + 1, values.shape[1]))
    np.add.at(sums, index, w[:, None] * values)
    return values - (sums / np.bincount(index, w)[:, None])[index]


def slopes(q: np.ndarray, m: int, places: np.ndarray, index: np.ndarray, *rows: np.ndarray) -> np.ndarray:
    """Derivatives (rows, len(q)) of what the bowls leave: by the bottom, the log curvatures, the cross term."""
    x, _, w = rows
    ones = np.column_stack([np.ones(len(places)), places])
    off = x - (ones @ q[: 3 * m].reshape(m, 3).T)[index]
    lower, ones = _lower(q, m, places)[index], ones[index]
    u = np.einsum("rij,rj->ri", lower, off)
    by = np.concatenate([2 * np.einsum("rij,ri->rj", lower, u), -np.square(u)], axis=1)
    out = (by[:, :, None] * ones[:, None, :]).reshape(len(x), -1)
    cross = -2 * u[:, 0] * lower[:, 0, 0] * off[:, -1]
    return _centred(np.column_stack([out, cross]) if m == 2 else out, index, w)


def fit_bowls(cells: list[Cell], weights: np.ndarray, aim: np.ndarray, m: int, start: np.ndarray | None = None) -> np.ndarray:
    """Unknowns (6 m + (m == 2),): bottoms and log curvatures, each at the aim and by log N and log D; the cross term."""
    from scipy.optimize import least_squares

    data = _stacked(cells, aim)
    root = np.sqrt(weights[data[1]] * data[-1])

    # weak pulls, for what no cell speaks of: exponents to zero, steepness to the usual, bottoms to what was tried
    count = 6 * m + (m == 2)
    pull = PULL * np.eye(count)[np.flatnonzero(np.arange(6 * m) % 3)]
    firm = FIRM * np.eye(count)[3 * m : 6 * m : 3]
    ones = np.column_stack([np.ones(len(cells)), data[0]]) * NEAR / np.sqrt(len(cells))
    near = np.hstack([np.kron(np.eye(m), ones), np.zeros((m * len(cells), count - 3 * m))])
    pull = np.vstack([pull, firm, near])
    tried = NEAR / np.sqrt(len(cells)) * np.array([c.x.mean(axis=0) for c in cells]).T.ravel()
    to = np.concatenate([np.zeros(4 * m), np.full(m, FIRM * np.log(STEEP)), tried])

    def rest(q: np.ndarray) -> np.ndarray:
        return np.concatenate([root * left_over(q, m, *data)[1], pull @ q - to]) / SOFT

    def by(q: np.ndarray) -> np.ndarray:
        return np.concatenate([root[:, None] * slopes(q, m, *data), pull]) / SOFT

    if start is None:
        middle = np.average([c.x[np.argmin(c.y)] for c in cells], axis=0, weights=weights)
        move = np.column_stack([middle, np.zeros((m, 2))]).ravel()
        bowl = np.column_stack([np.full(m, np.log(STEEP)), np.zeros((m, 2))]).ravel()
        start = np.r_[move, bowl, np.zeros(1 if m == 2 else 0)]
    return least_squares(rest, start, by, loss="soft_l1", max_nfev=100).x


def scatter(cells: list[Cell], weights: np.ndarray, aim: np.ndarray, q: np.ndarray, m: int) -> np.ndarray:
    """Spread (m,) of a new cell's own bottom around the surface: the weighted one of the cells', each a Newton step off it."""
    places, index, *rows = _stacked(cells, aim)
    off, rest = left_over(q, m, places, index, *rows)
    lower, steps = _lower(q, m, places), []
    for i, cell in enumerate(cells):
        mine, root = index == i, np.sqrt(cell.w)
        basis = np.column_stack([np.ones(len(root)), off[mine]]) * root[:, None]
        slope = np.linalg.lstsq(basis, root * rest[mine], rcond=None)[0][1:]
        steps.append(0.5 * np.linalg.solve(lower[i].T @ lower[i], slope))
    # cells of one size share what the power law misses of it, so sizes are what counts; two unknowns are spent on them
    by_size = np.bincount(np.unique(places[:, 0], return_inverse=True)[1], weights)
    counting = by_size.sum() ** 2 / np.square(by_size).sum()
    inflation = counting / max(counting - 2, 1.0)
    return np.sqrt(np.average(np.square(np.clip(steps, -1.5, 1.5)), axis=0, weights=weights) * inflation)


def flat(cells: list[Cell], q: np.ndarray, aim: np.ndarray, settings: tuple[str, ...]) -> tuple[str, ...]:
    """A warning where bowls explain the cells' losses no better than chance would (F test, one in twenty)."""
    from scipy.stats import f

    m, data = len(settings), _stacked(cells, aim)
    _, index, _, y, w = data
    bowls, level = left_over(q, m, *data)[1], _centred(y[:, None], index, w)[:, 0]
    unknown = 3 * m
    spare = len(y) - len(cells) - unknown
    rest, all_of = w @ np.square(bowls), w @ np.square(level)
    if f.sf(max(all_of - rest, 0.0) / unknown / (rest / spare + 1e-300), unknown, spare) <= 0.05:
        return ()
    names = " and ".join(settings)
    return (f"the losses of these cells do not tell a best {names} from noise: undecided; sweep wider, or repeat runs",)
