"""Recognise what lies in a folder and read it: one log for each run, whatever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ...errors import InputError
from . import console, huggingface, lm_eval, mlflow, tables, tensorboard, trackio, wandb
from .log import Log

SKIP = {".git", "__pycache__", "node_modules", ".venv"}
FORMATS = (
    "W&B, MLflow, TensorBoard, Hugging Face trainer_state.json, lm-eval results, Trackio, OLMo-core, Lightning CSV, history files"
)


def scan(place: str | Path, progress: Callable[[float], None] = lambda share: None) -> list[Log]:
    """Every run found under `place` (a folder or one file), in the order of paths. Raises InputError where there is none.

    Files of other kinds are passed over. What is damaged or cut off is read up to its last whole record and says so.
    """
    place = Path(place)
    if not place.exists():
        raise InputError(f"there is no {place}")
    paths = [place] if place.is_file() else _latest(list(_walk(place)))
    out: list[Log] = []
    for i, path in enumerate(paths):
        out += _read(path)
        progress((i + 1) / len(paths))
    if not out:
        hint = "; a table with one row for each run needs no reading: give it to any other command" if place.is_file() else ""
        raise InputError(f"{place} holds no log that is known ({FORMATS}){hint}")
    return out


def _walk(folder: Path) -> Iterator[Path]:
    """Folders and files below, depth first; links are not followed, so a loop cannot arise."""
    yield folder
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name in SKIP:
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def _latest(paths: list[Path]) -> list[Path]:
    """Of the Trainer's states of one run (RUN/checkpoint-N/) only that of the last checkpoint: it holds the others' history."""
    states: dict[Path, list[Path]] = {}
    for path in paths:
        if path.name == huggingface.STATE and path.parent.name.startswith("checkpoint-"):
            states.setdefault(path.parent.parent, []).append(path)
    step = lambda p: int(p.parent.name[11:]) if p.parent.name[11:].isdigit() else -1
    late = {p for found in states.values() for p in found if p != max(found, key=step)}
    return [p for p in paths if p not in late]


def _read(path: Path) -> list[Log]:
    if path.is_dir():
        events = [p for p in path.iterdir() if tensorboard.is_events(p)]
        out = [tensorboard.read_events(path, events)] if events else []
        out += [mlflow.read_file_run(path)] if mlflow.is_file_run(path) else []
        return out + ([console.read_saved_metrics(path)] if console.is_saved_metrics(path) else [])
    if not path.stat().st_size:
        return []
    if wandb.is_wandb(path):
        return [wandb.read_wandb(path)]
    if mlflow.is_sqlite(path):
        return _sqlite(path)
    if huggingface.is_trainer_state(path):
        return [huggingface.read_trainer_state(path)]
    if lm_eval.is_results(path):
        found = lm_eval.read_results(path)
        return [found] if found else []
    if tables.is_step_csv(path):
        return list(tables.read_step_csv(path))
    if tables.is_history(path):
        return [tables.read_history(path)]
    return [console.read_console(path)] if console.is_console(path) else []


def _sqlite(path: Path) -> list[Log]:
    found = mlflow.tables(path)
    if isinstance(found, str):
        return [
            Log(
                path.stem,
                path,
                "sqlite",
                notes=(f"{path.name} cannot be read ({found}): try sqlite3 {path.name} .recover",),
                finished=False,
            )
        ]
    if trackio.is_trackio(found):
        return list(trackio.read_trackio(path))
    return list(mlflow.read_sqlite(path)) if mlflow.is_sqlite_store(found) else []
