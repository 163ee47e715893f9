"""forescale: predict the run you cannot afford from the runs you can, with honest uncertainty.

import forescale as fs; names load what they need on first use, so that importing the package is fast.
"""

import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_WHERE = {
    **dict.fromkeys(("Law", "Param", "Published", "Source", "Working", "decreasing", "floor", "implicit", "increasing"), ".law"),
    **dict.fromkeys(("interval", "law", "load_law", "positive", "real"), ".law"),
    **dict.fromkeys(("Fit", "fit"), ".fit"),
    **dict.fromkeys(("Runs", "read"), ".runs"),
    **dict.fromkeys(("Forecast", "Rollout", "downstream", "forecast", "observational", "rollout", "watch"), ".forecast"),
    **dict.fromkeys(("Comparison", "compare", "trend"), ".compare"),
    **dict.fromkeys(("Plan", "plan"), ".plan"),
    **dict.fromkeys(("check_law",), ".check"),
    **dict.fromkeys(("plot",), ".report"),
    **dict.fromkeys(("Audit", "audit"), ".audit"),
    **dict.fromkeys(("Rule", "check_rule", "rule"), ".rules"),
    **dict.fromkeys(("ForescaleError", "InputError", "FitError", "LawError"), ".errors"),
}
_MODULES = ("ladder", "laws", "measure", "papers", "rules", "studies", "uncertainty")
__all__ = [*_WHERE, *_MODULES]


def __getattr__(name: str):
    if name in _WHERE:
        found = getattr(import_module(_WHERE[name], __name__), name)
    elif name in _MODULES:
        found = import_module("." + name, __name__)
    else:
        raise AttributeError(f"module 'forescale' has no attribute {name!r}")
    globals()[name] = found
    return found


class _Package(ModuleType):
    """Keeps `fs.fit`, `fs.law` and `fs.plan` the functions: importing the rooms of that name must not hide them."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _WHERE and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
