"""Rows that differ in more than what is asked: a forecast of them is one of a usual run, and says so."""

from __future__ import annotations

import numpy as np

from ..runs import Runs
from ..runs.alike import apart

UNLIKE = 1.0  # standard deviation of log tokens per parameter among runs of like compute, beyond which it is said
FEWEST = 3  # rows with a known split of compute


def unlike(runs: Runs, inputs: tuple[str, ...], keep: np.ndarray, target: str, group: str | None = None) -> list[str]:
    """Notes on what else differs among the rows kept (n,), within the groups of a column where one is given."""
    if said := _splits(runs, inputs, keep, target):
        return said
    found = apart(runs, inputs, keep, target, group)
    return [f"{found}; give numbers as inputs or labels as group, or keep the best of them (best=True, --best)"] if found else []


def _splits(runs: Runs, inputs: tuple[str, ...], keep: np.ndarray, target: str) -> list[str]:
    """Says so where flops alone is asked of runs that spend the same compute in different ways."""
    if inputs != ("flops",) or not {"params", "tokens"} <= set(runs.columns):
        return []
    split = runs.numbers(("flops", "params", "tokens"))
    c, n, d = (np.log(np.where(v > 0, v, np.nan))[keep] for v in split.values())
    known = np.isfinite(c + n + d)
    if known.sum() < FEWEST:
        return []
    ratio, at = (d - n)[known], c[known] - c[known].mean()
    off = ratio - ratio.mean() - at * (at @ ratio) / max(float(at @ at), 1e-12)
    if off.std() < UNLIKE:
        return []
    return [
        f"runs of the same flops differ {np.exp(2 * off.std()):.2g}-fold in tokens per parameter (one standard deviation either "
        f"way): this is the {target} of a usual run, not of the best; give params and tokens, or keep the best run of each scale"
    ]
