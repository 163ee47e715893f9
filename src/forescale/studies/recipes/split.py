"""Which rows a law is fitted on and which it must predict, where the study itself holds nothing out."""

from __future__ import annotations

import polars as pl


def by_flops(frame: pl.DataFrame, threshold: float | pl.Expr, gap: float = 3.0) -> pl.DataFrame:
    """Adds held_out (flops at or above the threshold) and role: fit, held_out, or gap within a factor `gap` below it."""
    top = threshold if isinstance(threshold, pl.Expr) else pl.lit(threshold)
    role = pl.when(pl.col("flops") >= top).then(pl.lit("held_out")).when(pl.col("flops") >= top / gap).then(pl.lit("gap"))
    return frame.with_columns(role=role.otherwise(pl.lit("fit"))).with_columns(held_out=pl.col("role") == "held_out")


def aside(frame: pl.DataFrame, which: pl.Expr, role: str) -> pl.DataFrame:
    """Gives the rows `which` a role of their own: they are neither fitted nor predicted."""
    named = pl.when(which).then(pl.lit(role)).otherwise(pl.col("role"))
    return frame.with_columns(role=named).with_columns(held_out=pl.col("role") == "held_out")
