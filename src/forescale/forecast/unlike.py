"""Rows that differ in more than what is asked: a forecast of them is one of a usual run, and says so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..runs import Runs

UNLIKE = 1.0  # standard deviation of log tokens per parameter among runs of like compute, beyond which it is said
FEWEST = 3  # rows with a known split of compute
ALIKE = 0.02  # log steps in which inputs are taken for the same
EXPLAINED = 0.3  # share of the variance among rows alike that a column tells, above what chance would
APART = 0.003  # log standard deviation told by a column that is worth a word
LEVELS = 50


def unlike(runs: Runs, inputs: tuple[str, ...], keep: np.ndarray, target: str, group: str | None = None) -> list[str]:
    """Notes on what else differs among the rows kept (n,), within the groups of a column where one is given."""
    return _splits(runs, inputs, keep, target) or _settings(runs, inputs, keep, target, group)


def kinds(x: np.ndarray, group: np.ndarray | None = None) -> np.ndarray:
    """Which rows are alike in all inputs (n, d), all positive, and in their group: a number for each (n,)."""
    key = np.round(np.log(x) / ALIKE)
    if group is not None:
        key = np.column_stack([key, np.unique(group.astype(str), return_inverse=True)[1]])
    return np.unique(key, axis=0, return_inverse=True)[1].ravel()


def best(
    runs: Runs, inputs: tuple[str, ...], keep: np.ndarray, target: str, high: bool, group: str | None = None
) -> tuple[np.ndarray, list[str]]:
    """Of the rows kept (n,), the one of the lowest target, or the highest, among those alike in all inputs; a note says so."""
    rows = np.flatnonzero(keep)
    x = np.stack([v[rows] for v in runs.numbers(inputs).values()], axis=1)
    if (x <= 0).any():
        raise InputError(f"{runs.source}: which rows are alike is told for inputs above zero only; leave best out")
    kind = kinds(x, None if group is None else runs[group][rows])
    y = runs[target][rows]
    order = np.lexsort((-y if high else y, kind))
    kept = np.zeros(len(keep), bool)
    kept[rows[order[np.unique(kind[order], return_index=True)[1]]]] = True
    left = len(rows) - int(kept.sum())
    said = (
        f"of rows alike in {' and '.join(inputs)} the one of {'highest' if high else 'lowest'} {target} is kept: {left} left out"
    )
    return kept, [said] if left else []


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


def _settings(runs: Runs, inputs: tuple[str, ...], keep: np.ndarray, target: str, group: str | None) -> list[str]:
    """Says so where rows alike in all inputs differ, and a column (a learning rate, an arm) tells how."""
    y = runs[target][keep]
    x = np.stack([v[keep] for v in runs.numbers(inputs).values()], axis=1)
    if not len(y) or (y <= 0).any() or (x <= 0).any():
        return []
    place = kinds(x, None if group is None else runs[group][keep])
    count = np.bincount(place)
    log = np.log(y)
    off = log - np.bincount(place, log)[place] / count[place]
    spare = len(y) - len(count)  # rows beyond the first of each kind
    if spare < FEWEST or spare < len(y) / 3 or off @ off == 0:
        return []
    found = []
    for name in _others(runs, {*inputs, target, *([group] if group else [])}):
        _, level, size = np.unique(runs[name][keep].astype(str), return_inverse=True, return_counts=True)
        if not 2 <= len(size) <= min(LEVELS, spare / 2):
            continue
        told = float(size @ (np.bincount(level, off) / size) ** 2)
        extra = told / float(off @ off) - (len(size) - 1) / spare
        if extra > EXPLAINED and np.sqrt(told / len(y)) > APART:
            found.append((extra, name, len(size)))
    if not found:
        return []
    names = [f"{name} ({levels} values)" for _, name, levels in sorted(found, reverse=True)[:3]]
    spread = 100 * np.sqrt(off @ off / spare)
    return [
        f"rows alike in {' and '.join(inputs)} differ by {spread:.2g} % of their {target} (standard deviation), as tells "
        f"{', '.join(names)}: this is the {target} of a usual one, not of the best; give numbers as inputs or labels as "
        "group, or keep the best of them (best=True, --best)"
    ]


def _others(runs: Runs, asked: set[str]) -> Sequence[str]:
    """Settings beside what is asked, each once: a column read as a quantity has two names. Compute is params and tokens."""
    size = {"params", "tokens", "flops", "steps"}
    known = {*asked, *(size if "flops" in asked else {"flops"}), "run", "role"}
    out: list[str] = []
    for name, values in runs.columns.items():
        same = lambda other, v=values: np.array_equal(runs.columns[other].astype(str), v.astype(str))
        if name not in known and not any(same(other) for other in (*out, *(k for k in known if k in runs.columns))):
            out.append(name)
    return out
