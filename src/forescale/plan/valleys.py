"""Compute-optimal sizes read off isoFLOP runs: the least loss at each budget, and how it moves with compute.

Three ways to the least loss of a budget: `akima` (interpolation through the runs, after Porian et al. 2024,
arXiv:2406.19146), `parabola` in log N (approach 2 of Hoffmann et al. 2022, arXiv:2203.15556), `cubic`. A parabola over a
valley that is steeper on one side puts its bottom off centre: `parabola_shift` says by how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError, one_of
from ..quantities import format_number, tails
from ..runs import Runs
from ..shown import Shown

METHODS = ("akima", "parabola", "cubic")
SAME_BUDGET = 0.02  # relative spread of flops within one budget
GRID = 400
NAMED = 3  # budgets that an error names
LADDER = 0.1  # log size off the line of a ladder that is still rounding
USUAL = 0.003  # log-loss noise of a run where the runs themselves do not tell
DRAWN = 2.0  # how many runs more the usual noise counts as
STEADY = 0.3  # by how much the log noise may change with an e-fold of compute before runs have said so
STEP = 0.005  # of log N*: what the grid resolves
GRID_ERROR = 0.05  # of log N*: what spacing of sizes leaves undecided whatever the noise


@dataclass(frozen=True)
class IsoFlop(Shown):
    """Optima by budget, and the power laws through them. `exponent` of N* and `tokens_exponent` of D*: (value, low, high).

    `lines` (2, draws) are slope and offset of log N* in log C of every draw of the noise.
    """

    flops: np.ndarray
    params: np.ndarray
    params_error: np.ndarray
    tokens: np.ndarray
    loss: np.ndarray
    exponent: tuple[float, float, float]
    tokens_exponent: tuple[float, float, float]
    coefficient: float
    left_out: tuple[str, ...]
    method: str
    level: float
    counts: str
    lines: np.ndarray

    def params_at(self, flops: float) -> tuple[float, float, float]:
        """N* at a budget, by the power law: (value, low, high)."""
        drawn = self.lines[0] * np.log(flops) + self.lines[1]
        low, high = np.exp(np.quantile(drawn, tails(self.level)))
        return float(self.coefficient * flops ** self.exponent[0]), float(low), float(high)

    def summary(self) -> str:
        def triple(t: tuple) -> str:
            return f"{t[0]:.3f}   [{t[1]:.3f}, {t[2]:.3f}]"

        lines = [
            f"isoFLOP, {self.method}: {len(self.flops)} budgets, {self.level:.0%} intervals; counted as {self.counts}",
            f"  a in N* = k C^a   {triple(self.exponent)}",
            f"  b in D* = k C^b   {triple(self.tokens_exponent)}",
            *(
                f"  {c:9.3g} FLOP: N* {format_number(n)} (+-{e:.0%}), D* {format_number(d)}, loss {loss:.4f}"
                for c, n, e, d, loss in zip(self.flops, self.params, self.params_error, self.tokens, self.loss, strict=True)
            ),
        ]
        return "\n".join([*lines, *(f"left out: {why}" for why in self.left_out)])

    def to_dict(self) -> dict:
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(self).items() if k != "lines"}


def isoflop(runs: Runs, method: str = "akima", resamples: int = 500, level: float = 0.95, seed: int = 0) -> IsoFlop:
    """N*, D* and loss at each budget, and their exponents with intervals.

    `runs` need params, flops and loss; runs whose flops agree within 2 % are one budget; tokens are flops over what one
    token costs at that size (from tokens where given, else 6 N). Noise is what local cubics through five neighbouring
    sizes leave, as a power of the budget, and is itself redrawn as unsure as few runs leave it; intervals come from redrawing
    both. Raises InputError for fewer than three budgets
    whose least loss lies inside their sizes.
    """
    if method not in METHODS:
        raise one_of("method", method, METHODS)
    ends = tails(level)
    budgets = _budgets(runs)
    (noise, known), rng = _noise(budgets), np.random.default_rng(seed)
    unsure = np.sqrt(known / rng.chisquare(known, resamples))
    kept, left_out = [], []
    for flops, x, y, per_token in budgets:
        label = f"{flops:.3g} FLOP"
        if len(x) < 4:
            left_out.append(f"{label}: {len(x)} sizes, 4 are needed")
            continue
        if np.argmin(y) in (0, len(y) - 1):
            left_out.append(f"{label}: the least loss lies at the edge of its sizes")
            continue
        drawn = y[:, None] + noise(flops) * unsure * rng.standard_normal((len(y), resamples))
        at, low = _bottom(x, np.column_stack([y, drawn]), method)
        edge = (at <= x[0]) | (at >= x[-1])  # draws there stay there: without them the rest would look too sure
        if edge[0] or edge.mean() > 0.3:
            left_out.append(f"{label}: the bottom of the valley cannot be told from its edge")
            continue
        kept.append((flops, at, low, np.interp(at, x, np.log(per_token))))
    if len(kept) < 3:
        more = f"; and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
        raise InputError(
            f"{len(kept)} budgets have a least loss inside their sizes, 3 are needed; {'; '.join(left_out[:NAMED])}{more}"
        )
    return _collect(kept, tuple(left_out), method, level, ends, runs.counts)


def _budgets(runs: Runs) -> list[tuple[float, np.ndarray, np.ndarray, np.ndarray]]:
    """(flops, log N, log loss, flops per token) by budget, sizes ascending, repeated sizes averaged."""
    flops, params, loss = runs.numbers(("flops", "params", "loss")).values()
    per_token = flops / np.asarray(runs["tokens"], float) if "tokens" in runs.columns else 6.0 * params
    order = np.argsort(flops)
    cuts = np.flatnonzero(np.diff(np.log(flops[order])) > SAME_BUDGET) + 1
    out = []
    for rows in np.split(order, cuts):
        sizes, back = np.unique(params[rows], return_inverse=True)
        mean = lambda v: np.bincount(back, v) / np.bincount(back)
        out.append((float(np.median(flops[rows])), np.log(sizes), mean(np.log(loss[rows])), mean(per_token[rows])))
    return out


def _noise(budgets: list) -> tuple:
    """Standard deviation of log loss by budget, from what local cubics through five sizes leave, and how many runs tell of it."""
    where, rest = [], []
    for flops, x, y, _ in budgets:
        for i in range(len(x) - 4):
            basis = np.linalg.qr(np.vander(x[i : i + 5] - x[i + 2], 4), mode="complete")[0]
            where.append(np.log(flops))
            rest.append(abs(basis[:, 4] @ y[i : i + 5]) + 1e-7)
    known = len(rest) + DRAWN
    if not rest:
        return (lambda flops: USUAL), known
    centre, size = np.mean(where), np.log(rest)
    off = np.array(where) - centre
    slope = off @ (size - size.mean()) / (off @ off + 1.23 / STEADY**2)  # the variance of log|z| is 1.23
    # the mean of |z| is 0.798
    level = np.log(np.mean(np.exp(size - slope * off)) / 0.798)
    level += DRAWN / known * (np.log(USUAL) - level)
    return (lambda flops: float(np.exp(level + slope * (np.log(flops) - centre)))), known


def _bottom(x: np.ndarray, y: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
    """log N and log loss (draws,) at the bottom of each column of y (sizes, draws), at most at the edge of the sizes."""
    grid = np.linspace(x[0], x[-1], GRID)
    if method == "akima" and len(x) >= 5:
        from scipy.interpolate import Akima1DInterpolator

        curve = Akima1DInterpolator(x, y, axis=0)(grid)
    else:
        degree = 3 if method == "cubic" and len(x) >= 5 else 2
        basis = np.vander(x - x.mean(), degree + 1)
        curve = np.vander(grid - x.mean(), degree + 1) @ np.linalg.lstsq(basis, y, rcond=None)[0]
    i, columns = curve.argmin(axis=0), np.arange(y.shape[1])
    return grid[i], curve[i, columns]


def _collect(kept: list, left_out: tuple[str, ...], method: str, level: float, ends: tuple, counts: str) -> IsoFlop:
    flops = np.array([k[0] for k in kept])
    sizes, losses, per_token = (np.array([k[i] for k in kept]) for i in (1, 2, 3))
    tokens = np.log(flops)[:, None] - per_token
    error = sizes[:, 1:].std(axis=1)
    weight, x = 1.0 / np.hypot(error, GRID_ERROR), np.log(flops)

    def spread(y: np.ndarray) -> np.ndarray:
        """(2, 1 + draws) slope and offset of the line through the medians and of the draws, which are held as far apart as the
        budgets lie off one line (Birge's ratio) where that is more than their own noise."""
        middle = np.median(y[:, 1:], axis=1)
        line = np.polyfit(x, middle, 1, w=weight)
        off = (middle - np.polyval(line, x)) / np.hypot(y[:, 1:].std(axis=1), STEP)
        wide = np.sqrt(max(1.0, np.square(off).sum() / (len(x) - 2)))
        return np.column_stack([line, line[:, None] + wide * (np.polyfit(x, y[:, 1:], 1, w=weight) - line[:, None])])

    def triple(found: np.ndarray) -> tuple[float, float, float]:
        return float(found[0, 0]), *(float(v) for v in np.quantile(found[0, 1:], ends))

    by_size, by_tokens = spread(sizes), spread(tokens)
    return IsoFlop(
        flops,
        np.exp(np.median(sizes[:, 1:], axis=1)),
        error,
        np.exp(np.median(tokens[:, 1:], axis=1)),
        np.exp(losses[:, 0]),
        triple(by_size),
        triple(by_tokens),
        float(np.exp(by_size[1, 0])),
        left_out,
        method,
        level,
        counts,
        by_size[:, 1:],
    )


def parabola_shift(alpha: float, beta: float, log_sizes: np.ndarray) -> float:
    """How far a parabola through A N^-alpha + B D^-beta at one budget puts log N* from the truth.

    `log_sizes` (n,) are ln(N / N*) of the runs. The valley is e^(-alpha u) / alpha + e^(beta u) / beta up to its scale; for a
    symmetric grid of half-width w, small against 1/alpha and 1/beta, the shift is near -(beta - alpha) w^2 / 10.
    """
    u = np.asarray(log_sizes, float)
    if u.ndim != 1 or len(np.unique(u)) < 3:
        raise InputError("a parabola needs three different sizes")
    second, first, _ = np.polyfit(u, np.exp(-alpha * u) / alpha + np.exp(beta * u) / beta, 2)
    return float(-first / (2 * second))


def frontier(runs: Runs) -> dict[str, np.ndarray]:
    """Approach 1: the runs on the lower convex hull of (log C, log L), by growing compute: flops, loss, params and rows."""
    x, y, n = (np.log(v) for v in runs.numbers(("flops", "loss", "params")).values())
    corners: list[int] = []
    for i in np.lexsort((y, x)):
        while len(corners) >= 2:
            a, b = corners[-2:]
            if (x[b] - x[a]) * (y[i] - y[a]) - (y[b] - y[a]) * (x[i] - x[a]) > 0:
                break
            corners.pop()
        corners.append(int(i))
    rows = np.array(corners[: int(np.argmin(y[corners])) + 1])
    if len(rows) < 3:
        raise InputError(f"only {len(rows)} runs lie on the frontier: it needs runs at growing compute with falling loss")
    return {"flops": np.exp(x[rows]), "loss": np.exp(y[rows]), "params": np.exp(n[rows]), "rows": rows}


def one_ladder(runs: Runs) -> str:
    """Says so where sizes and compute lie on one line in the logs: no size competes with another, so none is seen to be best."""
    c, n = (np.log(v) for v in runs.numbers(("flops", "params")).values())
    if np.ptp(c) < 1e-6 or np.abs(n - np.polyval(np.polyfit(c, n, 1), c)).max() > LADDER:
        return ""
    return (
        "at every compute there is one size: its growth is that of the ladder, as it was chosen; add other sizes at some budgets"
    )


def frontier_exponent(runs: Runs) -> tuple[float, float]:
    """(a, k) of N = k C^a through the frontier."""
    found = frontier(runs)
    slope, offset = np.polyfit(np.log(found["flops"]), np.log(found["params"]), 1)
    return float(slope), float(np.exp(offset))
