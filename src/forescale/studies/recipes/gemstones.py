"""McLeish et al. 2025, Gemstones: 22 shapes along training, at half the learning rate, and cooled down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from .split import by_flops

FILES = {
    "main": "wandb_dfs/wandb_df_for_fitting_hot_100b+_477.jsonl",
    "half_lr": "wandb_dfs/wandb_df_for_fitting_lr_ablation_hot_477.jsonl",
    "cooldown": "wandb_dfs/wandb_df_for_fitting_cool_end.jsonl",
}
BEGIN = "wandb_dfs/wandb_df_for_fitting_cool_begin.jsonl"
HELD_OUT = {"main": 1.8634483357300084e21, "half_lr": 5.676294848584184e20, "cooldown": 6.560303908237785e20}  # top tenth of each
GPUS = 8  # of a node
# FLOP per token as the study counts them, forward and backward: (depth width^2, depth width, width). The first two are a block
# with grouped queries, a gated feed-forward of four widths and a context of 2048; the last is the head (50,304 tokens) and norm
FLOPS = (90.0, 21855.75, 301845.0)


def tables(file: Callable[[str], Path]) -> dict[str, pl.DataFrame]:
    begin = pl.read_ndjson(file(BEGIN)).sort("width", "depth", "step")
    parts = []
    for arm, path in FILES.items():
        raw = pl.read_ndjson(file(path)).with_columns(arm=pl.lit(arm), n=pl.int_range(pl.len()))
        raw = _branched(raw, begin) if arm == "cooldown" else raw
        parts.append(raw)
    raw = pl.concat(parts, how="diagonal")
    w, deep, d, n = (pl.col(c).cast(pl.Float64) for c in ("width", "depth", "tokens", "params_active_precise"))
    runs = raw.select(
        run=pl.col("arm") + "/" + pl.col("width").cast(pl.String) + "x" + pl.col("depth").cast(pl.String),
        arm="arm",
        params=n,
        tokens=d,
        flops=d * (FLOPS[0] * deep * w * w + FLOPS[1] * deep * w + FLOPS[2] * w),
        flops_6nd=6 * n * d,
        step="step",
        loss="final_loss",
        width="width",
        depth="depth",
        num_nodes="num_nodes",
        seconds_per_step="seconds_per_step",
        gpu_hours=pl.col("seconds_per_step") * pl.col("step") * pl.col("num_nodes") * GPUS / 3600,
        cooldown_from_step="from_step",
        loss_before_cooldown="from_loss",
        after_100b=pl.col("tokens") > 100.5e9,
    )
    return {"runs": by_flops(runs, pl.col("arm").replace_strict(HELD_OUT, return_dtype=pl.Float64))}


def _branched(end: pl.DataFrame, begin: pl.DataFrame) -> pl.DataFrame:
    """Each cooldown with the checkpoint of its own shape that it began at: the last one before its end."""
    columns = {"step": "from_step", "final_loss": "from_loss"}
    start = begin.select("width", "depth", at="step", **{v: k for k, v in columns.items()}).sort("at")
    joined = end.join(start, on=["width", "depth"]).filter(pl.col("at") < pl.col("step"))
    return (
        joined.sort("n", "at")
        .unique("n", keep="last", maintain_order=True)
        .drop("at")
        .with_columns(pl.col("from_step").cast(pl.Float64))
    )
