"""The compute-optimal size at a budget with no law chosen: every law of the forecaster is asked where its valley lies.

One law that is wrong in form has its bottom in the wrong place however narrow its bootstrap (docs/plans.md): laws that agree
about losses disagree about the best size. Log sizes are averaged with weights as in a random-effects mean, the back-test's
weight of a law over the variance of its own size, and the disagreement of the laws is part of the interval. Where the runs
are isoFLOP budgets, the line through their valleys has as much weight as all laws together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..forecast import forecast
from ..forecast.opinions import Opinions, opinions
from ..quantities import format_number, parse_positive, tails
from ..runs import Runs
from .optimum import COST, WIDE, Plan, Vote, too_little
from .valleys import isoflop, one_ladder

SPAN = 30.0  # beyond the tokens per parameter of the rows, either way, where a bottom is looked for
POINTS = 61
STEP = 2.0  # budgets this far either way tell the exponent
DRAWS = 24
APART = 0.3  # log size by which laws that are fitted without noise usually disagree
SHARP = 2.0  # power of the back-test weights
VALLEY = 0.5  # weight of the isoFLOP valleys
SAME = 0.01  # FLOP per token this close to 6 N are 6 N
FLAT = 0.005  # share of the best loss that is given away within the flat range


@dataclass(frozen=True)
class Sizes:
    """Log N* of v voters at m budgets (v, m), the same from redrawn tables (v, draws, m), and weights (v,) that add up to one."""

    names: tuple[str, ...]
    value: np.ndarray
    drawn: np.ndarray
    weights: np.ndarray

    def unsure(self, of: tuple[float, ...]) -> float:
        """Standard deviation of the mean log size, each budget counted `of` times: what voters and draws disagree about."""
        own, again = self.value @ of, self.weights @ (self.drawn @ of)
        return float(np.sqrt(self.weights @ (own - self.weights @ own) ** 2 + _scatter(again) ** 2))


def plan_runs(runs: Runs, flops: float | str, level: float, unique_tokens: float | str | None, progress=None) -> Plan:
    """The compute-optimal size and data for a budget, from a table of runs in params and tokens: see `plan`."""
    from scipy.special import ndtri

    ends, c = tails(level), parse_positive(flops, "flops")
    runs = runs.filled(("params", "tokens", "flops"))
    if said := one_ladder(runs):
        raise InputError(f"{runs.source}: {said}")
    cost, words = _cost(runs)
    budgets = c * np.array([1 / STEP, 1.0, STEP])
    logs = np.array([_grid(runs, b) for b in budgets])
    tokens = np.log(budgets)[:, None] - cost(logs)
    said = opinions(runs, {"params": np.exp(logs).ravel(), "tokens": np.exp(tokens).ravel()}, DRAWS, progress)
    sizes = _sizes(said, logs, _valleys(runs, np.log(budgets)))
    value, reach = sizes.weights @ sizes.value, float(ndtri(ends[1]))
    outside = _outside(runs, cost, value[1], c)
    half = reach * float(np.hypot(sizes.unsure((0.0, 1.0, 0.0)), outside))
    bend = reach * sizes.unsure((-1.0, 0.0, 1.0))
    across = np.log(STEP**2)
    slope = (value[2] - value[0]) / across
    n = np.exp(value[1] + half * np.array([0.0, -1.0, 1.0]))
    d = c / np.exp(cost(np.log(n)))
    if not (n[0] >= 1 and d[0] >= 1):
        raise InputError(f"a budget of {c:.3g} FLOP buys no model: less than one parameter or one token")
    loss = forecast(runs, interval=level, params=n[0], tokens=d[0])
    return Plan(
        c,
        tuple(float(v) for v in n),
        (float(d[0]), float(d[2]), float(d[1])),
        (float(loss.value[0]), float(loss.low[0]), float(loss.high[0])),
        (float(slope), float(slope - bend / across), float(slope + bend / across)),
        _flat(said, sizes, logs[1], value[1]),
        c / float(runs["flops"].max()),
        level,
        runs.counts,
        (*_warnings(runs, n, d, outside), *loss.flags, *loss.warnings, *too_little(d[0], unique_tokens)),
        words,
        tuple(Vote(*v) for v in zip(sizes.names, np.exp(sizes.value[:, 1]).tolist(), sizes.weights.tolist(), strict=True)),
    )


def _cost(runs: Runs):
    """Log FLOP of a token at log sizes, and what C is then: 6 N, or a quadratic in log N through what the table's flops say."""
    n, d, c = (np.log(v) for v in runs.numbers(("params", "tokens", "flops")).values())
    if np.abs(c - d - n - np.log(6)).max() < SAME:
        return (lambda x: np.log(6) + x), COST
    middle, ends = n.mean(), (n.min(), n.max())  # beyond the sizes of the rows the curve stays where it ends
    curve = np.polyfit(n - middle, c - d - n, min(2, len(np.unique(n)) - 1))
    words = f"the table's flops, {np.exp(curve[-1]):.3g} N D at {format_number(np.exp(middle))} params"
    return (lambda x: x + np.polyval(curve, np.clip(x, *ends) - middle)), words


