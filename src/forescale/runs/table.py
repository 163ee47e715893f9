"""Runs: the tidy table of what was measured, checked on the way in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..quantities import QUANTITIES, canonical, format_number
from ..shown import Shown
from .cells import RUNS, as_is, is_label, number
from .headers import named, scale
from .read import Columns, read_columns
from .remarks import cut, left_out, stopped

COUNTS = "6ND"


@dataclass(frozen=True)
class Runs(Shown):
    """Columns of equal length: numbers as float arrays, everything else as text.

    `dropped` lists (row, reason) of rows left out, `counts` how FLOPs are counted, `sha256` the data's hash.
    Row numbers are those of the data: the first row below the header is row 1.
    """

    columns: Mapping[str, np.ndarray]
    source: str = "memory"
    sha256: str = ""
    counts: str = COUNTS
    dropped: tuple[tuple[int, str], ...] = ()
    warnings: tuple[str, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)
    ambiguous: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {k: np.asarray(v) for k, v in self.columns.items()}
        columns = {k: v.astype(float) if v.dtype.kind in "iu" else v for k, v in columns.items()}
        sizes = {k: v.shape for k, v in columns.items()}
        if any(len(size) != 1 for size in sizes.values()) or len(set(sizes.values())) > 1:
            told = ", ".join(f"{k} {'x'.join(map(str, size)) or 'single'}" for k, size in sizes.items())
            raise InputError(f"{self.source}: columns must be lists of one length, got {told}")
        object.__setattr__(self, "columns", columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> np.ndarray:
        """A column, by its name or by another spelling of the quantity that it was read as."""
        if name not in self.columns and canonical(name) in self.columns:
            return self.columns[canonical(name)]
        if name in self.ambiguous and name not in self.columns:
            raise InputError(_which(self.source, name, self.ambiguous[name]))
        if name not in self.columns:
            have = ", ".join(self.columns)
            raise InputError(f"{self.source} has no column {name!r}; it has {have}; map one with {name}=COLUMN")
        return self.columns[name]

    def numbers(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Columns as floats; a missing one of params, tokens, flops follows from the others as C = 6 N D."""
        return {n: self[n] if n in self.columns else self._derived(canonical(n)) for n in names}

    def filled(self, names: Sequence[str]) -> Runs:
        """The same rows with these columns, missing ones as `numbers` has them."""
        return replace(self, columns={**self.columns, **self.numbers(names)})

    def _derived(self, name: str) -> np.ndarray:
        have = self.columns
        if name in self.ambiguous:
            return self[name]
        if name == "flops" and {"params", "tokens"} <= set(have):
            return 6.0 * have["params"] * have["tokens"]
        other = {"tokens": "params", "params": "tokens"}.get(name)
        if other in have and "flops" in have:
            return have["flops"] / (6.0 * have[other])
        return self[name]

    def where(self, mask: np.ndarray) -> Runs:
        """The rows where mask holds."""
        return replace(self, columns={k: v[np.asarray(mask, bool)] for k, v in self.columns.items()})

    def best(self, inputs: Sequence[str] = ("params", "tokens"), target: str = "loss", high: bool = False) -> Runs:
        """Of rows alike in all inputs (a sweep of rates) the one of the lowest target, or the highest; a warning says so."""
        from .alike import best

        keep, said = best(self, inputs, np.ones(len(self), bool), target, high)
        return replace(self.where(keep), warnings=(*self.warnings, *said))

    def role(self, name: str) -> Runs:
        """The rows of one role (fit, held_out, ...)."""
        return self.where(self["role"] == name)

    def to_frame(self) -> Any:
        import polars as pl

        return pl.DataFrame(dict(self.columns))

    def summary(self) -> str:
        lines = [f"{len(self)} rows from {self.source}"]
        for name, values in self.columns.items():
            if values.dtype.kind == "f" and len(values):
                unit = QUANTITIES[name].unit if name in QUANTITIES else ""
                low, high = format_number(values.min(), 4), format_number(values.max(), 4)
                lines.append(f"  {name:14} {low} to {high} {unit}")
        return "\n".join(lines + [f"  warning: {w}" for w in self.warnings])

    def _repr_html_(self) -> str:
        return self.to_frame()._repr_html_()


