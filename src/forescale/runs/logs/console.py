"""Console logs of steps: OLMo-core's blocks and saved metrics, nanochat's lines `step 00010/21400 ... | loss: 3.2 | ...`.

OLMo-core's format is that of its 3.0 sources; nanochat's is from memory.
"""

from __future__ import annotations

import re
from pathlib import Path

from .log import Collector, Log, json_table, numbers, whole_lines

OLMO_STEP = re.compile(r"\[step=(\d+)/(\d+|\?\?\?),epoch=\d+")
OLMO_METRIC = re.compile(r"^ {4}(\S[^=]*)=([-+0-9.,e]+|nan|inf)$")
NANO_STEP = re.compile(r"^step (\d+)/(\d+)\b.*?\|(.*)$")
NANO_VALID = re.compile(r"^Step (\d+) \| (Validation [a-z]+): ([-+0-9.e]+)")
NANO_PAIR = re.compile(r"([A-Za-z/_ ]+): ([-+0-9.,e]+)")
SAVED = re.compile(r"metrics_step(\d+)\.json$")


def is_console(path: Path) -> bool:
    if path.suffix not in (".log", ".txt", ".out") or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(1 << 16)
    return bool(OLMO_STEP.search(head) or any(NANO_STEP.match(line) for line in head.split("\n")))


def read_console(path: Path) -> Log:
    collect, last, steps = Collector(), None, None
    lines, notes = whole_lines(path)
    for line in lines:
        if found := OLMO_STEP.search(line):
            last, steps = int(found[1]), int(found[2]) if found[2].isdigit() else None
        elif last is not None and (found := OLMO_METRIC.match(line)):
            collect.add(found[1], last, float(found[2].replace(",", "")))
        elif found := NANO_STEP.match(line):
            last, steps = int(found[1]), int(found[2])
            for name, value in NANO_PAIR.findall(found[3]):
                _add(collect, name.strip(), last, value)
        elif found := NANO_VALID.match(line):
            _add(collect, found[2], int(found[1]), found[3])
    done = None if last is None or steps is None else last >= steps - 1
    return Log(path.stem, path, "console", {}, collect.series(), {}, False if notes else done, tuple(notes))


def _add(collect: Collector, name: str, step: int, text: str) -> None:
    try:
        collect.add(name, step, float(text.replace(",", "")))
    except ValueError:
        pass  # a number that the line cuts short, such as '1e'


def is_saved_metrics(path: Path) -> bool:
    """A folder into which OLMo-core's metric saver wrote."""
    return path.is_dir() and any(SAVED.search(p.name) for p in path.glob("metrics_step*.json"))


def read_saved_metrics(folder: Path) -> Log:
    collect, notes = Collector(), []
    for path in sorted(
        folder.glob("metrics_step*.json"), key=lambda p: int(SAVED.search(p.name)[1]) if SAVED.search(p.name) else 0
    ):
        step, table = SAVED.search(path.name), json_table(path.read_bytes().decode("utf-8", errors="replace"))
        if step is None or table is None:
            notes.append(f"{path.name} is not whole and is left out")
            continue
        for metric, value in numbers(table).items():
            collect.add(metric, int(step[1]), value)
    finished = (folder / "metrics.json").is_file() and not notes
    return Log(folder.name, folder, "olmo-core", {}, collect.series(), {}, finished, tuple(notes))
