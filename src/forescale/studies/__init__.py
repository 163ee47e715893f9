"""Studies: real runs to try a law on. Shipped inside, in a local folder (FORESCALE_STUDIES), or published and fetched once."""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..errors import InputError, one_of
from ..runs import Runs, read
from .catalogue import PUBLISHED, Published
from .download import fetch, kept

__all__ = ["PUBLISHED", "SHIPPED", "Published", "about", "fetch", "load", "names", "path", "tables"]
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
    """Every study at hand without a network: shipped, then of the local folder, then fetched before."""
    folder = _folder()
    local = sorted(p.parent.name for p in folder.glob("*/study.toml")) if folder else []
    fetched = [n for n in PUBLISHED if kept(n)]
    return tuple(dict.fromkeys((*SHIPPED, *local, *fetched)))


def _where(name: str) -> Any:
    if name in SHIPPED:
        return files(__name__) / name
    folder = _folder()
    if folder and (folder / name).is_dir() and (folder / name / "study.toml").is_file() and name == Path(name).name:
        return folder / name
    if name in PUBLISHED:
        return fetch(name)
    hint = "" if folder else f"; set {FOLDER} to a folder of studies for more"
    raise InputError(str(one_of("study", name, dict.fromkeys((*names(), *PUBLISHED)))) + hint)


def tables(name: str = "stdlib") -> tuple[str, ...]:
    """The tables of a study; all have `runs`."""
    return tuple(sorted(p.name.removesuffix(".parquet") for p in _where(name).iterdir() if p.name.endswith(".parquet")))


def load(name: str = "stdlib", table: str = "runs", **options: Any) -> Runs:
    """The runs of a study. `stdlib`: byte-level GPTs trained on the Python standard library (roles fit, held_out).

    `mup`, `weight_decay`, `cooldowns`, `annealing`, `arms`: sweeps of the same models, the tables behind docs/ladders.md.
    Others come from the folder named by FORESCALE_STUDIES, or are fetched from the repository of their authors at a pinned
    commit, checked, converted and kept: `chinchilla`, `misfitting`, `finetuning`, `gemstones`, `overtraining`,
    `observational`. `options` are those of `fs.read`: a study of scores has no loss and needs only=("score",).
    Raises InputError for a study or table that is not there, or cannot be fetched.
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
