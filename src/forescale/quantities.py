"""The quantities runs are made of: unit, aliases, and how numbers such as 7B or 5.76e23 are read and written."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .errors import InputError

PF_DAY = 8.64e19  # FLOP in a petaFLOP/s-day


@dataclass(frozen=True)
class Quantity:
    """A named column. `aliases` are other spellings found in the wild, matched without case."""

    name: str
    symbol: str
    unit: str
    aliases: tuple[str, ...] = ()
    positive: bool = True


QUANTITIES = {
    q.name: q
    for q in (
        Quantity(
            "params",
            "N",
            "parameters",
            ("n", "n_params", "num_params", "parameters", "model_size", "model_params", "size", "nparams"),
        ),
        Quantity(
            "tokens",
            "D",
            "tokens",
            ("d", "n_tokens", "num_tokens", "total_tokens", "training_tokens", "train_tokens", "tokens_seen", "ntokens"),
        ),
        Quantity(
            "flops",
            "C",
            "FLOP",
            ("c", "compute", "total_flops", "total_flos", "training_flops", "training_flop", "train_flops", "flop"),
        ),
        Quantity(
            "loss",
            "L",
            "nats/token",
            ("val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "final_loss", "l"),
        ),
        Quantity("steps", "S", "optimizer steps", ("step", "s", "n_steps", "total_steps", "global_step", "iterations")),
        Quantity("batch_size", "B", "tokens per step", ("batch", "b", "batch_tokens", "global_batch_size")),
        Quantity("learning_rate", "eta", "1", ("lr", "peak_lr", "max_lr")),
        Quantity("weight_decay", "lambda", "1", ("wd",), positive=False),
        Quantity("width", "w", "units", ("d_model", "hidden_size", "n_embd", "hidden_dim")),
        Quantity("depth", "l", "layers", ("n_layers", "num_layers", "n_layer", "num_hidden_layers")),
    )
}

SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12, "p": 1e15, "pf-days": PF_DAY, "pf-day": PF_DAY}
_NUMBER = re.compile(r"\s*([+-]?(?:\d[\d_,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z-]*)\s*", re.IGNORECASE)
UNIT_WORDS = {"flop", "flops", "tokens", "token", "params", "parameters", "steps", "bytes"}


def canonical(name: str) -> str:
    """The quantity's own name for an alias such as `batch` or `N`; any other name as it is."""
    if name not in QUANTITIES:
        for q in QUANTITIES.values():
            if name.lower() in q.aliases:
                return q.name
    return name


def unit_of(name: str) -> str:
    return QUANTITIES[name].unit if name in QUANTITIES else "as given"


def parse_number(text: str | float, what: str = "number") -> float:
    """Read `7B`, `1.4T`, `256k`, `5.76e23`, `3 PF-days` or a plain number.

    Raises InputError for anything else, and for what is not finite. `m` and `M` both mean million.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        value = float(text)
    else:
        match = _NUMBER.fullmatch(str(text))
        suffix = match[2].lower() if match else ""
        if suffix in UNIT_WORDS:
            suffix = ""
        if not match or suffix not in SUFFIXES:
            raise InputError(f"{what}: cannot read {text!r} as a number; write it like 7B, 1.4T, 256k or 5.76e23")
        value = float(match[1].replace(",", "").replace("_", "")) * SUFFIXES[suffix]
    if not math.isfinite(value):
        raise InputError(f"{what}: {text!r} is not finite")
    return value


def parse_positive(text: str | float, what: str) -> float:
    value = parse_number(text, what)
    if value <= 0:
        raise InputError(f"{what}: {text!r} must be above zero")
    return value


def tails(level: float, name: str = "level") -> tuple[float, float]:
    """Shares of a distribution below the two ends of its central interval at `level`; InputError unless it lies within (0, 1)."""
    if not 0 < level < 1:
        percent = f"; write {level / 100:g} for {level:g} %" if 1 < level < 100 else ""
        raise InputError(f"{name} must lie between 0 and 1, got {level}{percent}")
    return 0.5 - level / 2, 0.5 + level / 2


def format_number(value: float, digits: int = 3) -> str:
    """Write a count as people read it: 70B, 1.4T, 5.76e+23 beyond 1e15."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    for limit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if limit * 0.9995 <= size < 1e15:
            return f"{value / limit:.{digits}g}{suffix}"
    return f"{value:.{digits}g}"
