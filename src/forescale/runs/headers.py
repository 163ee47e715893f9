"""What the header of a column says: which quantity it names, and what its numbers are counted in."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..quantities import QUANTITIES, SUFFIXES, UNIT_WORDS

COUNTED = ("params", "tokens", "flops", "batch_size", "steps")
SMALLEST = {"params": 1e3, "tokens": 1e4, "flops": 1e6}  # a table whose largest is below counts in millions or the like
_WORDS = {"thousand": 1e3, "million": 1e6, "mn": 1e6, "billion": 1e9, "bn": 1e9, "trillion": 1e12}
_FLOP = {"e": 1e18, "z": 1e21, "y": 1e24}
_BRACKETED = re.compile(r"(.*?)[\s_]*[(\[]\s*(?:in\s+)?([^()\[\]]*?)\s*[)\]]\s*")
_ENDING = re.compile(r"(.+?)[\s_](?:in[\s_])?((?:thousand|million|billion|trillion)s?)")
_LETTER = re.compile(r"(.+?)_([MB])")  # of params and tokens alone: the B of batch_B is a symbol
_POWER = re.compile(r"(?:x\s*)?(?:1e|10\^)\+?(\d+)")


def named(columns: Iterable[str], quantity: str) -> list[str]:
    """Columns that bear the quantity's name, or else an alias, or else either in other writing: `val/loss`, `Params (M)`."""
    columns, known = list(columns), (quantity, *QUANTITIES[quantity].aliases)
    if quantity in columns:
        return [quantity]
    return [c for c in columns if c.lower() in known] or [c for c in columns if _spelled(c, quantity) in known]


def _spelled(column: str, quantity: str) -> str:
    bare, factor = _parted(column, quantity)
    plain = re.sub(r"[\s/.-]+", "_", bare.strip().lower())
    return plain if len(plain) > 1 and (factor == 1 or quantity in COUNTED) else ""


def scale(column: str, quantity: str) -> float:
    """What the numbers of a column are multiplied by: 1e6 for `Params (M)`; 1 where the header names no unit."""
    return _parted(column, quantity)[1] if quantity in COUNTED else 1.0


def _parted(column: str, quantity: str) -> tuple[str, float]:
    """The header without its unit, and the unit's size: 1 for a symbol or a bare word; the header as it is if it is unknown."""
    if match := _BRACKETED.fullmatch(column):
        q = QUANTITIES[quantity]
        plain = match[2] == q.symbol or match[2].lower() in (q.unit.lower(), q.unit.split("/")[0].lower())
        factor = 1.0 if plain else _size(match[2])
        return (match[1], factor) if factor else (column, 1.0)
    if match := _ENDING.fullmatch(column) or (quantity in ("params", "tokens") and _LETTER.fullmatch(column)):
        return match[1], _size(match[2]) or 1.0
    return column, 1.0


def _size(unit: str) -> float | None:
    low = unit.lower().replace("\u00d7", "x").strip()
    of_flop = low.endswith(("flop", "flops"))
    for word in sorted(UNIT_WORDS, key=len, reverse=True):
        low = low.removesuffix(word).removesuffix(" of").strip()
    if power := _POWER.fullmatch(low):
        return 10.0 ** int(power[1])
    known = SUFFIXES | _WORDS | {w + "s": v for w, v in _WORDS.items()} | (_FLOP if of_flop else {})
    return known.get(low)


def unit_warnings(ranges: dict[str, float], columns: dict[str, str]) -> list[str]:
    """One line for each quantity that was scaled by its header, or whose largest value is too small to be a plain count."""
    out = []
    for quantity, largest in ranges.items():
        factor = scale(columns[quantity], quantity)
        if factor != 1:
            out.append(f"column {columns[quantity]!r} is read as {quantity}, times {factor:g}")
        elif largest < SMALLEST.get(quantity, 0.0):
            unit = QUANTITIES[quantity].unit
            hint = f"if the column counts in millions, say so in its header: '{quantity} (M)'"
            out.append(f"{quantity} is {largest:g} {unit} at the largest; {hint}")
    return out
