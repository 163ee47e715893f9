"""Hugging Face: `trainer_state.json` of the Trainer, with the model's size from `config.json` or the safetensors header."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from .log import Collector, Log, json_table, numbers

STATE = "trainer_state.json"
HEADER = 100_000_000  # bytes; the largest header that safetensors itself accepts


def is_trainer_state(path: Path) -> bool:
    return path.is_file() and path.name == STATE


def read_trainer_state(path: Path) -> Log:
    """The log history by step. A file that is cut off is no JSON at all: nothing is read from it, and it says so."""
    collect, folder = Collector(), path.parent
    state = json_table(path.read_bytes().decode("utf-8", errors="replace"))
    if state is None or not isinstance(state.get("log_history"), list):
        return Log(folder.name, path, "huggingface", notes=(f"{STATE} is not whole: nothing is read",), finished=False)
    for row in state["log_history"]:
        if isinstance(row, dict):
            step = row.get("step")
            if isinstance(step, int) and not isinstance(step, bool):
                for key, value in row.items():
                    if key != "step":
                        collect.add(key, step, value)
    config = {
        k: v for k, v in numbers(state).items() if k in ("global_step", "max_steps", "num_train_epochs", "train_batch_size")
    }
    for key in ("num_input_tokens_seen", "total_flos"):
        if isinstance(state.get(key), (int, float)) and state[key] > 0:
            config[key] = state[key]
    params, notes = _params(folder)
    if params:
        config["params"] = params
    steps = state.get("global_step"), state.get("max_steps")
    finished = steps[0] >= steps[1] if all(isinstance(s, (int, float)) and s > 0 for s in steps) else None
    name = folder.parent.name if folder.name.startswith("checkpoint-") else folder.name
    return Log(name, path, "huggingface", config, collect.series(), {}, finished, tuple(notes))


def _params(folder: Path) -> tuple[int | None, list[str]]:
    """Parameters counted in the headers of all safetensors files beside the state; tensors in two files count once."""
    shapes: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        found = _header(file)
        if found is None:
            return None, [f"{file.name}: the header is not whole, so parameters are not counted"]
        shapes |= {k: v["shape"] for k, v in found.items() if k != "__metadata__"}
    return (sum(math.prod(s) for s in shapes.values()) or None), []


def _header(path: Path) -> dict[str, Any] | None:
    with path.open("rb") as file:
        head = file.read(8)
        if len(head) < 8:
            return None
        size = struct.unpack("<Q", head)[0]
        if size > HEADER:
            return None
        raw = file.read(size)
    try:
        found = json.loads(raw)
        good = len(raw) == size and all(
            k == "__metadata__" or all(isinstance(n, int) and n >= 0 for n in v["shape"]) for k, v in found.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found if good else None
