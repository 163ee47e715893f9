"""Hoffmann et al. 2022, Figure 4, as Besiroglu et al. 2024 read it off the figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from .split import aside, by_flops

BUDGETS = (6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21)  # FLOP of the isoFLOP groups
NEAR = 0.1  # a point within this share of a budget belongs to its group
HELD_OUT = 9e20  # FLOP; takes the group of 1e21 whole
OUTLIERS = 5  # rows of highest loss, which the authors' own fit leaves out


def tables(file: Callable[[str], Path]) -> dict[str, pl.DataFrame]:
    raw = pl.read_csv(file("data/svg_extracted_data.csv"))
    n, c = raw["Model Size"].to_numpy(), raw["Training FLOP"].to_numpy()
    off = np.abs(c[:, None] / np.array(BUDGETS) - 1)
    group = [BUDGETS[i] if d <= NEAR else None for i, d in zip(off.argmin(axis=1), off.min(axis=1), strict=True)]
    runs = pl.DataFrame(
        {
            "run": [f"fig4-{i:03d}" for i in range(len(raw))],
            "arm": ["chinchilla"] * len(raw),
            "params": n,
            "tokens": c / (6 * n),
            "flops": c,
            "loss": raw["loss"],
            "isoflop_budget": pl.Series(group, dtype=pl.Float64),
        }
    )
    outlier = pl.col("loss").rank("ordinal", descending=True) <= OUTLIERS
    return {"runs": aside(by_flops(runs, HELD_OUT), outlier, "outlier")}