def _grid(runs: Runs, flops: float) -> np.ndarray:
    """Log sizes (POINTS,) at a budget, from few tokens per parameter to many."""
    n, d, c = (np.log(v) for v in runs.numbers(("params", "tokens", "flops")).values())
    each = float(np.median(c - n - d))
    ratio = np.linspace((d - n).max() + np.log(SPAN), (d - n).min() - np.log(SPAN), POINTS)
    return (np.log(flops) - each - ratio) / 2


def _sizes(said: Opinions, logs: np.ndarray, valleys: tuple | None) -> Sizes:
    """Where each law has its least loss at each budget (m, POINTS), or the edge of the grid, beside the isoFLOP valleys."""
    every = np.concatenate([said.value[:, None], said.drawn], axis=1).reshape(len(said.names), -1, *logs.shape)
    at = np.stack([_bottom(logs[m], every[:, :, m]) for m in range(len(logs))], axis=2)
    names, value, drawn = said.names, at[:, 0], at[:, 1:]
    share = said.weights**SHARP / (said.weights**SHARP).sum()
    if valleys is not None:
        names, value = (*names, "isoFLOP valleys, akima"), np.vstack([value, valleys[0]])
        drawn, share = np.concatenate([drawn, valleys[1][None]]), np.append((1 - VALLEY) * share, VALLEY)
    share = share / (np.array([_scatter(v) for v in drawn[:, :, 1]]) ** 2 + APART**2)
    return Sizes(names, value, drawn, share / share.sum())


def _valleys(runs: Runs, log_flops: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Log N* at m budgets (m,) by the line through isoFLOP valleys and its draws (draws, m); None where runs are not isoFLOP."""
    try:
        found = isoflop(runs, "akima")
    except InputError:
        return None
    value = np.array([found.params_at(c)[0] for c in np.exp(log_flops)])
    return np.log(value), found.lines[0, :DRAWS, None] * log_flops + found.lines[1, :DRAWS, None]


def _bottom(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x at the least of y along its last axis, by the parabola through the least value and its neighbours."""
    i = np.clip(y.argmin(axis=-1), 1, len(x) - 2)
    left, here, right = (np.take_along_axis(y, (i + k)[..., None], -1)[..., 0] for k in (-1, 0, 1))
    bend = left - 2 * here + right
    step = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
    return x[i] + np.clip(step, -1.0, 1.0) * (x[1] - x[0])


def _scatter(drawn: np.ndarray) -> float:
    """Standard deviation that a few wild draws do not decide, nor a crowd at one edge hide."""
    return float(max(1.4826 * np.median(np.abs(drawn - np.median(drawn))), 0.5 * drawn.std(), 1e-3))


def _flat(said: Opinions, sizes: Sizes, x: np.ndarray, best: float) -> tuple[float, float]:
    """The range of N whose loss stays within FLAT of the best: a valley as wide as the laws' mean, with its bottom at `best`."""
    weights = sizes.weights[: len(said.names)]
    curve = weights @ said.value.reshape(len(said.names), -1, len(x))[:, 1] / weights.sum()
    fine = np.linspace(x[0], x[-1], 40 * len(x))
    good = fine[np.interp(fine, x, curve) <= curve.min() + np.log1p(FLAT)] - x[curve.argmin()]
    return float(np.exp(best + good.min())), float(np.exp(best + good.max()))


def _outside(runs: Runs, cost, log_n: float, c: float) -> float:
    """How far a log size lies from those at this budget whose tokens per parameter some run has: no run shows a valley there."""
    ratio = np.log(runs["tokens"] / runs["params"])
    sizes = np.linspace(log_n - 20, log_n + 20, 4001)
    own = np.log(c) - cost(sizes) - sizes
    seen = sizes[(own >= ratio.min()) & (own <= ratio.max())]
    return float(np.abs(seen - log_n).min()) if len(seen) else 0.0


def _warnings(runs: Runs, n: np.ndarray, d: np.ndarray, outside: float) -> tuple[str, ...]:
    out = []
    if outside > 0.01:
        ratio, best = runs["tokens"] / runs["params"], d[0] / n[0]
        side, end = ("fewer", ratio.min()) if best < ratio.min() else ("more", ratio.max())
        out.append(
            f"the best seems to lie at {best:.3g} tokens per parameter, {side} than any run has ({end:.3g}): no run shows the "
            "far side of the valley; add runs there"
        )
    if n[2] > WIDE * n[1]:
        out.append(
            f"undecided: the interval of N* spans more than a factor {WIDE:g}; runs on both sides of the optimum narrow it"
        )
    return tuple(out)