def read(source: Any, drop_bad: bool = False, only: Sequence[str] | None = None, growing: bool = False, **mapping: str) -> Runs:
    """Read runs from a CSV, Parquet, JSON or JSONL file or any dataframe.

    `mapping` names the column of a quantity where the name is not its own or a known alias:
    read("runs.csv", params="n_params", loss="val_loss"), or of a label: arm="optimizer". A header may say what it counts in:
    `Params (M)`.
    Rows whose loss or input is missing, NaN or infinite are left out and listed. Text that is no number, and values at or below
    zero, are errors unless `drop_bad`.
    `only` names the columns that matter (default: loss and every recognised quantity): rows are left out for those
    alone, no loss is needed, and a column that is no known quantity may be zero or negative.
    `growing`: the file is still being written, so that a last line without an end is left out.
    Raises InputError naming file, row and column.
    """
    raw, name, digest = read_columns(source, growing)
    chosen, ambiguous = _choose(raw, mapping, name, only)
    count = len(next(iter(raw.values())))
    bad: dict[int, str] = {}
    columns: dict[str, np.ndarray] = {}
    for quantity, column in chosen.items():
        if quantity not in (*QUANTITIES, *(only or ())) and is_label(quantity, raw[column]):
            columns[quantity] = columns[column] = as_is(raw[column])  # a label keeps its own name, too
            continue
        matters = only is None or quantity in only or quantity in mapping
        signed = only is not None and quantity in only
        dropped_here = bad if matters else {}
        columns[quantity] = _numbers(raw[column], quantity, column, name, dropped_here, drop_bad or not matters, signed)
    for column, values in raw.items():
        if column not in chosen.values() and column not in columns:
            columns[column] = as_is(values)
    keep = np.ones(count, bool)
    keep[list(bad)] = False
    if not keep.any():
        raise InputError(f"{name}: no usable row; the first: row {min(bad) + 1}, {bad[min(bad)]}")
    runs = Runs({k: v[keep] for k, v in columns.items()}, name, digest, mapping=chosen, ambiguous=ambiguous)
    dropped = tuple((i + 1, why) for i, why in sorted(bad.items()))
    return replace(
        runs, dropped=dropped, warnings=left_out(runs.columns, chosen, dropped) + stopped(raw, keep) + cut(source, growing)
    )


@dataclass(frozen=True)
class Look:
    """What a table holds before it is read as runs: `first` entries of each column, `groups` the distinct entries of columns
    that have 2 to 50 texts, `candidates` the columns that could be each quantity."""

    rows: int
    first: Mapping[str, tuple]
    groups: Mapping[str, tuple[str, ...]]
    candidates: Mapping[str, tuple[str, ...]]
    sha256: str


def look(source: Any, entries: int = 3) -> Look:
    """The columns of a file or dataframe and the candidates for every known quantity, nothing read as runs yet."""
    raw, _, digest = read_columns(source)
    first = {c: tuple(v[:entries]) for c, v in raw.items()}
    found = {q: tuple(named(raw, q)) for q in QUANTITIES}
    groups = {c: tuple(sorted(set(map(str, v)))) for c, v in raw.items() if as_is(v).dtype.kind == "O"}
    groups = {c: names for c, names in groups.items() if 2 <= len(names) <= 50}
    return Look(len(next(iter(raw.values()))), first, groups, {q: c for q, c in found.items() if c}, digest)


def _choose(
    raw: Columns, mapping: Mapping[str, str], name: str, only: Sequence[str] | None
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Which column holds which quantity: the map first, then the quantity's own name, then its aliases.

    Also the quantities with several candidates: an error as soon as one of them is asked for.
    """
    chosen: dict[str, str] = {}
    ambiguous: dict[str, list[str]] = {}
    for quantity, column in mapping.items():
        if column not in raw:
            raise InputError(f"{name} has no column {column!r} (mapped to {quantity}); it has {', '.join(raw)}")
        chosen[quantity] = column
    for quantity in only or ():
        if quantity not in QUANTITIES and quantity not in chosen:
            if quantity not in raw:
                raise InputError(f"{name} has no column {quantity!r}; it has {', '.join(raw)}; map one with {quantity}=COLUMN")
            chosen[quantity] = quantity
    for quantity in QUANTITIES:
        if quantity in chosen:
            continue
        found = [c for c in named(raw, quantity) if c == quantity or c not in chosen.values()]
        if len(found) > 1:
            ambiguous[quantity] = found
        elif found:
            chosen[quantity] = found[0]
    runs = [c for c in raw if c.strip().lower() in RUNS and c not in chosen.values()]
    if len(runs) == 1 and "run" not in (*raw, *chosen):
        chosen["run"] = runs[0]
    if only is not None:
        return chosen, ambiguous
    if "loss" in ambiguous:
        raise InputError(_which(name, "loss", ambiguous["loss"]))
    if "loss" not in chosen:
        raise InputError(f"{name} has no loss column; it has {', '.join(raw)}; map one with loss=COLUMN")
    return chosen, ambiguous


def _which(name: str, quantity: str, found: Sequence[str]) -> str:
    return f"{name}: {', '.join(found)} could all be {quantity}; say which with {quantity}={found[0]}"


def _numbers(values: list, quantity: str, column: str, name: str, bad: dict, drop_bad: bool, signed: bool) -> np.ndarray:
    out = np.full(len(values), np.nan)
    positive = QUANTITIES[quantity].positive if quantity in QUANTITIES else not signed
    factor = scale(column, quantity)
    for i, value in enumerate(values):
        found, why = number(value, quantity, suffixes=factor == 1)
        if why is None and found is None:
            bad.setdefault(i, f"{column} is {value!r}")
            continue
        if why is None and positive and found <= 0:
            why = f"{quantity} must be above zero"
        if why is None:
            out[i] = found * factor
        elif drop_bad:
            bad.setdefault(i, f"{column} is {value!r}")
        else:
            raise InputError(
                f"{name} row {i + 1}, column {column}: {value!r}: {why}; mend it, map another column to "
                f"{quantity}, or leave such rows out with drop_bad (--drop-bad)"
            )
    return out
