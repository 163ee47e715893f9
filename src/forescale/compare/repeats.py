"""Runs that repeat each other but for their seed: averaged, as the least of many is lower by luck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..runs import Runs

SEEDS = {"seed", "random_seed"}
NAMES = {"run", "role", *SEEDS}  # columns that tell repeats apart, and no setting
LUCKY = 1.5  # times as many runs a scale, beyond which an arm's least is said to be lower by luck


@dataclass(frozen=True)
class Averaged:
    """`runs` with one row for each setting; by arm, the log standard deviation that a single run has beyond its mean's, how many
    runs a mean is of, and how many means there are at a scale."""

    runs: Runs
    single: Mapping[str, float]
    seeds: Mapping[str, float]
    tries: Mapping[str, float]
    note: str


def averaged(runs: Runs, by: str, axis: str) -> Averaged:
    """Rows alike in every setting averaged in log loss (the losses' geometric mean), where a column tells seeds or params:
    otherwise rows of one compute may be sizes to choose from.

    A setting is a column that is neither the loss, nor a name, nor all-distinct numbers, which results are.
    """
    names = np.asarray(runs[by]).astype(str)
    filled = runs.filled((axis,))
    told = "params" in filled.columns or any(k.lower() in SEEDS for k in filled.columns)
    settings = [] if told else [np.arange(len(runs))]
    settings += [v for k, v in filled.columns.items() if k in (by, axis) or _is_setting(k, v)]
    key = np.column_stack([np.unique(v.astype(str), return_inverse=True)[1] for v in settings])
    first, kind, count = np.unique(key, axis=0, return_index=True, return_inverse=True, return_counts=True)[1:]
    kind = kind.ravel()
    log = np.log(np.asarray(runs["loss"], float))
    mean = np.bincount(kind, log) / count
    off = log - mean[kind]
    single, seeds, tries = {}, {}, {}
    for name in dict.fromkeys(names.tolist()):
        mine = np.unique(kind[names == name])
        spare = float((count[mine] - 1).sum())
        variance = float((off[names == name] ** 2).sum()) / max(spare, 1.0)
        single[name] = float(np.sqrt(variance * (1 - np.mean(1 / count[mine]))))
        seeds[name] = float(count[mine].mean())
        tries[name] = len(mine) / len(np.unique(filled[axis][first[mine]]))
    kept = filled.where(np.isin(np.arange(len(log)), first))
    order = np.argsort(first)
    kept = replace(kept, columns={**kept.columns, "loss": np.exp(mean[order])})
    left = len(log) - len(mean)
    note = f"{len(log)} runs averaged to {len(mean)}: those alike in all settings, as seeds are" if left else ""
    return Averaged(kept, single, seeds, tries, note)


def luck(a: str, b: str, tries: Mapping[str, float]) -> str:
    """Says so where one arm had more runs to take the least of."""
    more, less = sorted((a, b), key=lambda name: -tries[name])
    if tries[more] < LUCKY * tries[less]:
        return ""
    return (
        f"{more} has {tries[more]:.2g} runs at a scale, {less} {tries[less]:.2g}: the least of more is lower, by luck as well; "
        "compare as many of each (a column seed lets them be averaged)"
    )


def _is_setting(name: str, values: np.ndarray) -> bool:
    return name != "loss" and name.lower() not in NAMES and len(np.unique(values.astype(str))) < len(values)
