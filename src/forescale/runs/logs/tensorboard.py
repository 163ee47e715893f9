"""TensorBoard event files: TFRecord framing with masked CRC-32C, scalars as simple values or as TF2 tensors."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from .log import Collector, Log
from .wire import Malformed, double, fields, signed, single

LARGEST = 1 << 16  # bytes; scalars are far smaller, pictures and graphs are passed over
FLOAT, DOUBLE, INT32, INT64 = 1, 2, 3, 9


def _table() -> list[int]:
    out = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        out.append(value)
    return out


TABLE = _table()


def masked_crc(data: bytes) -> int:
    """CRC-32C as TFRecord stores it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def is_events(path: Path) -> bool:
    return path.is_file() and ".tfevents." in path.name


def records(raw: bytes, notes: list[str]) -> Iterator[bytes]:
    """Whole records; stops with a note at the first cut or damaged one. Records too large for scalars are passed over."""
    at, end = 0, len(raw)
    while at < end:
        if at + 12 > end:
            notes.append(f"cut off at byte {at}")
            return
        size, crc = struct.unpack_from("<QI", raw, at)
        if masked_crc(raw[at : at + 8]) != crc:
            notes.append(f"damaged at byte {at}: what follows is not read")
            return
        if at + 16 + size > end:
            notes.append(f"cut off within a record at byte {at}")
            return
        body = raw[at + 12 : at + 12 + size]
        if size <= LARGEST:
            if masked_crc(body) != struct.unpack_from("<I", raw, at + 12 + size)[0]:
                notes.append(f"damaged at byte {at}: what follows is not read")
                return
            yield body
        at += 16 + size


def _tensor(data: bytes) -> float | None:
    """A tensor of one number; None for anything else."""
    kind, content, values = 0, b"", []
    for number, value in fields(data):
        if number == 1:
            kind = value
        elif number == 4:
            content = value
        elif number == 5:
            values += [single(value[i : i + 4]) for i in range(0, len(value), 4)]
        elif number == 6:
            values += [double(value[i : i + 8]) for i in range(0, len(value), 8)]
        elif number in (7, 10) and isinstance(value, int):
            values.append(signed(value))
    if content:
        shape = {FLOAT: "<f", DOUBLE: "<d", INT32: "<i", INT64: "<q"}.get(kind)
        if shape is None or len(content) != struct.calcsize(shape):
            return None
        values = list(struct.unpack(shape, content))
    return float(values[0]) if len(values) == 1 else None


def _event(record: bytes, collect: Collector) -> None:
    step, summaries = 0, []
    for number, value in fields(record):
        if number == 2 and isinstance(value, int):
            step = signed(value)
        elif number == 5 and isinstance(value, bytes):
            summaries.append(value)
    for summary in summaries:
        for number, value in fields(summary):
            if number == 1 and isinstance(value, bytes):
                tag, found = "", None
                for inner, part in fields(value):
                    if inner == 1:
                        tag = part.decode()
                    elif inner == 2:
                        found = single(part)
                    elif inner == 8:
                        found = _tensor(part)
                if found is not None:
                    collect.add(tag, step, found)


def read_events(folder: Path, files: list[Path]) -> Log:
    """All event files of one folder are one run, in the order of their names (which begin with the time)."""
    collect, notes = Collector(), []
    for path in sorted(files):
        found: list[str] = []
        try:
            for record in records(path.read_bytes(), found):
                _event(record, collect)
        except (Malformed, UnicodeDecodeError, AttributeError, TypeError, struct.error) as error:
            found.append(f"a record could not be understood ({error}); what follows is not read")
        notes += [f"{path.name}: {n}" for n in found]
    return Log(folder.name, folder, "tensorboard", {}, collect.series(), {}, False if notes else None, tuple(notes))
