"""Inputs of a table and of its targets: those told in other words, those that have no logarithm, and what orders rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..runs import Runs
from .general import is_resource

UNTOLD = 0.2  # share of the variance of log compute that inputs may leave open where targets are placed by what they tell of it
SHARES = {"share", "shares", "proportion", "proportions", "fraction", "fractions", "frac", "mixture"}
PER_PARAM = {"tokens_per_param", "tokens_per_params", "tokens_per_parameter", "tpp"}
LIKE = 0.01  # how far a column of tokens may lie from params times a ratio that is to tell it
FEWEST = 4  # rows that a power law of compute is told from
LOGS = 2.5  # one standard deviation of a linear input counts as so many natural logarithms
END = 300.0  # logs of a linear input: targets beyond are absurd, and finite


def by_ratio(runs: Runs, points: Mapping, notes: list[str]) -> tuple[Runs, dict[str, np.ndarray]]:
    """Tokens where they are told as tokens per parameter: laws speak of params and tokens."""
    name = next((n for n in points if n.lower() in PER_PARAM), None)
    if name is None or "params" not in points or "tokens" in points or "params" not in runs.columns:
        return runs, dict(points)
    tokens = runs["params"] * runs[name]
    if "tokens" in runs.columns and not np.nanmax(np.abs(runs["tokens"] / tokens - 1)) < LIKE:
        return runs, dict(points)
    notes.append(f"tokens taken as params times {name}")
    told = {("tokens" if n == name else n): v * points["params"] if n == name else v for n, v in points.items()}
    return runs if "tokens" in runs.columns else replace(runs, columns={**runs.columns, "tokens": tokens}), told


def by_compute(runs: Runs, points: Mapping, notes: list[str]) -> dict[str, np.ndarray]:
    """The tokens (or params) of targets told by their flops, as the table counts these."""
    one = {"params", "tokens"} & set(points)
    if "flops" not in points or len(one) != 1 or {"width", "depth"} & set(points):
        return dict(points)
    given, other = one.pop(), "tokens" if "params" in points else "params"
    have = runs.numbers(("params", "tokens", "flops"))
    usual = float(np.nanmedian(have["flops"] / (6 * have["params"] * have["tokens"])))
    own = "" if abs(usual - 1) < LIKE else f" / {usual:.3g}, as this table counts"
    notes.append(f"{other} of the target taken as flops / (6 {given}){own}")
    return {**points, other: points["flops"] / (6 * usual * points[given])}


def is_spare(points: Mapping) -> bool:
    """Whether other inputs tell the flops of a target, so that these only order the rows."""
    return "flops" in points and any(known <= set(points) for known in ({"params", "tokens"}, {"width", "depth", "tokens"}))


def linear(inputs: tuple[str, ...], x: np.ndarray, x_new: np.ndarray, keep: np.ndarray, notes: list[str]) -> tuple:
    """Inputs that have no logarithm or are one already (zeros, shares of a mixture, names such as log_flops) enter as
    exp of the standardised value: what is a power of other inputs is an exponential of these. Shares of a mixture sum to one, or
    are called so and never sum to more."""
    rows = x[keep]
    bad = (rows <= 0).any(axis=0)
    bad |= np.array([n.lower().startswith("log") for n in inputs])
    shares = ((rows >= 0) & (rows <= 1)).all(axis=0)
    called = shares & np.array([bool(SHARES & set(n.lower().split("_"))) for n in inputs])
    for some, least in ((shares, 1.0), (called, 0.0)):
        total = rows[:, some].sum(axis=1)
        if some.sum() > 1 and (total > least - 1e-3).all() and (total < 1 + 1e-3).all():
            bad |= some
    names, x, x_new = list(inputs), x.copy(), x_new.copy()
    for j in np.flatnonzero(bad):
        middle, wide = rows[:, j].mean(), rows[:, j].std() or 1.0
        slope = LOGS / wide
        names[j] = f"exp({slope:.4g}*({inputs[j]}-{middle:.4g}))"
        x[:, j], x_new[:, j] = (np.exp(np.clip(slope * (v[:, j] - middle), -END, END)) for v in (x, x_new))
    if bad.any():
        notes.append(f"{', '.join(inputs[j] for j in np.flatnonzero(bad))}: taken as linear, not as logarithm")
    return tuple(names), x, x_new


def ordered(runs: Runs, x, x_new, inputs, order: str | None, points: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """What orders rows: compute where it is known, else the product of the inputs that are extrapolated."""
    if order and order in points and order in runs.columns:
        return runs[order].astype(float), points[order]
    if order and order not in points:
        raise InputError(f"scale {order!r} needs its value at the target: give {order}=...")
    told = "flops" in runs.columns and "flops" not in points and not {"params", "tokens"} <= set(inputs)
    if told and (known := _compute(runs, x, x_new)):
        return known
    logs, logs_new = np.log(np.where(x > 0, x, np.nan)), np.log(x_new)
    if len(inputs) == 1:
        sign = np.ones(1) if np.median(logs_new) >= np.nanmedian(logs) else -np.ones(1)
    elif {"params", "tokens"} <= set(inputs):
        sign = np.array([float(n in ("params", "tokens")) for n in inputs])
    else:
        sign = np.array([float(is_resource(n)) for n in inputs])
        sign[[n == "width" and "depth" in inputs for n in inputs]] = 2.0  # parameters go as depth times width squared
        if not sign.any():  # unknown inputs: those that are extrapolated, in the direction they are
            sign = 1.0 * (logs_new.max(axis=0) > np.nanmax(logs, axis=0)) - 1.0 * (logs_new.min(axis=0) < np.nanmin(logs, axis=0))
    size, size_new = np.exp(logs @ sign), np.exp(logs_new @ sign)
    if {"params", "tokens"} <= set(inputs):
        if "flops" in runs.columns:  # the table's own accounting orders its rows; targets follow at its usual ratio to 6ND
            ratio = float(np.nanmedian(runs["flops"] / (6 * size)))
            return runs["flops"].astype(float), 6 * size_new * ratio
        return 6 * size, 6 * size_new
    return size, size_new


def _compute(runs: Runs, x: np.ndarray, x_new: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The table's own FLOP of its rows, and by a power law in the inputs that of targets; None where these do not tell it."""
    flops = runs["flops"]
    known = np.isfinite(x).all(axis=1) & (x > 0).all(axis=1)
    if flops.dtype.kind != "f" or not (np.isfinite(flops) & (flops > 0)).all() or known.sum() < FEWEST:
        return None
    logs = np.column_stack([np.ones(len(x)), np.log(np.where(x > 0, x, 1.0))])
    c, root = np.log(flops), np.where(known, (flops / flops.max()) ** 0.25, 0.0)  # weights C^0.5
    by = np.linalg.lstsq(logs * root[:, None], c * root, rcond=None)[0]
    left, spread = (np.average(np.square(v), weights=root**2) for v in (c - logs @ by, c - np.average(c, weights=root**2)))
    if left > UNTOLD * spread:
        return None
    return flops.astype(float), np.exp(by[0] + np.log(x_new) @ by[1:])
