"""What reading a table warns of: rows left out, units, repeats, runs that did not end, a file that may be cut off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..quantities import QUANTITIES
from .cells import RUNS
from .headers import named, scale, unit_warnings
from .read import ENDS, Columns

STATES = {"state", "status", "run state", "finished"}  # columns of trackers that say how a run ended
STOPPED = {"crashed", "failed", "killed", "preempted", "running", "scheduled", "pending", "false"}


def stopped(raw: Columns, keep: np.ndarray) -> tuple[str, ...]:
    """Says so where a column tells that runs crashed or are still running."""
    out = []
    for column in (c for c in raw if c.strip().lower() in STATES):
        words = [str(v).strip().lower() for v, kept in zip(raw[column], keep, strict=True) if kept]
        found = ", ".join(f"{words.count(w)} {w}" for w in dict.fromkeys(words) if w in STOPPED)
        if found:
            out.append(
                f"column {column!r} has {found} of {len(words)}: what they reached is no final value; leave out what is not meant"
            )
    return tuple(out)


def cut(source: Any, growing: bool) -> tuple[str, ...]:
    """A text table whose last line has no end may have lost digits of its last number: nothing else can tell."""
    path = str(source)
    if growing or not path.lower().endswith((".csv", ".tsv")):
        return ()
    with open(path, "rb") as file:
        file.seek(-1, 2)
        whole = file.read(1) in ENDS
    return () if whole else (f"the last line of {path} has no line end: if the file was cut off, its last number is wrong",)


def left_out(columns: Mapping[str, np.ndarray], chosen: Mapping[str, str], dropped: tuple) -> tuple[str, ...]:
    out = []
    if dropped:
        shown = "; ".join(f"row {i}: {why}" for i, why in dropped[:5]) + (" ..." if len(dropped) > 5 else "")
        out.append(f"{len(dropped)} row{'s' if len(dropped) > 1 else ''} left out: {shown}")
    for quantity, column in chosen.items():
        other = quantity in QUANTITIES and column in named([column], quantity) and scale(column, quantity) == 1
        if quantity != column and (other or (quantity == "run" and column.strip().lower() in RUNS)):
            out.append(f"column {column!r} is read as {quantity}")
    known = [q for q in chosen if q in QUANTITIES and len(columns[q])]
    out += unit_warnings({q: float(columns[q].max()) for q in known}, dict(chosen))
    plain = {q: v.tolist() for q, v in columns.items()}
    keys = list(zip(*(v for q, v in plain.items() if q in chosen or len(set(v)) < len(v)), strict=True))  # names are all distinct
    if len(set(keys)) < len(keys):
        out.append(f"{len(keys) - len(set(keys))} rows repeat another row exactly; each counts as a measurement of its own")
    return tuple(out)
