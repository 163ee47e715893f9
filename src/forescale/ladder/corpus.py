"""Text to train on: the standard library's source, text files, or a Hugging Face data set; split by document."""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

VALIDATION_SHARE = 1 / 16
FEW = 32  # with fewer documents than this the split is made inside each


@dataclass(frozen=True)
class Corpus:
    """Byte strings of the training and validation documents and what identifies them.

    Documents are joined by a zero byte; `sha256` covers the name and the content of every document, so two machines can
    tell whether they trained on the same text.
    """

    train: bytes
    valid: bytes
    files: int
    sha256: str


def _place(name: str) -> float:
    """A document's place between 0 and 1, by a hash of its name: on every machine the same."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32


def split(documents: Iterable[tuple[str, bytes]]) -> Corpus:
    """A corpus from (name, content) pairs; where documents are few, the last sixteenth of each is held out.

    Elsewhere a document is wholly on one side, and whatever the names at least one document is held out.
    """
    digest, pairs = hashlib.sha256(), list(documents)
    held_out = max(VALIDATION_SHARE, min((_place(name) for name, text in pairs if text), default=0.0))
    train, valid = [], []
    for name, text in pairs:
        digest.update(name.encode() + b"\0" + text)
        if len(pairs) < FEW:
            cut = len(text) - int(len(text) * VALIDATION_SHARE)
            train.append(text[:cut])
            valid.append(text[cut:])
        else:
            (valid if _place(name) <= held_out else train).append(text)
    return Corpus(b"\0".join(train), b"\0".join(valid), len(pairs), digest.hexdigest())


def standard_library(root: Path | None = None) -> Corpus:
    """Every `.py` file of the running Python's standard library (site-packages left out)."""
    root = Path(root or sysconfig.get_paths()["stdlib"])
    paths = sorted(p for p in root.rglob("*.py") if "site-packages" not in p.parts)
    if not paths:
        raise InputError(f"no .py files under {root}: this Python ships its library without sources")
    return split((p.relative_to(root).as_posix(), p.read_bytes()) for p in paths)


def _files(pattern: str) -> Iterator[tuple[str, bytes]]:
    path = Path(pattern)
    base = path if path.is_dir() else path.parent
    found = sorted(p for p in (base.rglob("*") if path.is_dir() else base.glob(path.name)) if p.is_file())
    if not found:
        raise InputError(f"no text files at {pattern!r}: give a file, a folder or a pattern such as texts/*.txt")
    for p in found:
        yield p.relative_to(base).as_posix(), p.read_bytes()


def _hub(name: str) -> Iterator[tuple[str, bytes]]:
    """`datasets:NAME[:COLUMN]`; NAME as `datasets.load_dataset` takes it, or a folder written by `save_to_disk`."""
    try:
        import datasets
    except ImportError:
        raise InputError(f"data 'datasets:{name}' needs the library datasets: pip install datasets") from None
    name, _, column = name.partition(":")
    try:
        found = datasets.load_from_disk(name) if Path(name).is_dir() else datasets.load_dataset(name, split="train")
    except (OSError, ValueError) as error:  # no network, no such name, no such split
        raise InputError(f"data set {name} cannot be read: {str(error).partition(chr(10))[0]}") from None
    if isinstance(found, datasets.DatasetDict):
        if "train" not in found:
            raise InputError(f"data set {name} has no split train; it has {', '.join(found)}: save the one to train on alone")
        found = found["train"]
    column = column or "text"
    if column not in found.column_names:
        raise InputError(f"data set {name} has no column {column!r}; it has {', '.join(found.column_names)}")
    for i, text in enumerate(found[column]):
        if not isinstance(text, str):
            raise InputError(f"row {i} of column {column!r} of data set {name} holds {type(text).__name__}, not text")
        yield str(i), text.encode()  # not the folder's name: saved elsewhere it is the same data, split the same way


def load(data: str) -> Corpus:
    """`stdlib`, `datasets:NAME[:COLUMN]`, or a file, folder or pattern. Raises InputError where nothing is found."""
    if data == "stdlib":
        return standard_library()
    corpus = split(_hub(data.removeprefix("datasets:")) if data.startswith("datasets:") else _files(data))
    if len(corpus.valid) < 2:
        raise InputError(f"data {data!r} holds only {len(corpus.train)} bytes: too little to hold a sixteenth out")
    return corpus
