"""Tasks that look emergent: pass rates far below what an evaluation resolves follow a line in log(-log pass rate)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..quantities import format_number, parse_positive, tails
from ..shown import Shown


@dataclass(frozen=True)
class PassForecast(Shown):
    """Pass rate of a model of `scale` with an interval for a new model; PU = exp(-c scale^-alpha)."""

    scale: float
    value: float
    low: float
    high: float
    level: float
    c: float
    alpha: float
    factor: float
    warnings: tuple[str, ...]

    def summary(self) -> str:
        head = f"pass rate {self.value:.3g} [{self.low:.3g}, {self.high:.3g}] {self.level:.0%} at {format_number(self.scale)}"
        law = f"  exp(-c N^-alpha): c {self.c:.3g}, alpha {self.alpha:.3f}; {self.factor:.3g}x the largest measured"
        return "\n".join([head, law, *(f"warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict:
        return dict(vars(self))


def pass_forecast(
    scale: np.ndarray, drawn: np.ndarray, passes: np.ndarray | int, at: float | str, level: float = 0.9
) -> PassForecast:
    """Forecast a task's pass rate at a larger scale from sampling until it was passed.

    `scale` (n,) sizes or compute, `drawn` (n,) samples drawn, `passes` how many passed (the stopping number r, two or more).
    After arXiv:2310.03262, but through unbiased logarithms of the rates: the logarithm of its unbiased (r - 1) / (K - 1) is
    low, with two passes by 0.4. Weights are the sampling errors and the scatter that the line leaves. Raises InputError for
    fewer than three models.
    """
    from scipy.special import digamma, polygamma
    from scipy.stats import t

    n, k = np.asarray(scale, float), np.asarray(drawn, float)
    r = np.broadcast_to(np.asarray(passes, float), n.shape)
    aim = parse_positive(at, "at")
    if len(n) < 3 or not (n > 0).all():
        raise InputError(f"{len(n)} models: a line in log(-log) needs three or more, of positive scale")
    if (r < 2).any() or (k < r).any():
        raise InputError("each model needs two or more passes, and no more passes than samples")
    # -(1/r + ... + 1/(K - 1)) has the mean log p where sampling goes on until the r-th pass (de Groot 1959), with this variance
    once = np.maximum(k, r + 1)  # a rate of one has no log(-log): what never failed counts as failed once
    unlikely = digamma(once) - digamma(r)
    x, y = np.log(n), np.log(unlikely)
    spread = lambda line: np.sqrt(polygamma(1, r) - polygamma(1, np.maximum(r * np.exp(line), r + 1))) / line
    sampling = spread(unlikely)
    scatter = 0.0
    for _ in range(50):
        weight = 1 / (sampling**2 + scatter**2)
        design = np.column_stack([np.ones_like(x), x - x.mean()])
        cover = np.linalg.inv((design * weight[:, None]).T @ design)
        line = cover @ (design.T @ (weight * y))
        rest = y - design @ line
        sampling = spread(np.exp(design @ line))  # at the line: at the rates themselves, what came out low would weigh more
        excess = np.mean(rest**2) * len(n) / (len(n) - 2) - np.mean(sampling**2)
        new = np.sqrt(max(excess, 0.0))
        if abs(new - scatter) < 1e-9:
            break
        scatter = new
    to = np.array([1.0, np.log(aim) - x.mean()])
    middle = float(to @ line)
    wide = float(np.sqrt(to @ cover @ to + scatter**2) * t.ppf(tails(level)[1], len(n) - 2))
    value, low, high = (float(np.exp(-np.exp(v))) for v in (middle, middle + wide, middle - wide))
    factor = float(aim / n.max())
    c, alpha = float(np.exp(line[0] - line[1] * x.mean())), -float(line[1])
    return PassForecast(aim, value, low, high, level, c, alpha, factor, _warn(line, rest, factor, float(n.min() / aim)))


def _warn(line: np.ndarray, rest: np.ndarray, factor: float, below: float) -> tuple[str, ...]:
    out = []
    if line[1] >= 0:
        out.append("pass rates do not rise with scale: nothing emerges here")
    if len(rest) >= 5 and np.all(np.sign(rest[[0, -1]]) == np.sign(rest[0])) and abs(rest[0]) + abs(rest[-1]) > 1.0:
        out.append("the line bends: a capability that sets in at once is not described by it")
    if factor > 10:
        out.append(f"{factor:.3g}x beyond the models measured")
    if below > 10:
        out.append(f"{below:.3g}x below the smallest model measured")
    return tuple(out)
