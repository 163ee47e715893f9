"""Protocol-buffer wire format: just enough to read records whose field numbers are known."""

from __future__ import annotations

import struct
from collections.abc import Iterator


class Malformed(Exception):
    """The bytes are no protocol buffer; callers turn this into a note on the log."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, position behind it)."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("a number does not end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """(field number, value): ints for varints, bytes for length-delimited, raw bytes for fixed 32 and 64 bit."""
    at, end = 0, len(data)
    while at < end:
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise Malformed(f"wire type {kind}")
        if at + size > end:
            raise Malformed("a field runs beyond its record")
        yield tag >> 3, data[at : at + size]
        at += size


def signed(value: int) -> int:
    """A varint as int64."""
    return value - (1 << 64) if value >= 1 << 63 else value


def single(raw: bytes) -> float:
    return struct.unpack("<f", raw)[0]


def double(raw: bytes) -> float:
    return struct.unpack("<d", raw)[0]
