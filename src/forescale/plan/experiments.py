"""Which runs to make next: those that narrow a forecast or a decision most for their compute.

The law is linearised at draws of its parameters (of a fit, or of the law's start boxes before any run). What the law
gets wrong is a Gaussian process over log size and log data, shared by nearby runs, so that many cheap runs far from the
target cannot average it away. Runs are picked greedily by gain over cost^p for several p; the best design found is kept.
Uncertainty is in log loss throughout: 0.01 is one percent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, one_of
from ..fit import Fit
from ..law import Law
from ..quantities import format_number, parse_positive
from ..shown import Shown

NOISE = 0.003  # log-loss noise of one run, where no fit tells
MISFIT = 0.1  # how far laws are off in log loss, with nothing nearby to correct them
REACH = 2.5  # e-folds of size or data over which that error keeps its sign
SPARE = 0.02  # log variance given up for fewer runs: a hundredth of the interval
WORTH = 0.005  # a run that narrows nothing by a quarter percent is not worth setting up
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
Z90 = 1.6449


@dataclass(frozen=True)
class Design(Shown):
    """`picks` are rows of the candidates in the order to run them; `halfwidth` (picks + 1,) the expected half of a 90 %
    interval of the target before and after each, relative; `flops` (picks,) what each costs."""

    picks: tuple[int, ...]
    flops: np.ndarray
    halfwidth: np.ndarray
    runs: Mapping[str, np.ndarray]
    budget: float
    criterion: str
    factor: float
    counts: str

    def summary(self) -> str:
        what = {"forecast": "the target's loss", "optimum": "N*", "params": "the parameters"}[self.criterion]
        lines = [
            f"{len(self.picks)} runs for {self.flops.sum():.3g} of {self.budget:.3g} FLOP; expected 90 % interval of {what}: "
            f"+-{self.halfwidth[0]:.2%} now, +-{self.halfwidth[-1]:.2%} after them",
            f"  the target lies {self.factor:.3g}x beyond the dearest run picked; counted as {self.counts}",
        ]
        for i, (c, h) in enumerate(zip(self.flops, self.halfwidth[1:], strict=True)):
            inputs = ", ".join(f"{k} {format_number(v[i])}" for k, v in self.runs.items())
            lines.append(f"  {i + 1:3} {inputs:40} {c:.3g} FLOP   then +-{h:.2%}")
        return "\n".join(lines)

    def to_dict(self) -> dict:
        out = {k: np.asarray(v).tolist() for k, v in self.runs.items()}
        head = {"budget": self.budget, "criterion": self.criterion, "factor": self.factor, "counts": self.counts}
        return head | {"picks": list(self.picks), "flops": self.flops.tolist(), "halfwidth": self.halfwidth.tolist(), "runs": out}


def cold_draws(law: Law, x: Mapping[str, np.ndarray], count: int = 16, seed: int = 0) -> dict[str, np.ndarray]:
    """Parameter draws (count,) before any run: start boxes, with linear terms of 0.2 to 1.5 at the middle of `x`."""
    from ..fit.objective import Objective
    from ..fit.problem import Problem
    from ..fit.starts import draw

    rng = np.random.default_rng(seed)
    n = len(next(iter(x.values())))
    problem = Problem(law, [(x, np.ones(n))], Objective())
    params = {k: np.array(v) for k, v in problem.law_params(draw(problem, count, rng)).items()}
    if law.working is None:
        columns = {k: v[:, None] for k, v in params.items()}
        for name in law.linear:
            unit = law({**columns, **dict.fromkeys(law.linear, np.zeros((count, 1))), name: np.ones((count, 1))}, **x)
            size = np.median(np.abs(unit), axis=1)
            flat = np.ptp(unit, axis=1).max() < 1e-12  # a floor: its start box stands
            if not flat:
                params[name] = np.exp(rng.uniform(np.log(0.2), np.log(1.5), count)) / size
    return params


def _line(law: Law, draws: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack([p.domain.to_line(np.asarray(draws[p.name], float)) for p in law.params], axis=1)


def _tangent(law: Law, line: np.ndarray, value: Any) -> np.ndarray:
    """d value / d line (draws, values, k) by central differences; `value(params)` gives (draws, values)."""
    out, step = [], 1e-5
    for j in range(line.shape[1]):
        ends = []
        for sign in (1, -1):
            moved = line.copy()
            moved[:, j] += sign * step
            ends.append(value({p.name: p.domain.to_domain(moved[:, i : i + 1]) for i, p in enumerate(law.params)}))
        out.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(out, axis=2)


def _covariance(law: Law, draws: Mapping, x: Mapping, aim: Mapping, criterion: str, flops: float, misfit: float) -> np.ndarray:
    """(draws, m + t, m + t) prior covariance of candidates and targets in log loss (targets: log N* or parameters)."""
    line = _line(law, draws)
    spread = np.cov(line.T).reshape(line.shape[1], line.shape[1]) + 1e-10 * np.eye(line.shape[1])
    rows = [_tangent(law, line, lambda p: np.log(law(p, **x)))]
    if criterion == "forecast":
        rows.append(_tangent(law, line, lambda p: np.log(law(p, **aim))))
    elif criterion == "optimum":
        from .optimum import optimal_params

        one = lambda p: np.log(np.asarray(optimal_params(law, {k: v[:, 0] for k, v in p.items()}, flops)))[:, None]
        rows.append(_tangent(law, line, one))
    else:
        rows.append(np.broadcast_to(np.eye(line.shape[1]), (len(line), line.shape[1], line.shape[1])))
    tangent = np.concatenate(rows, axis=1)
    out = np.einsum("sia,ab,sjb->sij", tangent, spread, tangent)
    both = {k: np.concatenate([x[k], aim[k]]) for k in x} if criterion == "forecast" else x
    place = np.log(np.stack(list(both.values()), axis=1)) / REACH
    near = misfit**2 * np.exp(-0.5 * np.square(place[:, None] - place[None]).sum(axis=2))
    end = len(place)
    out[:, :end, :end] += near
    return out


def _greedy(k: np.ndarray, m: int, cost: np.ndarray, budget: float, noise: float, power: float) -> tuple[list, list]:
    """Picks and the targets' mean log variance after each; `k` is updated exactly after every pick."""
    k, free, spent, picks = k.copy(), np.ones(m, bool), 0.0, []
    trace = [_log_variance(k, m)]
    while True:
        able = np.flatnonzero(free & (spent + cost <= budget))
        if not len(able):
            break
        diagonal = np.einsum("sii->si", k)
        fall = np.square(k[:, m:, :m][:, :, able]) / (diagonal[:, able] + noise**2)[:, None, :]
        share = np.clip(fall / diagonal[:, m:, None], 0.0, 1 - 1e-12)
        gain = -np.log1p(-share).mean(axis=(0, 1))
        if gain.max() < WORTH:
            break
        best = able[np.argmax(np.where(gain < WORTH, 0.0, gain) / cost[able] ** power)]
        k = _after(k, int(best), noise)
        picks.append(int(best))
        free[best] = False
        spent += cost[best]
        trace.append(_log_variance(k, m))
    return picks, trace


