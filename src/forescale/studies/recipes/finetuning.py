"""Lin et al. 2024, Selecting Large Language Model to Fine-tune: test loss by number of fine-tuning examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

MODELS = 14  # those that SLDBench (arXiv:2507.21184) keeps, named below
SIZES = [200 * 2**k for k in range(13)]  # 200 to 819,200 examples; the largest is held out
DATASETS = ("flan", "gigaword", "wmt19")


def tables(file: Callable[[str], Path]) -> dict[str, pl.DataFrame]:
    parts = []
    for dataset in DATASETS:
        raw = pl.read_csv(file(f"benchmark/{dataset}.csv")).rename({"config name": "model", "size": "params"})
        raw = raw.filter(pl.col("model").is_in(KEPT))
        long = raw.unpivot(
            [str(s) for s in SIZES], index=["model", "params"], variable_name="sft_data_size", value_name="sft_loss"
        )
        parts.append(long.with_columns(dataset=pl.lit(dataset), sft_data_size=pl.col("sft_data_size").cast(pl.Int64)))
    all_of = pl.concat(parts)
    group = pl.col("model") + "/" + pl.col("dataset")
    runs = all_of.with_columns(
        run=group + "/" + pl.col("sft_data_size").cast(pl.String),
        group=group,
        held_out=pl.col("sft_data_size") == SIZES[-1],
    )
    return {"runs": runs.select("run", "group", "model", "dataset", "params", "sft_data_size", "sft_loss", "held_out")}


KEPT = (
    "MBZUAI/LaMini-GPT-124M",
    "MBZUAI/LaMini-GPT-774M",
    "cerebras/Cerebras-GPT-1.3B",
    "cerebras/Cerebras-GPT-256M",
    "facebook/bart-base",
    "facebook/bart-large",
    "facebook/opt-1.3b",
    "facebook/opt-350m",
    "facebook/opt-6.7b",
    "google/mt5-base",
    "google/mt5-large",
    "gpt2",
    "t5-base",
    "t5-small",
)
