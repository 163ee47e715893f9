"""What a tracker wrote about one run, whatever the tracker: settings, series by metric, how it ended."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Log:
    """One run. `series` maps a metric to (steps, values), in the order written; `config` is flat, keys joined by dots.

    `summary` holds final values that the tracker states itself. `finished` is None where the format does not say.
    `notes` say what could not be read: a truncated log is read up to its last whole record.
    """

    name: str
    path: Path
    format: str
    config: Mapping[str, Any] = field(default_factory=dict)
    series: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    summary: Mapping[str, float] = field(default_factory=dict)
    finished: bool | None = None
    notes: tuple[str, ...] = ()

    def last(self, metric: str) -> float | None:
        """The value at the metric's largest step, else what the summary says."""
        if metric in self.series and len(self.series[metric][0]):
            steps, values = self.series[metric]
            return float(values[len(steps) - 1 - int(np.argmax(steps[::-1]))])
        return self.summary.get(metric)


class Collector:
    """Gathers points as they are read; numbers only: text, truth values and pictures are no metrics."""

    def __init__(self) -> None:
        self.points: dict[str, tuple[array, array]] = {}

    def add(self, metric: str, step: float, value: Any) -> None:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                steps, values = self.points[metric]
            except KeyError:
                steps, values = self.points.setdefault(metric, (array("d"), array("d")))
            steps.append(step)
            values.append(value)

    def series(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        return {k: (np.array(s), np.array(v)) for k, (s, v) in self.points.items()}


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """A nested table as one level, keys joined by dots; W&B's {value: ...} wrappers are taken off."""
    if isinstance(value, Mapping):
        if set(value) <= {"value", "desc"} and "value" in value and prefix:
            return flat(value["value"], prefix)
        out: dict[str, Any] = {}
        for key, inner in value.items():
            out |= flat(inner, f"{prefix}.{key}" if prefix else str(key))
        return out
    return {prefix: value} if prefix else {}


def numbers(table: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a flat table."""
    fine = lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)
    return {k: float(v) for k, v in table.items() if fine(v)}


def json_table(text: str) -> dict[str, Any] | None:
    """A JSON object, or None where the text is none (cut off, or something else)."""
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def whole_lines(path: Path) -> tuple[Iterable[str], tuple[str, ...]]:
    """The lines of a text file that end in a newline, and a note where the last one does not: it may have lost digits."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    lines = text.split("\n")
    notes = (f"the last line is cut off and left out: {lines[-1][:40]!r}",) if lines[-1].strip() else ()
    return lines[:-1], notes
