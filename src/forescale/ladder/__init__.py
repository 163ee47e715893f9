"""Train the small runs: spec and dry run (no torch), built-in trainer, local and Ray executors, store (extras: ladder, ray)."""

from importlib import import_module

_WHERE = {"Ladder": ".campaign", "Store": ".store", "Config": ".config", "Diverged": ".trial", "Stopped": ".trial"}
__all__ = [*_WHERE]


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name], __name__), name)
