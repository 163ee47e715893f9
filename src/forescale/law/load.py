"""Load a user's law from their own file: `my_laws.py:two_term`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ..errors import LawError
from .spec import Law


def laws_in(path: str | Path) -> dict[str, Law]:
    """Run a Python file and return the Law objects it defines, by name."""
    path = Path(path)
    if not path.is_file():
        raise LawError(f"no file {path}; give a law as FILE.py:NAME")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except LawError:
        raise
    except Exception as error:
        raise LawError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    found = {k: v for k, v in vars(module).items() if isinstance(v, Law)}
    if not found:
        raise LawError(f"{path} defines no law; decorate a formula with @forescale.law(...)")
    return found


def load_law(text: str) -> Law:
    """`FILE.py:NAME`, or `FILE.py` where the file defines one law."""
    path, _, name = text.partition(".py:")
    found = laws_in(path + ".py" if name else text)
    if not name and len(found) == 1:
        return next(iter(found.values()))
    if name not in found:
        raise LawError(f"{path}.py: no law {name!r}; it defines {', '.join(found)}")
    return found[name]
