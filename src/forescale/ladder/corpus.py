"""The source text of the Python standard library as a byte corpus, split by file."""

from __future__ import annotations

import hashlib
import sysconfig
from dataclasses import dataclass
from pathlib import Path

VALIDATION_SHARE = 1 / 16


@dataclass(frozen=True)
class Corpus:
    """Byte strings of the training and validation files and what identifies them.

    `train` and `valid` hold whole files joined by a zero byte; `sha256` covers the relative
    path and the content of every file, so two machines can tell whether they trained on the same text.
    """

    train: bytes
    valid: bytes
    files: int
    sha256: str


def _in_validation(relative: str) -> bool:
    """Split by a hash of the path: a file is wholly on one side, on every machine the same."""
    return int(hashlib.sha256(relative.encode()).hexdigest()[:8], 16) < VALIDATION_SHARE * 2**32


def standard_library(root: Path | None = None) -> Corpus:
    """Read every `.py` file of the running Python's standard library (site-packages left out)."""
    root = Path(root or sysconfig.get_paths()["stdlib"])
    digest, train, valid = hashlib.sha256(), [], []
    paths = sorted(p for p in root.rglob("*.py") if "site-packages" not in p.parts)
    if not paths:
        raise FileNotFoundError(f"no .py files under {root}: this Python ships its library without sources")
    for path in paths:
        relative, text = path.relative_to(root).as_posix(), path.read_bytes()
        digest.update(relative.encode() + b"\0" + text)
        (valid if _in_validation(relative) else train).append(text)
    return Corpus(b"\0".join(train), b"\0".join(valid), len(paths), digest.hexdigest())
