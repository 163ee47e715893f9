"""Rows that are alike in what is asked of them and differ in something else: a sweep, several arms in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError
from .table import Runs

FEWEST = 3  # rows beyond the first of each kind
ALIKE = 0.02  # log steps in which inputs are taken for the same
EXPLAINED = 0.3  # share of the variance among rows alike that a column tells, above what chance would
APART = 0.003  # log standard deviation told by a column that is worth a word
LEVELS = 50


def kinds(x: np.ndarray, group: np.ndarray | None = None) -> np.ndarray:
    """Which rows are alike in all inputs (n, d), all positive, and in their group: a number for each (n,)."""
    key = np.round(np.log(x) / ALIKE)
    if group is not None:
        key = np.column_stack([key, np.unique(group.astype(str), return_inverse=True)[1]])
    return np.unique(key, axis=0, return_inverse=True)[1].ravel()


def best(
    runs: Runs, inputs: Sequence[str], keep: np.ndarray, target: str, high: bool, group: str | None = None
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


def apart(runs: Runs, inputs: Sequence[str], keep: np.ndarray, target: str, group: str | None = None) -> str:
    """Says, of the rows kept (n,), by how much those alike in all inputs differ where a column (a rate, an arm) tells how.

    Empty where none does: what seeds tell is noise.
    """
    y = runs[target][keep]
    x = np.stack([v[keep] for v in runs.numbers(inputs).values()], axis=1)
    if not len(y) or (y <= 0).any() or (x <= 0).any():
        return ""
    place = kinds(x, None if group is None else runs[group][keep])
    count = np.bincount(place)
    log = np.log(y)
    off = log - np.bincount(place, log)[place] / count[place]
    spare = len(y) - len(count)  # rows beyond the first of each kind
    if spare < FEWEST or spare < len(y) / 3 or off @ off == 0:
        return ""
    columns = _others(runs, {*inputs, target, *([group] if group else [])})
    names = _telling({n: runs[n][keep].astype(str) for n in columns}, off, spare)
    if not names:
        return ""
    spread = 100 * np.sqrt(off @ off / spare)
    return (
        f"rows alike in {' and '.join(inputs)} differ by {spread:.2g} % of their {target} (standard deviation), as tells "
        f"{', '.join(names)}: this is of a usual one, not of the best"
    )


def _telling(columns: Mapping[str, np.ndarray], off: np.ndarray, spare: int) -> list[str]:
    """Names of the columns whose values tell rows alike apart by `off` (n,): what one tells is taken off before the next."""
    out: list[str] = []
    levels = {n: np.unique(v, return_inverse=True, return_counts=True)[1:] for n, v in columns.items()}
    levels = {n: (level, size) for n, (level, size) in levels.items() if 2 <= len(size) <= min(LEVELS, spare / 2)}
    while levels and off @ off > 0:
        told = {n: (np.bincount(level, off) / size)[level] for n, (level, size) in levels.items()}
        share = {n: (v @ v) / (off @ off) - (len(levels[n][1]) - 1) / spare for n, v in told.items()}
        most = max(share, key=lambda n: share[n])
        if share[most] < EXPLAINED or np.sqrt(np.mean(told[most] ** 2)) < APART:
            break
        out.append(f"{most} ({len(levels[most][1])} values)")
        off = off - told[most]
        del levels[most]
    return out


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
