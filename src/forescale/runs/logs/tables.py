"""Step tables: Lightning and litgpt `metrics.csv`, W&B chart CSVs, and history exported as Parquet or JSONL."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .log import Collector, Log, flat, numbers, whole_lines

STEPS = ("step", "_step", "global_step", "trainer/global_step", "iter", "iteration")
CHART = " - "  # W&B charts name their columns `run - metric`


def _step_column(columns: list[str]) -> str | None:
    lower = {c.lower(): c for c in columns}
    return next((lower[s] for s in STEPS if s in lower), None)


def is_step_csv(path: Path) -> bool:
    """A CSV whose rows are steps of one run, or a chart of several."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = next(csv.reader([file.readline()]), [])
    return (path.name == "metrics.csv" and _step_column(head) is not None) or (bool(head) and any(CHART in c for c in head[1:]))


def read_step_csv(path: Path) -> Iterator[Log]:
    lines, notes = whole_lines(path)
    rows = list(csv.reader(io.StringIO("\n".join(lines).removeprefix("\ufeff"))))
    if not rows:
        yield Log(_named(path), path, "csv", notes=("it holds no whole line",), finished=False)
        return
    head, notes = rows[0], list(notes)
    step = _step_column(head) or head[0]
    at = head.index(step)
    collectors: dict[str, Collector] = {}
    for number, row in enumerate(rows[1:], 2):
        where = _float(row[at]) if len(row) == len(head) else None
        if where is None or not math.isfinite(where):
            notes.append(f"line {number} does not fit the header: what follows is not read")
            break
        for name, cell in zip(head, row, strict=True):
            value = _float(cell)
            if name == step or value is None or name.endswith(("__MIN", "__MAX")):
                continue
            run, _, metric = name.partition(CHART)
            if not metric:
                run, metric = _named(path), name
            collectors.setdefault(run, Collector()).add(metric, where, value)
    for run, collect in collectors.items():
        yield Log(run, path, "csv", {}, collect.series(), {}, False if notes else None, tuple(notes))


def _named(path: Path) -> str:
    """Lightning writes NAME/version_0/metrics.csv."""
    parent = path.parent
    return f"{parent.parent.name}/{parent.name}" if parent.name.startswith("version_") else parent.name or path.stem


def _float(text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        return None


def is_history(path: Path) -> bool:
    """Parquet or JSONL whose rows carry a step (and no run's size: that would be a table of runs)."""
    if not path.is_file():
        return False
    if path.suffix == ".jsonl":
        with path.open(encoding="utf-8", errors="replace") as file:
            first = file.readline()
        try:
            row = json.loads(first)
        except (json.JSONDecodeError, RecursionError):
            return False
        return isinstance(row, dict) and _step_column(list(row)) is not None and "params" not in row
    if path.suffix == ".parquet":
        import polars as pl

        try:
            names = list(pl.read_parquet_schema(path))
        except (pl.exceptions.PolarsError, OSError):
            return False
        return _step_column(names) in ("_step", "global_step", "trainer/global_step")
    return False


def read_history(path: Path) -> Log:
    collect, notes = Collector(), []
    if path.suffix == ".parquet":
        import polars as pl

        rows: list[Mapping[str, Any]] = pl.read_parquet(path).to_dicts()
    else:
        lines, cut = whole_lines(path)
        rows, notes = [], list(cut)
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line) if line.strip() else None
            except (json.JSONDecodeError, RecursionError):
                notes.append(f"line {number} is no JSON: what follows is not read")
                break
            if isinstance(row, dict):
                rows.append(row)
    step = _step_column(list(rows[0])) if rows else None
    for row in rows:
        if step is None or not isinstance(row.get(step), (int, float)):
            continue
        values = flat(row) if path.suffix == ".jsonl" else numbers(flat(row))  # a Parquet's NaN is what was not logged
        for metric, value in values.items():
            if metric != step and metric not in ("_runtime", "_timestamp"):
                collect.add(metric, row[step], value)
    return Log(path.stem, path, path.suffix[1:], {}, collect.series(), {}, False if notes else None, tuple(notes))
