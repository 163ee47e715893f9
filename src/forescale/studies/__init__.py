"""Published studies: those that ship inside the package, and those of a local folder named by FORESCALE_STUDIES."""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..errors import InputError, one_of
from ..runs import Runs, read

SHIPPED = ("stdlib", "mup", "weight_decay", "cooldowns", "annealing", "arms")
FOLDER = "FORESCALE_STUDIES"


def _folder() -> Path | None:
    """The folder named by FORESCALE_STUDIES; each study is a folder in it with study.toml and runs.parquet."""
    given = os.environ.get(FOLDER)
    if not given:
        return None
    if not Path(given).is_dir():
        raise InputError(f"{FOLDER} names {given}, which is no folder")
    return Path(given)


def names() -> tuple[str, ...]:
    """Every study at hand: shipped, then local."""
    folder = _folder()
    local = sorted(p.parent.name for p in folder.glob("*/study.toml")) if folder else []
    return SHIPPED + tuple(n for n in local if n not in SHIPPED)


def _where(name: str) -> Any:
    if name in SHIPPED:
        return files(__name__) / name
    if name not in names():
        hint = "" if _folder() else f"; set {FOLDER} to a folder of studies for more"
        raise InputError(str(one_of("study", name, names())) + hint)
    return _folder() / name


def tables(name: str = "stdlib") -> tuple[str, ...]:
    """The tables of a study; all have `runs`."""
    return tuple(sorted(p.name.removesuffix(".parquet") for p in _where(name).iterdir() if p.name.endswith(".parquet")))


def load(name: str = "stdlib", table: str = "runs", **options: Any) -> Runs:
    """The runs of a study. `stdlib`: byte-level GPTs trained on the Python standard library (roles fit, held_out).

    `mup`, `weight_decay`, `cooldowns`, `annealing`, `arms`: sweeps of the same models, the tables behind docs/ladders.md.
    Others come from the folder named by FORESCALE_STUDIES. `options` are those of `fs.read`: a study of scores has no loss
    and needs only=("score",). Raises InputError for a study or table that is not there.
    """
    extra = {"loss": "train_loss"} if (name, table) == ("stdlib", "curves") else {}
    return read(path(name, table), **{**extra, **options})


def path(name: str, table: str = "runs") -> Any:
    """The Parquet file of a study's table."""
    if table not in tables(name):
        raise one_of(f"table of study {name}", table, tables(name))
    return _where(name) / f"{table}.parquet"


def about(name: str = "stdlib") -> dict:
    """What the study's study.toml says of it: title, licence, unit, how it was split, where it comes from."""
    return tomllib.loads((_where(name) / "study.toml").read_text())
