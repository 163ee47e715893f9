"""Li et al. 2025, (Mis)Fitting: 12M to 1B models over token counts and learning rates, finals and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from .split import aside, by_flops

HELD_OUT = 1.1447268959854264e19  # FLOP; the top tenth of the final checkpoints
SHAPES = {  # width, depth
    "12m": (448, 5), "17m": (448, 7), "25m": (512, 8), "35m": (576, 9), "50m": (640, 10), "70m": (704, 12), "100m": (768, 14),
    "200m": (960, 18), "300m": (1152, 19), "400m": (1280, 20), "1b": (1792, 26),
}  # fmt: skip
CELL = ["model", "total_steps", "learning_rate"]


def tables(file: Callable[[str], Path]) -> dict[str, pl.DataFrame]:
    runs, curves = (_tidy(file(f"data/scaling_results{part}.csv")) for part in ("_last_ckpt_only", ""))
    twice = pl.struct(CELL).is_duplicated() | pl.struct("model", "total_steps", "loss").is_duplicated()
    runs = _named(runs, pl.int_range(pl.len())).with_columns(suspect=twice)
    good = pl.when(pl.col("suspect")).then(None).otherwise(pl.col("loss"))
    best = (good == good.min().over("model", "total_steps")).fill_null(False)
    # several runs of one cell stand one after the other: a step that is not beyond the last one begins the next run
    # (two runs were read a few steps past their end before the end itself)
    again = (pl.col("step").diff() <= 0) & (pl.col("portion").shift(1) <= 1)
    curves = _named(curves, again.fill_null(False).cum_sum().cast(pl.Int64))
    suspect = pl.col("run").is_in(runs.filter("suspect")["run"].to_list()) | (pl.col("portion") > 1)
    curves = curves.with_columns(suspect=suspect)
    done = {"runs": runs.with_columns(best_lr=best), "curves": curves.drop("replicate")}
    return {k: aside(by_flops(v, HELD_OUT), pl.col("suspect"), "suspect").drop("sweep") for k, v in done.items()}


def _named(frame: pl.DataFrame, replicate: pl.Expr) -> pl.DataFrame:
    """Adds run, a name for each run of a cell, and replicate, its number within the cell."""
    name = pl.format("{}/s{}/lr{}/{}", "model", "total_steps", "learning_rate", pl.col("sweep").str.replace("_sweep.*", ""))
    again = pl.when(pl.col("replicate") > 0).then("#" + pl.col("replicate").cast(pl.String)).otherwise(pl.lit(""))
    return frame.with_columns(replicate=replicate.over([*CELL, "sweep"])).with_columns(run=name + again)


def _tidy(path: Path) -> pl.DataFrame:
    """The columns under our names. `C` counts 6 N D and a constant attention term, `N` both embeddings."""
    raw = pl.read_csv(path, schema_overrides={"C": pl.Float64, "C_6ND": pl.Float64}, infer_schema_length=None)
    raw = raw.unique(maintain_order=True)  # one run is written twice
    model = pl.col("model").str.replace("misfitting_", "")
    return raw.select(
        arm=pl.format("lr{}", "peak_lr"),
        params=pl.col("N").cast(pl.Float64),
        tokens=pl.col("D").cast(pl.Float64),
        flops=pl.col("C").cast(pl.Float64),
        step=pl.col("current_steps"),
        loss=pl.col("loss"),
        model=model,
        params_no_embed=pl.col("N_no_emb").cast(pl.Float64),
        flops_no_embed=pl.col("C_no_emb").cast(pl.Float64),
        total_steps=pl.col("total_steps"),
        portion=pl.col("portion_steps_elapsed"),
        learning_rate=pl.col("peak_lr"),
        width=model.replace_strict({k: w for k, (w, _) in SHAPES.items()}, return_dtype=pl.Int64),
        depth=model.replace_strict({k: d for k, (_, d) in SHAPES.items()}, return_dtype=pl.Int64),
        sweep=pl.col("sweep"),
    )
