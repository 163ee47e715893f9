"""Published studies. For now the one that ships inside the package."""

from __future__ import annotations

from importlib.resources import files

from ..errors import one_of
from ..runs import Runs, read

SHIPPED = ("stdlib",)


def load(name: str = "stdlib", table: str = "runs") -> Runs:
    """The runs of a study. `stdlib`: byte-level GPTs trained on the Python standard library (roles fit, held_out)."""
    if name not in SHIPPED:
        raise one_of("study", name, SHIPPED)
    return read(files(__name__) / name / f"{table}.parquet", **({"loss": "train_loss"} if table == "curves" else {}))


def about(name: str = "stdlib") -> dict:
    """What the study's study.toml says of it."""
    import tomllib

    if name not in SHIPPED:
        raise one_of("study", name, SHIPPED)
    return tomllib.loads((files(__name__) / name / "study.toml").read_text())
