"""The shipped study: byte-level GPTs on the Python standard library's source, five isoFLOP groups and one held out."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from .accounting import params
from .config import Config
from .corpus import standard_library
from .store import Planned, Store
from .trial import BUILT_IN

# (width, depth): about a factor 1.5 in parameters from one size to the next
SHAPES = (
    *((8, 1), (16, 1), (16, 2), (24, 1), (32, 1), (32, 2), (40, 2), (48, 2)),
    *((64, 2), (64, 3), (80, 3), (80, 4), (96, 4), (112, 5), (128, 5), (160, 6)),
)
SWEPT = SHAPES[:13]  # larger sizes take their learning rate from the power law through these
GROUPS = tuple(3e10 * 10 ** (k / 2) for k in range(6))  # FLOP budgets of the fitted isoFLOP groups, 6 N D
HELD_OUT = 4e13  # 4.2 times the largest fitted budget
SECOND_SEED = (GROUPS[2], GROUPS[4])  # groups trained with two seeds
TOKENS_PER_PARAM = {"fit": (1.5, 400.0), "held_out": (5.0, 80.0)}
CENTRE = (0.25, 0.5, 1.0, 2.0, 4.0)
MOST_RATES = 8


def _run(shape: tuple[int, int], tokens: float, rate: float, seed: int, role: str, budget: float) -> Planned:
    width, depth = shape
    batch = max(4, round(8 * (tokens / 4e5) ** 0.4)) * 128  # grows as tokens^0.4, as published for the best batch
    head = 16 if width % 16 == 0 else 8
    config = Config(width, depth, int(tokens), round(rate, 6), batch, seed, head_dim=head)
    n, seen = params(config), config.steps * batch
    counts = {"role": role, "budget": budget, "params": n, "tokens": seen, "steps": config.steps, "flops": 6.0 * n * seen}
    return Planned(config.to_dict(), counts, BUILT_IN)


def params_of(shape: tuple[int, int]) -> int:
    return _run(shape, 1e6, 1.0, 0, "", 0.0).counts["params"]


def centre(n: int) -> float:
    """Learning rate around which a size is swept."""
    return 8e-3 * (n / 3e4) ** -0.3


def sweep(shape: tuple[int, int], factors: tuple[float, ...] = CENTRE) -> list[Planned]:
    """Learning rates `factors` times the centre, at 20 tokens per parameter or 2.5e12 FLOP."""
    n = params_of(shape)
    tokens = min(20 * n, 2.5e12 / (6 * n))
    return [_run(shape, tokens, centre(n) * f, 0, "lr_sweep", 0.0) for f in factors]


def isoflop_group(budget: float, most: float, rate: Callable[[int], float], role: str) -> Iterator[Planned]:
    """The runs of one budget: every shape whose tokens per parameter are sensible and fit the corpus once."""
    low, high = TOKENS_PER_PARAM[role]
    for shape in SHAPES:
        n = params_of(shape)
        tokens = budget / (6 * n)
        if low <= tokens / n <= high and tokens <= most:
            for seed in (0, 1) if budget in SECOND_SEED else (0,):
                yield _run(shape, tokens, rate(n), seed, role, budget)


def ladder(most: float, rate: Callable[[int], float]) -> list[Planned]:
    """Every isoFLOP run, small budgets first, the held-out group last."""
    runs = [r for budget in GROUPS for r in isoflop_group(budget, most, rate, "fit")]
    return runs + list(isoflop_group(HELD_OUT, most, rate, "held_out"))


def dry_run() -> list[Planned]:
    """Every planned run, with the learning rates the sweep starts from."""
    return [r for s in SWEPT for r in sweep(s)] + ladder(len(standard_library().train), centre)


def _losses(store: Store, runs: list[Planned]) -> list[float]:
    found = {r["key"]: r["result"]["rows"][0]["loss"] for r in store.rows() if r["state"] == "finished"}
    return [found.get(r.key, math.nan) for r in runs]


def _best_rate(runs: list[Planned], losses: list[float]) -> float:
    """Vertex of the parabola in log rate through the best point and its neighbours."""
    ok = sorted((r.config["learning_rate"], v) for r, v in zip(runs, losses, strict=True) if math.isfinite(v))
    i = min(max(min(range(len(ok)), key=lambda j: ok[j][1]), 1), len(ok) - 2)
    x, y = np.log([p[0] for p in ok[i - 1 : i + 2]]), np.array([p[1] for p in ok[i - 1 : i + 2]])
    a, b, _ = np.polyfit(x, y, 2)
    return float(np.exp(np.clip(-b / (2 * a), x[0], x[-1]))) if a > 0 else ok[i][0]


def _train(store: Store, runs: list[Planned], workers: int) -> None:
    from .local import run_local

    store.add(runs)
    run_local(store, [r.key for r in runs], workers)


def tune(store: Store, workers: int) -> tuple[list[Planned], list[tuple[int, float]]]:
    """Sweep the learning rate per size; where the best lies at an edge the sweep grows until it does not."""
    factors = dict.fromkeys(SWEPT, CENTRE)
    while True:
        runs = {s: sweep(s, factors[s]) for s in SWEPT}
        _train(store, [r for s in SWEPT for r in runs[s]], workers)
        losses = {s: _losses(store, runs[s]) for s in SWEPT}
        before = dict(factors)
        for s in SWEPT:
            best = int(np.nanargmin(losses[s]))
            if len(factors[s]) < MOST_RATES and best in (0, len(factors[s]) - 1):
                factors[s] = tuple(sorted((*factors[s], factors[s][best] * (0.5 if best == 0 else 2.0))))
        if factors == before:
            return [r for s in SWEPT for r in runs[s]], [(params_of(s), _best_rate(runs[s], losses[s])) for s in SWEPT]


def fit_learning_rate(points: list[tuple[int, float]]) -> Callable[[int], float]:
    """Power law through the best learning rates: points are (params, best rate); returns params -> rate."""
    slope, offset = np.polyfit(*np.log(np.array(points, float)).T, 1)
    return lambda n: math.exp(offset + slope * math.log(n))


def build(folder: Path, workers: int = 2) -> None:
    """Tune, train everything, write the study into `folder`; what is finished there is not trained again."""
    store = Store(folder)
    swept, rates = tune(store, workers)
    print("best learning rates:", ", ".join(f"{n:,}: {r:.3g}" for n, r in rates), file=sys.stderr, flush=True)
    runs = ladder(len(standard_library().train), fit_learning_rate(rates))
    _train(store, runs, workers)
    write_study(store, [*runs, *swept], folder)


def write_study(store: Store, runs: list[Planned], folder: Path) -> None:
    """Write `runs.parquet` (one row a run), `curves.parquet` (training loss, at most 40 points a run), `study.toml`."""
    import polars as pl

    corpus, table, curves = standard_library(), [], []
    for run, loss in zip(runs, _losses(store, runs), strict=True):
        c, counts = run.config, run.counts
        name = f"{counts['role']}-w{c['width']}d{c['depth']}-t{c['tokens']}-lr{c['learning_rate']:g}-s{c['seed']}"
        picked = {k: counts[k] for k in ("role", "params", "tokens", "flops")}
        settings = {k: c[k] for k in ("width", "depth", "batch_size", "learning_rate", "seed")}
        rest = {"isoflop_budget": counts["budget"] or None, "steps": counts["steps"], "held_out": counts["role"] == "held_out"}
        table.append({"run": name, "loss": loss, **picked, **settings, **rest})
        for p in store.points(run.key):
            curves.append({"run": name, "step": p["step"], "tokens": p["tokens"], "train_loss": p["train_loss"]})
    pl.DataFrame(table).sort("role", "flops", "params", "learning_rate", "seed").write_parquet(
        folder / "runs.parquet", compression="zstd"
    )
    pl.DataFrame(curves).with_columns(pl.col("train_loss").cast(pl.Float32)).write_parquet(
        folder / "curves.parquet", compression="zstd"
    )
    text = STUDY.format(files=corpus.files, train=len(corpus.train), valid=len(corpus.valid), sha=corpus.sha256)
    (folder / "study.toml").write_text(text)


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
