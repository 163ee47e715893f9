"""Tables that are no tables of runs: scores, pairs of losses, choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .cells import number
from .read import read_columns


def plain(source: Any, columns: Sequence[str], labels: Sequence[str] = (), gaps: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Every column of a table that must have `columns`, which are numbers, and `labels`, which are text.

    A number may be missing in `gaps` and in columns not asked for alone (NaN); a column not asked for that holds something else
    is text, a truth value counts as 0 or 1. Raises InputError naming file, row and column.
    """
    raw, name, _ = read_columns(source)
    missing = [c for c in (*labels, *columns) if c not in raw]
    if missing:
        raise InputError(f"{name} lacks {', '.join(missing)}; it has {', '.join(raw)}")
    texts = lambda values: np.array(["" if v is None else str(v) for v in values], dtype=object)
    return {c: texts(v) if c in labels else _column(v, c, name, c in columns, c in gaps) for c, v in raw.items()}


def _column(values: list, column: str, name: str, needed: bool, gaps: bool) -> np.ndarray:
    out = np.full(len(values), np.nan)
    for i, value in enumerate(values):
        truth = {"true": 1.0, "false": 0.0}.get(str(value).strip().lower())
        found, why = (truth, None) if truth is not None else number(value, column, suffixes=True)
        if why and not needed:
            return np.array(["" if v is None else str(v) for v in values], dtype=object)
        if why or (found is None and needed and not gaps):
            raise InputError(f"{name} row {i + 1}, column {column}: {value!r}: {why or 'no value'}; mend it or leave the row out")
        out[i] = np.nan if found is None else found
    return out
