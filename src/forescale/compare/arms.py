"""Which of two arms wins at a scale: joint fits, crossover, effective multiplier, and the right to say undecided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from ..errors import InputError
from ..quantities import format_number, parse_positive, tails
from ..runs import Runs
from ..shown import Shown
from .frontier import Curves, frontiers, joined, ranks, share_a_scale
from .joint import STRUCTURES, JointFit, drifts, joint_fits, open_weights, weights
from .repeats import averaged, luck

FAR = 100.0  # a crossing is looked for up to this factor beyond the data
SUPPORT = 0.5  # least probability of a crossing for it to be reported
DECIDED = 0.95  # least probability of a winner for it to be named


@dataclass(frozen=True)
class Pair(Shown):
    """Arm `a` against arm `b` over one scale (FLOP, unless another axis was asked for).

    `crossing` is (value, low, high) of the scale where the better arm changes, `high` infinite where some draws never cross,
    or None where `crosses`, the probability of any crossing up to 100 times the data, is below one half. `multiplier` is how
    many times the scale `b` needs for what `a` reaches at `common`, the largest scale both have: above one, a is better.
    `wins` is the probability that a new run of `a` beats one of `b` at `target`; `noise` that of a single run of either, `seeds`
    how many runs each mean of theirs is of.
    """

    a: str
    b: str
    target: float
    wins: float
    crosses: float
    crossing: tuple[float, float, float] | None
    multiplier: tuple[float, float, float]
    common: float
    naive: str
    noise: tuple[float, float]
    structures: Mapping[str, float]
    factor: float
    level: float
    warnings: tuple[str, ...]
    seeds: tuple[float, float] = (1.0, 1.0)

    @property
    def winner(self) -> str:
        """The better arm at the target, or `undecided` where its probability is below 95 %."""
        return self.a if self.wins >= DECIDED else self.b if self.wins <= 1 - DECIDED else "undecided"

    def summary(self) -> str:
        lines = [
            f"{self.a} against {self.b} at {format_number(self.target)} ({self.factor:.3g}x the data): {self.winner}",
            f"  probability that {self.a} is better: {self.wins:.1%}; at the largest common scale {self.naive} is ahead",
        ]
        if self.crossing:
            value, low, high = (format_number(v) if np.isfinite(v) else "beyond" for v in self.crossing)
            lines.append(f"  they cross at {value} [{low}, {high}] {self.level:.0%}, with probability {self.crosses:.0%}")
        else:
            lines.append(f"  no crossing supported up to {FAR:g}x the data (probability {self.crosses:.0%})")
        m, low, high = self.multiplier
        lines.append(
            f"  at {format_number(self.common)} {self.b} needs {m:.3g}x [{low:.3g}, {high:.3g}] for the loss of {self.a}"
        )
        shares = ", ".join(f"{k} {v:.0%}" for k, v in self.structures.items())
        lines.append(f"  shared: {shares}; run-to-run noise {self.noise[0]:.2%} and {self.noise[1]:.2%}")
        return "\n".join([*lines, *(f"warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict:
        crossing = [v if np.isfinite(v) else None for v in self.crossing] if self.crossing else None
        return vars(self) | {"winner": self.winner, "structures": dict(self.structures), "crossing": crossing}


@dataclass(frozen=True)
class Comparison(Shown):
    pairs: tuple[Pair, ...]
    ranks: Mapping[float, tuple[str, ...]]

    def summary(self) -> str:
        lines = [p.summary() for p in self.pairs]
        lines.append("rank by measured loss at each scale that all arms reach (best first):")
        lines += [f"  {format_number(c):>9}  {' < '.join(order)}" for c, order in self.ranks.items()]
        return "\n".join(lines)

    def to_dict(self) -> dict:
        return {"pairs": [p.to_dict() for p in self.pairs], "ranks": {str(k): list(v) for k, v in self.ranks.items()}}


def compare(
    runs: Runs,
    target: float | str | None = None,
    *,
    by: str = "arm",
    axis: str = "flops",
    level: float = 0.9,
    draws: int = 200,
    seed: int = 0,
) -> Comparison:
    """Every pair of arms (column `by`) over `axis` (flops, hours or any positive column), at `target` (default the largest).

    Runs alike in all settings but the seed are averaged, where a column tells seeds or params. An arm is its frontier: at each
    scale its least loss so far. Structures share floor and exponent, the floor, or nothing; they are weighed by their
    small-sample information criterion. Raises InputError for fewer than two arms of four runs.
    """  # fmt: skip
    tails(level)  # a wrong one is refused before the long work
    own = averaged(runs, by, axis)
    curves = frontiers(own.runs, by, axis)
    top = max(float(x.max()) for x, _ in curves.values())
    aim = parse_positive(target, "target") if target is not None else top
    pairs = compare_pairs(curves, list(combinations(curves, 2)), aim, level, draws, seed, own.single)
    notes = [[n for n in (own.note, luck(p.a, p.b, own.tries)) if n] for p in pairs]
    said = [
        replace(p, warnings=(*p.warnings, *more), seeds=(own.seeds[p.a], own.seeds[p.b]))
        for p, more in zip(pairs, notes, strict=True)
    ]
    return Comparison(tuple(said), ranks(curves))


def compare_pairs(
    curves: Curves,
    names: Sequence[tuple[str, str]],
    target: float,
    level: float,
    draws: int,
    seed: int = 0,
    single: Mapping[str, float] | None = None,
) -> tuple:
    """A Pair for each two `names` of `curves` (scales and losses by arm), all of them fitted in one batch.

    `single`: log standard deviation of a run beyond that of the means in `curves`, by arm.
    """
    for a, b in names:
        share_a_scale(a, b, curves)
    both = [joined(curves[a], curves[b]) for a, b in names]
    fits = list(zip(*(joint_fits(s, both, draws, seed) for s in STRUCTURES), strict=True))
    beyond = [max(np.log(target / min(curves[a][0].max(), curves[b][0].max())), 0.0) for a, b in names]
    strays = drifts([(curves[a], curves[b]) for a, b in names]) if any(beyond) else np.zeros(len(names))
    return tuple(
        _pair(a, b, curves, own, (target, far * stray, tuple((single or {}).get(n, 0.0) for n in (a, b))), level)
        for (a, b), own, far, stray in zip(names, fits, beyond, strays, strict=True)
    )


def _pair(a: str, b: str, curves: Curves, fits: Sequence[JointFit], aim: tuple, level: float) -> Pair:
    target, stray, single = aim
    (xa, ya), (xb, yb) = curves[a], curves[b]
    x, draws = np.concatenate([xa, xb]), len(fits[0].values) - 1
    weight = weights(fits)
    spread = lambda shares: np.concatenate([np.full(draws, w / draws) for w in shares])
    share, free = spread(weight), spread(open_weights(fits))
    ends = tails(level)
    crossing = np.concatenate([_crossing(f, x.min(), x.max() * FAR) for f in fits])
    crosses = float(share[np.isfinite(crossing)].sum())
    low, high = _quantiles(crossing, share, ends)
    middle = _quantiles(crossing[np.isfinite(crossing)], share[np.isfinite(crossing)], [0.5])[0] if crosses else np.inf
    common = float(min(xa.max(), xb.max()))
    naive = a if ya[xa <= common * 1.05].min() < yb[xb <= common * 1.05].min() else b
    factor = float(target / x.max())
    return Pair(
        a, b, target, _wins(fits, share, target, float(np.hypot(stray, np.hypot(*single)))), crosses,
        (float(middle), float(low), float(high)) if crosses >= SUPPORT else None,
        _multiplier(fits, free, common, ends), common, naive,
        tuple(float(np.hypot(*v)) for v in zip(fits[-1].spreads(len(xa)), single, strict=True)),
        dict(zip(STRUCTURES, (float(w) for w in weight), strict=True)), factor, level, _warnings(xa, xb, target, factor),
    )  # fmt: skip


def _crossing(f: JointFit, low: float, high: float) -> np.ndarray:
    """First scale in (low, high) at which the better arm changes, by draw (the fit itself left out); infinite where none."""
    grid = np.geomspace(low, high, 400)
    one, two = f.loss(grid)
    gap = np.log(one / two)[1:]
    turn = gap[:, 1:] * gap[:, :-1] < 0
    at, rows = turn.argmax(axis=1), np.arange(len(gap))
    before, after = gap[rows, at], gap[rows, at + 1]
    found = turn.any(axis=1)
    part = np.divide(before, before - after, out=np.zeros_like(before), where=found)
    return np.where(found, grid[at] * (grid[1] / grid[0]) ** part, np.inf)


def _quantiles(values: np.ndarray, share: np.ndarray, ends: tuple[float, float]) -> list[float]:
    order = np.argsort(values)
    mass = np.cumsum(share[order]) / share.sum()
    return [float(values[order][min(np.searchsorted(mass, q), len(values) - 1)]) for q in ends]


def _wins(fits: Sequence[JointFit], share: np.ndarray, target: float, stray: float) -> float:
    """Probability that a new run of the first arm has the lower loss at the target; `stray` is what laws are off by there, and
    single runs from their means."""
    from scipy.special import ndtr

    out = []
    for f in fits:
        one, two = f.loss(np.array([target]))
        out.append(ndtr(-np.log(one / two)[1:, 0] / (np.hypot(f.noise * np.sqrt(2), stray) + 1e-12)))
    return float(np.clip(share @ np.concatenate(out), 0.0, 1.0))


def _multiplier(
    fits: Sequence[JointFit], share: np.ndarray, common: float, ends: tuple[float, float]
) -> tuple[float, float, float]:
    """Scale at which the second arm has the first one's loss at `common`, over `common`; infinite where it never does."""
    out = []
    for f in fits:
        one, _ = f.loss(np.array([common]))
        floor, height, power = f.values[1:, 3], f.values[1:, 4], f.values[1:, 5]
        over = one[1:, 0] - floor
        with np.errstate(all="ignore"):
            out.append(np.where(over > 0, (height / np.maximum(over, 1e-300)) ** (1 / power) / common, np.inf))
    low, middle, high = _quantiles(np.concatenate(out), share, [ends[0], 0.5, ends[1]])
    return middle, low, high


def _warnings(xa: np.ndarray, xb: np.ndarray, target: float, factor: float) -> tuple[str, ...]:
    out = []
    if factor > 10:
        out.append(f"the target lies {factor:.3g}x beyond the data: laws that hold so far are rarely that exact")
    if min(len(xa), len(xb)) < 6:
        out.append(f"{min(len(xa), len(xb))} runs on a frontier: floors and exponents are hardly known")
    if max(xa.min(), xb.min()) >= min(xa.max(), xb.max()):
        out.append("the arms share no scale: they are compared by extrapolation alone")
    return tuple(out)


def seed_price(pair: Pair, flops_per_run: float, seeds: int = 1) -> dict[str, float]:
    """What `seeds` more runs of each arm at a scale would buy: the standard error of their difference before and after.

    In log loss, at the noise the pair shows; `flops` is what they cost.
    """
    if seeds < 1:
        raise InputError(f"seeds must be one or more, got {seeds}")
    now, after = (
        float(np.hypot(*(s / np.sqrt(n + more) for s, n in zip(pair.noise, pair.seeds, strict=True)))) for more in (0, seeds)
    )
    return {"now": now, "after": after, "flops": 2.0 * seeds * flops_per_run}
