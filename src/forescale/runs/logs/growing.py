"""The loss by step of one run that may still be writing its log: a table, or whatever else `scan` knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, one_of
from ..read import is_path
from ..table import Runs, read
from .log import Log
from .scan import scan
from .tidy import closest, losses

TABLES = {".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"}
ROWS = 12  # a metric with fewer is read only where none has more
RATES = ("learning_rate", "lr")
NOT_FINITE = ("nan", "nan'", "inf", "inf'", "infinity'")  # how `dropped` words it
MAPPED = ("loss", "learning_rate", "batch_size")  # what a metric of a log can be read as


@dataclass(frozen=True)
class Growing:
    """`runs` has columns steps and loss, and learning_rate and batch_size where the log tells them; `until` where it says so."""

    runs: Runs
    until: float | None = None


def follow(source: Any, run: str | None = None, mapping: Mapping[str, str] | None = None) -> Growing:
    """A log file or folder, Runs or a dataframe. `run` names one of several; `mapping` says which column or metric is the loss
    (or, of a table, the steps).

    The last line of a file that is still being written is left out where it has no end. Rows whose loss is not finite are left
    out and told of. Raises InputError where there is no log, several runs, or no loss.
    """
    mapping = dict(mapping or {})
    logs = _scanned(Path(source), mapping) if is_path(source) else None
    if logs is None:
        table = source if isinstance(source, Runs) else read(source, only=("steps", "loss"), growing=True, **mapping)
        return Growing(_own(_told(table), run))
    return _growing(Path(source), logs, run, mapping)


def _growing(place: Path, logs: list[Log], run: str | None, mapping: Mapping[str, str]) -> Growing:
    log = _one(logs, place, run)
    for quantity, name in mapping.items():
        if quantity not in MAPPED:
            raise one_of("quantity of a log", quantity, MAPPED)
        if name not in log.series:
            near = ", ".join(closest(name, sorted(log.series)))
            raise InputError(f"{quantity}={name}: no metric of that name; there are {near}")
    metric, notes = (mapping["loss"], []) if "loss" in mapping else _metric(log)
    steps, loss = log.series[metric]
    order = np.argsort(steps, kind="stable")
    steps, loss = steps[order], loss[order]
    fine = np.isfinite(loss)
    if (loss[fine] <= 0).any():
        bad = int(np.flatnonzero(fine & (loss <= 0))[0])
        raise InputError(f"{place.name}: {metric} is {loss[bad]:g} at step {steps[bad]:.0f}; a loss is above zero")
    notes += _broken(steps, fine, metric)
    columns = {"steps": steps, "loss": loss} | _beside(log, steps, mapping)
    until = log.config.get("max_steps")  # as the Trainer's state names it; -1 where it is not told
    table = Runs({k: v[fine] for k, v in columns.items()}, place.name, warnings=(*notes, *log.notes))
    return Growing(table, float(until) if isinstance(until, (int, float)) and until > 0 else None)


def _scanned(place: Path, mapping: Mapping[str, str]) -> list[Log] | None:
    """The logs there, or None where it is a plain table."""
    plain = place.suffix.lower() in TABLES and place.is_file()
    if plain and "steps" in mapping:
        return None
    try:
        return scan(place)
    except InputError:
        if plain:
            return None
        raise


def _told(table: Runs) -> Runs:
    """With a warning where the last rows were left out for a loss that is not finite."""
    last, ends = len(table) + len(table.dropped), 0
    for row, why in reversed(table.dropped):
        if row != last - ends or not why.lower().endswith(NOT_FINITE):
            break
        ends += 1
    note = f"{_diverged('loss')} in the last {'row' if ends == 1 else f'{ends} rows'}"
    return replace(table, warnings=(note, *table.warnings)) if ends else table


def _own(table: Runs, run: str | None) -> Runs:
    """The rows of one run."""
    label = table["run"].astype(str) if "run" in table.columns else np.array([])
    names = list(dict.fromkeys(label.tolist()))
    if run is None and len(names) < 2:
        return table
    return table.where(label == _named(names, table.source, run))


def _one(logs: list[Log], place: Path, run: str | None) -> Log:
    own = [log for log in logs if log.series]
    if not own:
        raise InputError(f"{place.name}: no number by step in it{''.join('; ' + n for log in logs for n in log.notes)}")
    if len(own) == 1 and run is None:
        return own[0]
    name = _named([log.name for log in own], place.name, run)
    found = [log for log in own if log.name == name]
    if len(found) > 1:
        raise InputError(
            f"{place.name} holds {len(found)} logs of {name}: {', '.join(str(g.path) for g in found)}; give one of them"
        )
    return found[0]


def _named(names: list[str], source: str, run: str | None) -> str:
    if run is None or run not in names:
        shown = f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
        held = f"{len(names)} run{'s' if len(names) > 1 else ''}: {shown}" if names else "no column that tells runs apart"
        raise InputError(f"{source} holds {held}; " + ("name one with run=NAME (--run)" if run is None else f"none is {run!r}"))
    return run


def _metric(log: Log) -> tuple[str, list[str]]:
    """The series that is the loss: a validation loss before a training loss, if it has rows enough."""
    count = {k: len(s) for k, (s, _) in log.series.items()}
    found = [k for k in losses(log) if count.get(k)]
    if not found:
        raise InputError(f"{log.path.name}: no known loss among {', '.join(sorted(count)[:8])}; say which with loss=NAME")
    chosen = next((k for k in found if count[k] >= ROWS), max(found, key=lambda k: count[k]))
    others = "".join(f"; {k} has {count[k]}" for k in found if k != chosen)
    return chosen, [f"the loss is {chosen}, {count[chosen]} rows{others}"]


def _broken(steps: np.ndarray, fine: np.ndarray, metric: str) -> list[str]:
    if fine.all():
        return []
    whole = np.flatnonzero(fine)
    if not len(whole):
        raise InputError(f"{metric} is finite at no step; there is nothing to forecast from")
    after = len(fine) - 1 - whole[-1]
    out = [f"{_diverged(metric)} from step {steps[whole[-1] + 1]:.0f} on"] if after else []
    between = (~fine).sum() - after
    return out + ([f"{between} rows left out: {metric} is not finite there"] if between else [])


def _diverged(metric: str) -> str:
    return f"this run may have diverged, and the forecast is of what it was before: {metric} is not finite"


def _beside(log: Log, steps: np.ndarray, mapping: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Learning rate and batch size at the loss's steps, where they are logged: the last value up to each."""
    leaf = {k.replace(".", "/").rpartition("/")[2].lower(): k for k in log.series}
    out = {}
    for quantity, names in (("learning_rate", RATES), ("batch_size", ("batch_size",))):
        name = mapping.get(quantity) or next((leaf[n] for n in names if n in leaf), None)
        if name is not None:
            at, value = log.series[name]
            order = np.argsort(at, kind="stable")
            place = np.clip(np.searchsorted(at[order], steps, side="right") - 1, 0, len(at) - 1)
            out[quantity] = value[order][place]
    return out