def _after(k: np.ndarray, pick: int, noise: float) -> np.ndarray:
    """The covariance once the run `pick` is known."""
    column = k[:, :, pick]
    return k - column[:, :, None] * column[:, None, :] / (column[:, pick] + noise**2)[:, None, None]


def _needed(k: np.ndarray, m: int, picks: list[int], noise: float) -> list[int]:
    """The picks without those that later ones have made idle: leaving all of them out costs at most SPARE in log variance."""
    kept, lost = list(picks), 0.0
    while len(kept) > 1:
        inverse = np.linalg.inv(k[:, kept][:, :, kept] + noise**2 * np.eye(len(kept)))
        pull = inverse @ k[:, kept, m:]
        left = np.einsum("sii->si", k)[:, m:] - np.einsum("sit,sit->st", k[:, kept, m:], pull)
        without = left[:, None] + np.square(pull) / np.einsum("sii->si", inverse)[:, :, None]
        rise = np.log(without / np.maximum(left[:, None], 1e-30)).mean(axis=(0, 2))
        idle = int(rise.argmin())
        lost += rise[idle]
        if rise[idle] >= WORTH or lost > SPARE:
            break
        kept.pop(idle)
    return kept


def _log_variance(k: np.ndarray, m: int) -> float:
    return float(np.log(np.maximum(np.einsum("sii->si", k)[:, m:], 1e-30)).mean())


