"""Plans under a limit on data: how often to repeat, which pools to use, in which proportions, and when to change shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ..errors import InputError
from ..law import Law
from ..quantities import parse_positive


def data_limited(values: Mapping[str, float], flops: float | str, unique_tokens: float | str, law: Law | None = None) -> dict:
    """Size, tokens and epochs of least loss under 6 N D = C when only so many distinct tokens exist.

    `values` are parameters of `law` (default data_constrained: E, A, B, alpha, beta, R). Returns params, tokens, epochs, loss,
    and what the loss would be with unlimited data.
    """
    from .. import laws

    law = law or laws.get("data_constrained")
    c, u = parse_positive(flops, "flops"), parse_positive(unique_tokens, "unique_tokens")

    def best(unique: float) -> tuple[float, float]:
        n = np.exp(np.linspace(np.log(1e3), np.log(c / 6e3), 4001))
        loss = law(values, params=n, tokens=c / (6 * n), unique_tokens=np.full_like(n, unique))
        at = int(loss.argmin())
        return float(n[at]), float(loss[at])

    n, loss = best(u)
    free, free_loss = best(1e30)
    d = c / (6 * n)
    return {"params": n, "tokens": d, "epochs": d / u, "loss": loss, "unlimited_params": free, "unlimited_loss": free_loss}


def best_vocabulary(values: Mapping[str, float], flops: float | str, width_of: Any, law: Law | None = None) -> dict[str, float]:
    """Size without embeddings, vocabulary and tokens of least loss under C = 6 (N + V width) D, by the law `vocabulary`.

    `width_of(N)` gives the model width at a size; embedding and head are one matrix. The law's loss must be comparable across
    vocabularies. Returns params, vocabulary, tokens, loss.
    """
    from .. import laws

    law, c = law or laws.get("vocabulary"), parse_positive(flops, "flops")
    n, v = np.meshgrid(np.exp(np.linspace(np.log(1e5), np.log(c / 6e6), 800)), np.geomspace(256, 4e6, 400))
    tokens = c / (6 * (n + v * width_of(n)))
    loss = law(values, params=n, vocabulary=v, tokens=tokens)
    at = np.unravel_index(loss.argmin(), loss.shape)
    return {"params": float(n[at]), "vocabulary": float(v[at]), "tokens": float(tokens[at]), "loss": float(loss[at])}


@dataclass(frozen=True)
class Pool:
    """`examples` distinct ones; `b` utility and `tau` half-life in epochs, as in the law quality_repetition."""

    name: str
    examples: float
    b: float
    tau: float


def pool_error(pools: Sequence[Pool], seen: float, a: float, d: float) -> float:
    """Error after `seen` examples drawn evenly from these pools, by the mixture rule of arXiv:2404.07177.

    p equal pools: half-lives grow p-fold, as each pool is met p times less often, and the utilities are averaged at each pass
    over all of them. Pools of different size pass at their common mean.
    """
    p, total = len(pools), sum(q.examples for q in pools)
    b, tau = np.array([q.b for q in pools]), np.array([q.tau for q in pools]) * p
    log, epoch = 0.0, 1
    while True:
        start, end = total * (epoch - 1), min(total * epoch, seen)
        strength = float(np.mean(b * 0.5 ** ((epoch - 1) / tau)))
        log -= strength * (np.log(end) - (np.log(start) if epoch > 1 else 0.0))
        if end >= seen or epoch > 10_000:
            return float(d + a * np.exp(log))
        epoch += 1


def best_pools(pools: Sequence[Pool], seen: Sequence[float], a: float = 1.0, d: float = 0.0) -> list[dict]:
    """For each number of examples seen the set of pools of least error: with more compute lesser pools enter.

    Tries every subset; raises InputError for more than 12 pools, or none.
    """
    if not 1 <= len(pools) <= 12:
        raise InputError(f"1 to 12 pools can be compared by every subset, got {len(pools)}")
    subsets = [s for k in range(1, len(pools) + 1) for s in combinations(pools, k)]
    out = []
    for count in seen:
        errors = [pool_error(s, float(count), a, d) for s in subsets]
        at = int(np.argmin(errors))
        out.append({"seen": float(count), "pools": [q.name for q in subsets[at]], "error": errors[at]})
    return out


def best_mixture(laws: Sequence[tuple[Law, Mapping[str, float], float]], least: float = 0.0) -> dict[str, Any]:
    """Shares of least weighted loss: `laws` are (mixture law, its parameters, weight) with one set of inputs, one per target.

    The last domain takes the rest; every share stays at or above `least`. Returns shares by input (and `rest`) and the loss.
    """
    from scipy.optimize import minimize

    names = laws[0][0].inputs
    if any(law.inputs != names for law, _, _ in laws):
        raise InputError("every target's law must take the same shares")
    if least * (len(names) + 1) > 1:
        raise InputError(f"{len(names) + 1} shares of at least {least:g} do not fit into one")
    floor = max(least, 1e-9)

    def loss(r: np.ndarray) -> float:
        x = dict(zip(names, np.maximum(r, 1e-12), strict=True))
        return float(sum(w * law(p, **x) for law, p, w in laws))

    rest = {"type": "ineq", "fun": lambda r: 1 - floor - r.sum()}
    starts = np.random.default_rng(0).dirichlet(np.ones(len(names) + 1), 8)[:, :-1]
    found = [
        minimize(
            loss, s, method="SLSQP", bounds=[(floor, 1)] * len(names), constraints=[rest], options={"ftol": 1e-12, "maxiter": 300}
        )
        for s in starts
    ]
    best = min((f for f in found if f.success), key=lambda f: f.fun, default=None)
    if best is None:
        raise InputError("no mixture was found: the laws may have no finite minimum over these shares")
    shares = dict(zip(names, best.x.tolist(), strict=True))
    return {"shares": shares | {"rest": float(1 - best.x.sum())}, "loss": float(best.fun)}


def switch_points(shapes: Mapping[str, Mapping[str, float]], flops: float | str, steps: int = 4000) -> list[dict]:
    """When to change shape along one training run: laws of error by compute of each shape, `shifted_power` parameters.

    At every error the shape with the steepest fall per FLOP trains on. Returns (shape, from, to, error) by spell, in compute
    of the run itself; the change is taken to cost nothing, which the law says too. arXiv:2311.03233.
    """
    from .. import laws

    law, c = laws.get("shifted_power"), parse_positive(flops, "flops")
    error = {k: float(law(v, flops=1e-300)) for k, v in shapes.items()}
    now = min(error.values())
    low = min(v["c"] for v in shapes.values())
    levels = low + (now - low) * np.geomspace(1.0, 1e-4, steps)
    cost = {k: _compute_at(v, levels) for k, v in shapes.items()}
    spent, out = 0.0, []
    for i in range(steps - 1):
        step = {k: v[i + 1] - v[i] for k, v in cost.items() if np.isfinite(v[i + 1])}
        if not step:
            break
        name = min(step, key=step.get)
        if not out or out[-1]["shape"] != name:
            out.append({"shape": name, "from": spent, "to": spent, "error": float(levels[i])})
        spent += step[name]
        out[-1] |= {"to": min(spent, c), "error": float(levels[i + 1])}
        if spent >= c:
            break
    return out


def _compute_at(p: Mapping[str, float], error: np.ndarray) -> np.ndarray:
    """Compute at which a shape reaches each error; infinite below its floor, zero above its start."""
    with np.errstate(all="ignore"):
        at = p["d"] * (((error - p["c"]) / p["h"]) ** (-1 / p["b"]) - 1.0)
    return np.where(error > p["c"], np.maximum(at, 0.0), np.inf)
