"""Single cells of a table: what is a number, what is missing, what is a label."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from ..errors import InputError
from ..quantities import parse_number
from .headers import COUNTED

LABELS = {"run", "arm", "role", "group", "seed", "model", "language"}
RUNS = {"run_id", "run_name", "runid", "run id", "run name"}  # other names of the column that tells runs apart
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMAS = re.compile(r"[+-]?\d+(,\d+)+(\.\d*)?")
_MISSING = {"", "nan", "na", "n/a", "null", "none", "inf", "-inf", "+inf", "infinity"}


def number(value: Any, quantity: str, suffixes: bool) -> tuple[float | None, str | None]:
    """(number, None), (None, None) where it is missing or not finite, or (None, reason). `suffixes`: 7B is a number."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None, None
    if isinstance(value, bool):
        return None, "a truth value is no number"
    if isinstance(value, (int, float)):
        return float(value), None
    text = str(value).strip()
    if text.lower() in _MISSING:
        return None, None
    if _PLAIN.fullmatch(text):
        found = float(text)
        return (found, None) if math.isfinite(found) else (None, None)
    if quantity in COUNTED and "," not in text and "_" not in text:
        try:
            found = parse_number(text)
            return (found, None) if suffixes else (None, "a unit of its own beside that of the header")
        except InputError:
            pass
    hint = "; write it without commas, with a decimal point" if _COMMAS.fullmatch(text) else ""
    hint = (
        "; write it without the sign, per cent or a fraction throughout"
        if _PLAIN.fullmatch(text.removesuffix("%").strip())
        else hint
    )
    return None, f"not a number{hint}"


def as_is(values: list) -> np.ndarray:
    """A column we were not asked to understand: floats if every entry is a plain number, else text."""
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return np.array(values, float)
    texts = ["" if v is None else str(v) for v in values]
    if texts and all(_PLAIN.fullmatch(t) for t in texts):
        return np.array([float(t) for t in texts])
    return np.array(texts, dtype=object)


def is_label(name: str, values: list) -> bool:
    """Whether a column names things: one of LABELS, or texts none of which is a number."""
    texts = [v.strip() for v in values if isinstance(v, str) and v.strip().lower() not in _MISSING]
    return name in LABELS or (bool(texts) and not any(_PLAIN.fullmatch(t) for t in texts))
