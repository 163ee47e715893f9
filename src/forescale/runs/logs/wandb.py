"""W&B: the offline `.wandb` file (LevelDB-style log of protocol buffers), exported chart CSVs, history Parquet and JSONL."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .log import Collector, Log, flat, numbers
from .wire import Malformed, fields, signed, varint

MAGIC = b":W&B\xe1\xbe"
BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
NO_NUMBER = (b'"', b"[", b"{", b"t", b"f", b"n")  # how other JSON values begin
INTERNAL = {"_step", "_runtime", "_timestamp", "_wandb"}


def is_wandb(path: Path) -> bool:
    if path.suffix != ".wandb" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(6) == MAGIC


def records(raw: bytes, notes: list[str]) -> Iterator[bytes]:
    """Whole records of the log. Stops, with a note, at the first one that is cut off or whose checksum is wrong."""
    at, end, parts = 7, len(raw), None
    while at < end:
        room = BLOCK - at % BLOCK
        if room < 7:
            at += room
            continue
        if at + 7 > end:
            notes.append(f"cut off within a record's head at byte {at}")
            return
        crc, size, kind = struct.unpack_from("<IHB", raw, at)
        if kind == 0 and size == 0 and crc == 0:  # space set aside and not written yet
            notes.append(f"ends in zeros from byte {at}: still growing, or not closed")
            return
        body = raw[at + 7 : at + 7 + size]
        if len(body) < size:
            notes.append(f"cut off within a record at byte {at}")
            return
        if size > room - 7 or kind not in (FULL, FIRST, MIDDLE, LAST) or zlib.crc32(body, zlib.crc32(bytes((kind,)))) != crc:
            notes.append(f"damaged at byte {at}: what follows is not read")
            return
        at += 7 + size
        if kind == FULL:
            yield body
        elif kind == FIRST:
            parts = [body]
        elif parts is not None:
            parts.append(body)
            if kind == LAST:
                yield b"".join(parts)
                parts = None


def _items(data: bytes) -> Iterator[tuple[str, str]]:
    """(key, JSON text) of the items of a history, config or summary record; nested keys are joined by dots."""
    for number, item in fields(data):
        if number != 1 or not isinstance(item, bytes):
            continue
        key, nested, value = "", [], None
        for inner, part in fields(item):
            if inner == 1:
                key = part.decode()
            elif inner == 2:
                nested.append(part.decode())
            elif inner == 16:
                value = part.decode()
        if value is not None:
            yield key or ".".join(nested), value


def _quick(data: bytes, known: dict[bytes, str]) -> list[tuple[str, bytes]] | None:
    """The items of a history record whose keys were met before, else None: what makes thousands of steps cheap.

    `known` maps the bytes that stand before an item's value to the key that a full parse of them gave.
    """
    out, at, end = [], 0, len(data)
    try:
        while at < end:
            if data[at] != 0x0A:  # the step, after the items
                return out if data[at] == 0x12 and at + 2 + data[at + 1] == end else None
            size = data[at + 1]
            value = data.index(b"\x82\x01", at + 2) + 2
            stop = at + 2 + size
            if size > 127 or value + 1 + data[value] != stop or stop > end:
                return None
            out.append((known[data[at + 2 : value]], data[value + 1 : stop]))
            at = stop
    except (KeyError, ValueError, IndexError):
        return None
    return out


def _learn(data: bytes, known: dict[bytes, str]) -> None:
    """Remember what stands before the values of a record that was parsed in full."""
    for number, item in fields(data):
        if number == 1 and isinstance(item, bytes) and b"\x82\x01" in item:
            before = item[: item.index(b"\x82\x01")]
            parts = list(fields(before))
            if parts and all(n in (1, 2) for n, _ in parts):
                key = next((p.decode() for n, p in parts if n == 1), "")
                known[before + b"\x82\x01"] = key or ".".join(p.decode() for n, p in parts if n == 2)


def _pairs(data: bytes, known: dict[bytes, str]) -> list[tuple[str, bytes]]:
    items = _quick(data, known)
    if items is None:
        items = [(k, v.encode()) for k, v in _items(data)]
        _learn(data, known)
    return items


def _history(data: bytes, collect: Collector, known: dict[bytes, str]) -> None:
    items = _pairs(data, known)
    step = next((int(float(text)) for key, text in items if key == "_step"), None)
    if step is None:
        inner = next((v for n, v in fields(data) if n == 2 and isinstance(v, bytes)), b"")
        step = next((signed(v) for n, v in fields(inner) if n == 1), 0)
    for key, text in items:
        if key in INTERNAL:
            continue
        try:
            value = float(text) if text[:1] not in NO_NUMBER else None
        except ValueError:
            value = None
        if value is not None:
            collect.add(key, step, value)
        elif text[:1] == b"{":
            for inner, number in numbers(flat(_json(text.decode()), key)).items():
                collect.add(inner, step, number)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None


def read_wandb(path: Path) -> Log:
    """One offline run. Config comes from the run's record and its updates, the end from the exit record."""
    raw, notes, collect = path.read_bytes(), [], Collector()
    config: dict[str, Any] = {}
    summary: dict[str, bytes] = {}
    known: dict[bytes, str] = {}
    name, exit_code = path.stem.removeprefix("run-"), None
    try:
        for record in records(raw, notes):
            kind, body = _kind(record)
            if kind == 2:
                _history(body, collect, known)
            elif kind == 3:
                summary |= dict(_pairs(body, known))  # one a step: only the last of each is parsed
            elif kind == 5:
                config |= {k: _json(v) for k, v in _items(body)}
            elif kind == 17:
                name, given = _run(body, name)
                config |= given
            elif kind == 18:
                exit_code = next((signed(v) for n, v in fields(body) if n == 1), 0)
    except (Malformed, UnicodeDecodeError, AttributeError, TypeError) as error:
        notes.append(f"a record could not be understood ({error}); what follows is not read")
    config = {k: v for k, v in flat(config).items() if not k.startswith("_wandb")}
    final = {
        k: v
        for k, v in numbers(flat({k: _json(v.decode(errors="replace")) for k, v in summary.items()})).items()
        if k.partition(".")[0] not in INTERNAL
    }
    finished = None if exit_code is None else exit_code == 0
    if exit_code is None:
        notes.append("no exit record: the run was still going, or was killed")
    return Log(name, path, "wandb", config, collect.series(), final, finished or False, tuple(notes))


def _kind(record: bytes) -> tuple[int, bytes]:
    """(field number, body) of the one message a record holds, past its own number."""
    at = 0
    while at < len(record):
        tag, at = varint(record, at)
        if tag & 7 == 0:
            _, at = varint(record, at)
        elif tag & 7 == 2:
            size, at = varint(record, at)
            if at + size > len(record):
                raise Malformed("a record runs beyond its end")
            if tag >> 3 in (2, 3, 5, 17, 18):
                return tag >> 3, record[at : at + size]
            at += size
        else:
            at += 8 if tag & 7 == 1 else 4
    return 0, b""


def _run(body: bytes, name: str) -> tuple[str, dict[str, Any]]:
    config: dict[str, Any] = {}
    given = {n: v for n, v in fields(body) if n in (1, 4, 8)}
    if isinstance(given.get(4), bytes):
        config = {k: _json(v) for k, v in _items(given[4])}
    shown = given.get(8) or given.get(1)
    return (shown.decode() if isinstance(shown, bytes) and shown else name), config
