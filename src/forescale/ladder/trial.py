"""The trial protocol: what a training function is given, and how it says that a run went wrong.

    def trial(config, report, checkpoint) -> dict

`config` is a dict of the run's settings. `report(step, **metrics)` records a point; it raises Stopped where the run was
cancelled or given to another worker. `checkpoint.read()` gives the bytes last written, or None; `checkpoint.write(bytes)`
replaces them; `checkpoint.due()` says whether it is time to. The dict returned holds `loss`, or `rows`, one dict for each
duration that the run served. Any framework will do: nothing here imports one.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ..errors import ForescaleError, InputError

BUILT_IN = "forescale.ladder.trainer:train"


class Diverged(ForescaleError):
    """The loss is not finite or has left the range of a run that trains; the message says which."""


class Stopped(ForescaleError):
    """The run was cancelled, or another worker has it."""


class Checkpoint(Protocol):
    def read(self) -> bytes | None: ...
    def write(self, state: bytes) -> None: ...
    def due(self) -> bool: ...


Trial = Callable[[Mapping[str, Any], Callable[..., None], Checkpoint], Mapping[str, Any]]


def resolve(where: str) -> Trial:
    """`module:function` or `path/to/file.py:function`. Raises InputError where there is none."""
    place, _, name = where.rpartition(":")
    if not place:
        raise InputError(f"trial {where!r} must read module:function or file.py:function")
    if place.endswith(".py"):
        path = Path(place)
        if not path.is_file():
            raise InputError(f"trial {where!r}: there is no file {place}")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        try:
            module = import_module(place)
        except ModuleNotFoundError as error:
            hint = "; pip install 'forescale[ladder]'" if error.name == "torch" else ""
            raise InputError(f"trial {where!r}: cannot import {error.name}{hint}") from None
    if not callable(getattr(module, name, None)):
        raise InputError(f"trial {where!r}: {place} has no function {name}")
    return getattr(module, name)