def design(
    candidates: Mapping[str, Any],
    target: Mapping[str, Any],
    budget: float | str,
    *,
    source: Fit | Law | None = None,
    flops: Any = None,
    criterion: str = "forecast",
    noise: float | None = None,
    misfit: float = MISFIT,
    seed: int = 0,
) -> Design:
    """Choose from `candidates` (columns of the law's inputs, and flops or 6 N D) within `budget` FLOP.

    `source` is a fit so far, or a law before any run (default: the Chinchilla form). `target` gives the law's inputs, or
    for the criterion `optimum` the budget as flops. `criterion`: forecast (c-optimal at one target, I-optimal over
    several), optimum (N*), params (every parameter). Repeat a row among the candidates to offer a second seed of it.
    Raises InputError where a column is missing, the budget buys no run, or the criterion is unknown.
    """
    from .. import laws

    if criterion not in ("forecast", "optimum", "params"):
        raise one_of("criterion", criterion, ("forecast", "optimum", "params"))
    law = source.law if isinstance(source, Fit) else source or laws.get("chinchilla")
    law.require({k: v for k, v in candidates.items() if k != "flops"}, law.inputs, "candidate input")
    x = {k: np.atleast_1d(v) for k, v in law.numbers({k: candidates[k] for k in law.inputs}).items()}
    aim_flops, aim = _aim(law, target, criterion)
    cost = _cost(x, candidates.get("flops"))
    limit = parse_positive(budget, "budget")
    if cost.min() > limit:
        raise InputError(f"budget {limit:.3g} FLOP buys no run: the cheapest candidate costs {cost.min():.3g}")
    fitted = isinstance(source, Fit)
    draws = {k: v[:16] for k, v in source.draws.params.items()} if fitted else cold_draws(law, x, seed=seed)
    sigma = noise if noise is not None else _noise_of(source) if fitted else NOISE
    k = _covariance(law, draws, x, aim, criterion, aim_flops, misfit)
    m = len(cost)
    found = [_greedy(k, m, cost, limit, sigma, p) for p in POWERS]
    picks = _needed(k, m, min(found, key=lambda f: f[1][-1])[0], sigma)
    trace, known = [_log_variance(k, m)], k
    for pick in picks:
        known = _after(known, pick, sigma)
        trace.append(_log_variance(known, m))
    extra = sigma**2 if criterion == "forecast" else 0.0  # the target is a run too
    halfwidth = Z90 * np.sqrt(np.exp(np.array(trace)) + extra)
    chosen = np.array(picks, int)
    factor = aim_flops / cost[chosen].max()
    counts = source.counts if fitted else law.source.counts
    return Design(tuple(picks), cost[chosen], halfwidth, {n: v[chosen] for n, v in x.items()}, limit, criterion, factor, counts)


def grid(budget: float, sizes: int = 12, ratios: tuple[float, ...] = (5, 10, 20, 40, 80, 160), most: float = 0.3) -> dict:
    """Candidates for a cold start: `sizes` of models by `ratios` tokens per parameter, each for at most `most` of the budget.

    From a thousandth of the largest size that can be afforded at twenty tokens per parameter up to three times it.
    """
    limit = most * parse_positive(budget, "budget")
    top = np.sqrt(limit / 120)
    n, r = (v.ravel() for v in np.meshgrid(np.geomspace(top / 1e3, 3 * top, sizes), np.asarray(ratios, float)))
    keep = 6 * n * n * r <= limit
    return {"params": n[keep], "tokens": (n * r)[keep]}


