"""The catalogue: every law that ships, by name."""

from __future__ import annotations

import re
from importlib import import_module

from ..errors import one_of
from ..law import Law, load_law

# name -> file; imported when asked for, so that listing is all that loads everything
CATALOGUE = {
    "chinchilla": "chinchilla",
    "overtraining": "chinchilla",
    "downstream_error": "chinchilla",
    "coupled": "coupled",
    "kaplan": "kaplan",
    "kaplan_params": "kaplan",
    "kaplan_tokens": "kaplan",
    "kaplan_compute": "kaplan",
    "kaplan_steps": "kaplan",
    "power": "power",
    "power_floor": "power",
    "broken1": "broken",
    "broken2": "broken",
    "broken3": "broken",
    "m4": "broken",
    "farseer": "farseer",
    "width_depth": "gemstones",
    "width_depth_params": "gemstones",
}


def get(text: str | Law) -> Law:
    """A law by catalogue name, `power(tokens)` for a one-axis law in that variable, or `FILE.py:NAME`."""
    if isinstance(text, Law):
        return text
    if ".py" in text:
        return load_law(text)
    match = re.fullmatch(r"(\w+)\((\w+)\)", text.strip())
    name, variable = (match[1], match[2]) if match else (text.strip(), None)
    if name not in CATALOGUE:
        raise one_of("law", name, CATALOGUE)
    found = getattr(import_module(f".{CATALOGUE[name]}", __name__), name)
    return found.of(x=variable) if variable else found


def every() -> list[Law]:
    return [get(name) for name in CATALOGUE]


def __getattr__(name: str) -> Law:
    if name in CATALOGUE:
        return get(name)
    raise AttributeError(name)
