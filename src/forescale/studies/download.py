"""Fetching a published study: its files at the pinned commit, checked, made into tidy tables, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from ..errors import InputError
from .catalogue import PUBLISHED, checksums

HOST = "https://raw.githubusercontent.com"
MIRROR = "FORESCALE_MIRROR"  # another place that serves owner/repository/commit/path
SCHEMA = 1  # of study.toml and the way tables are written


def cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("forescale") / "studies"


def kept(name: str) -> Path | None:
    """Where a study's tables are kept, or None where it has not been fetched (or its recipe has changed since)."""
    place = cache() / name / _version(name)
    return place if (place / "study.toml").is_file() else None


def fetch(name: str, progress: Callable[[float], None] = lambda share: None) -> Path:
    """The folder of a published study's tables; fetched once, from then on without a network.

    Raises InputError where the files cannot be reached or are not those whose checksums the package carries.
    """
    if (found := kept(name)) is not None:
        return found
    study, raw = PUBLISHED[name], cache() / name / PUBLISHED[name].commit
    base = f"{os.environ.get(MIRROR, HOST).rstrip('/')}/{study.repo}/{study.commit}/"
    _download(name, raw, base, progress)
    tables = import_module(f".recipes.{name}", __package__).tables(lambda path: raw / path)
    return _keep(name, tables)


def _download(name: str, raw: Path, base: str, progress: Callable[[float], None]) -> None:
    import pooch

    pooch.get_logger().setLevel("ERROR")
    sums = {path: f"sha256:{sha}" for path, sha in checksums(name).items()}
    files_ = pooch.create(raw, base, registry=sums, retry_if_failed=2)
    try:
        for i, path in enumerate(sums):
            files_.fetch(path)
            progress((i + 1) / len(sums))
    except ValueError as error:  # the checksum
        raise InputError(f"study {name}: {path} at {base} is not what was published: its checksum differs") from error
    except OSError as error:  # requests' errors are OSErrors
        where = f"{path} cannot be fetched from {base} ({type(error).__name__})"
        raise InputError(f"study {name}: {where}; connect, or name a local copy with FORESCALE_STUDIES") from error


def _version(name: str) -> str:
    """Changes with the data, the recipe and what recipes share."""
    here = files(__package__)
    parts = [PUBLISHED[name].commit, str(SCHEMA)]
    parts += [(here / "recipes" / f"{part}.py").read_text() for part in (name, "split")]
    return "tables-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _keep(name: str, tables: dict) -> Path:
    study, place = PUBLISHED[name], cache() / name / _version(name)
    place.mkdir(parents=True, exist_ok=True)
    for table, frame in tables.items():
        frame.write_parquet(place / f"{table}.parquet")
    lines = {"slug": name, "title": study.title, "licence": study.licence, "unit": study.unit, "ref": study.ref}
    lines |= {"repo": study.repo, "commit": study.commit}
    text = "".join(f'{k} = "{v}"\n' for k, v in lines.items())
    (place / "study.toml").write_text(text)  # last: it says that the tables are whole
    return place
