"""How a result shows itself: as text, in a notebook, as JSON."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

MARKED = ("warning:", "flag:", "undecided")


def plain(value: Any) -> Any:
    """Numbers, texts, lists and tables of them that JSON knows; what is not finite becomes null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (bool, str, int)) or value is None:
        return value
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(vars(value))
    return str(value)


class Shown:
    """A result with `summary()`: a terminal and `print` show the summary, a notebook shows it with its warnings marked."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__repr__" not in vars(cls):  # a dataclass writes its own into each class that has none: pages of arrays
            cls.__repr__ = Shown.__repr__

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        lines = self.summary().splitlines()
        said = [escape(line) for line in lines if not line.strip().startswith(MARKED)]
        marked = [escape(line.strip()) for line in lines if line.strip().startswith(MARKED)]
        box = "border-left:3px solid #d55e00;padding:.1em .6em;margin:.2em 0"
        return "<pre>" + "\n".join(said) + "</pre>" + "".join(f'<div style="{box}">{line}</div>' for line in marked)

    def to_dict(self) -> dict:
        return dict(vars(self))

    def to_json(self, path: str | Path | None = None) -> str:
        """JSON of `to_dict()`, also written to `path` where one is given; what is not finite is null."""
        text = json.dumps(plain(self.to_dict()))
        if path is not None:
            Path(path).write_text(text)
        return text
