"""Run the standard-library ladder on a process pool and write the study. Resumable: finished runs are kept."""

from __future__ import annotations

import json
import math
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from .corpus import standard_library
from .spec import CONTEXT, SHAPES, RunSpec, fit_learning_rate, ladder, params_of, sweep, sweep_centre

SWEPT = SHAPES[:13]  # larger sizes take their learning rate from the power law through these
_corpus = None


def _work(run: RunSpec) -> dict:
    """In a worker: one thread, so that two workers do not fight over two cores."""
    import torch

    from .trainer import train

    global _corpus
    torch.set_num_threads(1)
    _corpus = _corpus or standard_library()
    return train(run, _corpus)


def _load(store: Path) -> dict[str, dict]:
    if not store.exists():
        return {}
    done = {}
    for line in store.read_text().splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue  # a line cut by a kill: that run is trained again
        done[record["key"]] = record
    return done


def _run_all(runs: list[RunSpec], store: Path, workers: int) -> list[dict]:
    """Train what the store lacks, append each result as it ends, return all records in the order asked."""
    done = _load(store)
    waiting = [r for r in runs if r.key not in done]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool, store.open("a") as out:
        futures = {pool.submit(_work, r): r for r in waiting}
        for count, future in enumerate(as_completed(futures), 1):
            run = futures[future]
            record = {"key": run.key, **asdict(run), "params": run.params, "steps": run.steps, "flops": run.flops}
            record |= future.result()
            done[run.key] = record
            out.write(json.dumps(record) + "\n")
            out.flush()
            print(
                f"{count}/{len(waiting)} {run.role} N={run.params:,} C={run.flops:.2e} lr={run.learning_rate:g} "
                f"loss={record['loss']:.4f} {record['seconds']:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return [done[r.key] for r in runs]


def _best_rate(records: list[dict]) -> float:
    """Vertex of the parabola in log rate through the best point and its neighbours."""
    ok = sorted((r["learning_rate"], r["loss"]) for r in records if math.isfinite(r["loss"]))
    i = min(max(min(range(len(ok)), key=lambda j: ok[j][1]), 1), len(ok) - 2)
    x, y = np.log([p[0] for p in ok[i - 1 : i + 2]]), np.array([p[1] for p in ok[i - 1 : i + 2]])
    a, b, _ = np.polyfit(x, y, 2)
    return float(np.exp(np.clip(-b / (2 * a), x[0], x[-1]))) if a > 0 else ok[i][0]


def tune(store: Path, workers: int) -> list[tuple[int, float]]:
    """Sweep the learning rate per size; where the best lies at an edge the sweep grows until it does not."""
    factors = {shape: [0.25, 0.5, 1.0, 2.0, 4.0] for shape in SWEPT}
    while True:
        runs = {s: sweep(s, tuple(sorted(factors[s]))) for s in SWEPT}
        _run_all([r for s in SWEPT for r in runs[s]], store, workers)
        done, grown = _load(store), False
        for s in SWEPT:
            losses = [done[r.key]["loss"] for r in runs[s]]
            best = int(np.nanargmin(losses))
            if best == 0 and len(losses) < 8:
                factors[s].append(min(factors[s]) / 2)
                grown = True
            elif best == len(losses) - 1 and len(losses) < 8:
                factors[s].append(max(factors[s]) * 2)
                grown = True
        if not grown:
            return [(params_of(s), _best_rate([done[r.key] for r in runs[s]])) for s in SWEPT]


def dry_run() -> list[RunSpec]:
    """Every planned run, with the learning rates the sweep starts from."""
    corpus = standard_library()
    swept = [r for s in SWEPT for r in sweep(s, (0.25, 0.5, 1.0, 2.0, 4.0))]
    return swept + ladder(len(corpus.train), sweep_centre)


def build(folder: Path, workers: int = 2) -> list[dict]:
    """Tune, train everything, return all records; `folder/runs.jsonl` is the resumable store."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "runs.jsonl"
    corpus = standard_library()
    rates = tune(store, workers)
    print("best learning rates:", ", ".join(f"{n:,}: {r:.3g}" for n, r in rates), file=sys.stderr, flush=True)
    runs = ladder(len(corpus.train), fit_learning_rate(rates))
    _run_all(runs, store, workers)
    return list(_load(store).values())


def write_study(records: list[dict], folder: Path) -> None:
    """Write `runs.parquet` (one row a run), `curves.parquet` (training loss, at most 40 points a run), `study.toml`."""
    import polars as pl

    folder.mkdir(parents=True, exist_ok=True)
    corpus = standard_library()
    order = {"fit": 0, "held_out": 1, "lr_sweep": 2}
    records = sorted(records, key=lambda r: (order[r["role"]], r["budget"], r["params"], r["learning_rate"], r["seed"]))
    runs, curves = [], []
    for r in records:
        name = f"{r['role']}-w{r['width']}d{r['depth']}-t{r['tokens']}-lr{r['learning_rate']:g}-s{r['seed']}"
        tokens = r["steps"] * r["batch_sequences"] * CONTEXT
        runs.append(
            {
                "run": name,
                "seed": r["seed"],
                "role": r["role"],
                "params": r["params"],
                "tokens": tokens,
                "flops": r["flops"],
                "isoflop_budget": r["budget"] or None,
                "loss": r["loss"],
                "width": r["width"],
                "depth": r["depth"],
                "steps": r["steps"],
                "batch_size": r["batch_sequences"] * CONTEXT,
                "learning_rate": r["learning_rate"],
                "held_out": r["role"] == "held_out",
            }
        )
        for step, loss in r["curve"]:
            curves.append({"run": name, "step": step, "tokens": step * r["batch_sequences"] * CONTEXT, "train_loss": loss})
    pl.DataFrame(runs).write_parquet(folder / "runs.parquet", compression="zstd")
    pl.DataFrame(curves).with_columns(pl.col("train_loss").cast(pl.Float32)).write_parquet(
        folder / "curves.parquet", compression="zstd"
    )
    (folder / "study.toml").write_text(
        STUDY.format(files=corpus.files, train=len(corpus.train), valid=len(corpus.valid), sha=corpus.sha256)
    )


STUDY = """slug = "stdlib"
title = "Byte-level GPTs on the source of the Python standard library, trained for forescale"
licence = "Apache-2.0"
unit = "nats/byte"
counts = "params counts everything once, the tied embedding included; flops = 6 * params * tokens; a token is a byte"
split = "role == 'fit' is fitted; held_out is the isoFLOP group 4.2 times above; lr_sweep tuned the learning rate"

[corpus]
files = {files}
train_bytes = {train}
validation_bytes = {valid}
sha256 = "{sha}"
"""
