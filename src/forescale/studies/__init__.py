"""Published studies. For now those that ship inside the package: the ladder `stdlib`, and four small ones on how to train."""

from __future__ import annotations

from importlib.resources import files

from ..errors import InputError, one_of
from ..runs import Runs, read

SHIPPED = ("stdlib", "mup", "weight_decay", "cooldowns", "annealing")


def load(name: str = "stdlib", table: str = "runs") -> Runs:
    """The runs of a study. `stdlib`: byte-level GPTs trained on the Python standard library (roles fit, held_out).

    `mup`, `weight_decay`, `cooldowns`, `annealing`: sweeps of the same models, the tables behind docs/ladders.md. `table` is
    runs, or curves where the study has them (stdlib, annealing).
    """
    if name not in SHIPPED:
        raise one_of("study", name, SHIPPED)
    path = files(__name__) / name / f"{table}.parquet"
    if not path.is_file():
        raise InputError(f"study {name} has no table {table!r}")
    return read(path, **({"loss": "train_loss"} if (name, table) == ("stdlib", "curves") else {}))


def about(name: str = "stdlib") -> dict:
    """What the study's study.toml says of it."""
    import tomllib

    if name not in SHIPPED:
        raise one_of("study", name, SHIPPED)
    return tomllib.loads((files(__name__) / name / "study.toml").read_text())
