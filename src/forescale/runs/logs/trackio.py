"""Trackio: one sqlite file a project, metrics as a JSON object for every step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from .log import Collector, Log, flat, json_table, numbers
from .mlflow import _open


def is_trackio(columns: dict[str, set[str]]) -> bool:
    return {"run_name", "step", "metrics"} <= columns.get("metrics", set())


def read_trackio(path: Path) -> Iterator[Log]:
    """One log a run, in the order they began. The format does not say whether a run ended."""
    with _open(path) as db:
        key = "run_id" if any(r[1] == "run_id" for r in db.execute("PRAGMA table_info(metrics)")) else "run_name"
        try:
            runs = db.execute(f"SELECT {key}, MIN(run_name) FROM metrics GROUP BY {key} ORDER BY MIN(id)").fetchall()
        except sqlite3.DatabaseError as error:
            yield Log(path.stem, path, "trackio", notes=(f"the table of metrics cannot be read ({error})",), finished=False)
            return
        for run, name in runs:
            collect, notes, config = Collector(), [], {}
            try:
                for (text,) in db.execute(f"SELECT config FROM configs WHERE {key}=?", (run,)):
                    config = {k: v for k, v in flat(json_table(text) or {}).items() if not k.startswith("_")}
                for step, text in db.execute(f"SELECT step, metrics FROM metrics WHERE {key}=? ORDER BY step, id", (run,)):
                    table = json_table(text)
                    if table is None:
                        notes.append(f"the metrics of step {step} are no JSON and are left out")
                        continue
                    for metric, value in numbers(flat(table)).items():
                        collect.add(metric, step, value)
            except sqlite3.DatabaseError as error:
                notes.append(f"the store is damaged ({error}): what follows is not read")
            yield Log(name or str(run), path, "trackio", config, collect.series(), {}, False if notes else None, tuple(notes))