def power(
    law: Law,
    values: Mapping[str, float],
    runs: Mapping[str, Any],
    target: Mapping[str, Any],
    *,
    noise: float = NOISE,
    misfit: float = 0.0,
    delta: float = 1e-3,
) -> float:
    """Half of a 90 % interval of a law's forecast, relative, that these runs will give, before any of them is made.

    `values` are the parameters the law is expected to have, `runs` and `target` columns of its inputs. Linearised, for
    the Huber fit with `delta`; without misfit, so the law is taken at its word. Infinite where the runs cannot fix it.
    """
    x = {k: np.atleast_1d(v) for k, v in law.numbers({k: runs[k] for k in law.inputs}).items()}
    aim = {k: np.atleast_1d(v) for k, v in law.numbers({k: target[k] for k in law.inputs}).items()}
    line = _line(law, {k: np.atleast_1d(np.asarray(v, float)) for k, v in values.items()})
    at, end = (_tangent(law, line, lambda p, q=q: np.log(law(p, **q)))[0] for q in (x, aim))
    sigma = noise * np.sqrt(_huber_price(delta / noise))
    scale = np.linalg.norm(at, axis=0)
    u, s, v = np.linalg.svd(at / scale, full_matrices=False)
    if len(at) < at.shape[1] or s[-1] < 1e-9 * s[0]:
        return float("inf")
    spread = np.square((end / scale) @ v.T / s).sum(axis=1) * sigma**2
    if misfit:
        place = np.log(np.concatenate([np.stack(list(q.values()), axis=1) for q in (x, aim)])) / REACH
        near = misfit**2 * np.exp(-0.5 * np.square(place[:, None] - place[None]).sum(axis=2))
        weights = (end / scale) @ (v.T / s) @ u.T
        m = len(at)
        both = near[m:, m:] - weights @ near[:m, m:] - (weights @ near[:m, m:]).T + weights @ near[:m, :m] @ weights.T
        spread = spread + np.diag(both)
    return float(Z90 * np.sqrt(spread.mean()))


def _huber_price(k: float) -> float:
    """Variance of the Huber estimate over that of least squares under normal noise, for a threshold of k standard deviations."""
    from scipy.special import ndtr

    inside, density = 2 * ndtr(k) - 1, np.exp(-0.5 * k * k) / np.sqrt(2 * np.pi)
    return float((inside - 2 * k * density + 2 * k * k * (1 - ndtr(k))) / inside**2)


def _aim(law: Law, target: Mapping[str, Any], criterion: str) -> tuple[float, dict[str, np.ndarray]]:
    if criterion == "forecast":
        law.require({k: v for k, v in target.items() if k != "flops"}, law.inputs, "target input")
        aim = {k: np.atleast_1d(v) for k, v in law.numbers({k: target[k] for k in law.inputs}).items()}
        return float(np.median(_cost(aim, target.get("flops")))), aim
    if "flops" not in target and criterion == "optimum":
        raise InputError("the criterion optimum needs the budget to be planned: target flops=1e23")
    return parse_positive(target.get("flops", 1.0), "flops"), {}


def _cost(x: Mapping[str, np.ndarray], given: Any) -> np.ndarray:
    if given is not None:
        cost = np.atleast_1d(np.asarray(parse_positive(given, "flops") if isinstance(given, str) else given, float))
        if not (np.isfinite(cost) & (cost > 0)).all():
            raise InputError("flops of the candidates must be positive and finite")
        return np.broadcast_to(cost, next(iter(x.values())).shape).copy()
    if not {"params", "tokens"} <= set(x):
        raise InputError("candidates need a column flops: 6 N D is only known from params and tokens")
    return 6.0 * x["params"] * x["tokens"]


def _noise_of(fit: Fit) -> float:
    return float(np.std(fit.draws.noise)) if len(fit.draws.noise) else NOISE
