"""Ruan et al. 2024, Observational Scaling Laws: benchmark scores of public models against size, data and compute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

CUTOFF = 8.4e22  # FLOP, Llama-2 7B: the authors fit on models up to it
SUITES = {  # suite: (kind of model, file)
    "base_benchmark": ("base", "eval_results/base_llm_benchmark_eval.csv"),
    "emergent": ("base", "eval_results/base_llm_emergent_capability_eval.csv"),
    "leaderboard_v2": ("base", "eval_results/base_llm_leaderboard_v2_eval.csv"),
    "post_training": ("base", "eval_results/base_llm_post_training_eval.csv"),
    "instruct_benchmark": ("instruct", "eval_results/instruct_llm_benchmark_eval.csv"),
    "agent": ("instruct", "eval_results/instruct_llm_agent_eval.csv"),
}
ABOUT = {"Model Family": "arm", "Model Size (B)": "params", "Pretraining Data Size (T)": "tokens", "FLOPs (1E21)": "flops"}
UNIT = {"params": 1e9, "tokens": 1e12, "flops": 1e21}


def tables(file: Callable[[str], Path]) -> dict[str, pl.DataFrame]:
    raw = {suite: pl.read_csv(file(path), infer_schema_length=None) for suite, (_, path) in SUITES.items()}
    about = pl.concat([_about(raw["base_benchmark"]), _about(raw["instruct_benchmark"])]).unique("run", keep="first")
    parts = []
    for suite, (kind, _) in SUITES.items():
        scores = raw[suite].rename({"Model": "run"}).drop(*ABOUT, strict=False)
        scores = scores.with_columns(pl.exclude("run").cast(pl.Float64))
        long = scores.unpivot(index="run", variable_name="eval", value_name="score").drop_nulls("score")
        parts.append(long.with_columns(suite=pl.lit(suite), kind=pl.lit(kind)))
    runs = pl.concat(parts).join(about, on="run", how="left", maintain_order="left")
    held = (pl.col("flops") > CUTOFF).fill_null(False)
    role = (
        pl.when(pl.col("flops").is_null()).then(pl.lit("no_flops")).when(held).then(pl.lit("held_out")).otherwise(pl.lit("fit"))
    )
    runs = runs.with_columns(role=role, held_out=held)
    return {"runs": runs.select("run", "arm", "params", "tokens", "flops", "kind", "suite", "eval", "score", "held_out", "role")}


def _about(raw: pl.DataFrame) -> pl.DataFrame:
    frame = raw.select(run="Model", **{new: old for old, new in ABOUT.items()})
    return frame.with_columns(**{k: (pl.col(k).cast(pl.Float64) * unit) for k, unit in UNIT.items()})
