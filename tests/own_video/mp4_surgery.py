"""Changes to the boxes of an MP4 file that OpenCV cannot write: another clock, another rotation."""

from __future__ import annotations

import struct
from collections.abc import Callable

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def edit(data: bytes, kind: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The boxes of a file with the content of each box of a kind replaced, and all sizes made right."""
    out, at = b"", 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + size]
        if name in (kind, *_CONTAINERS):
            content = change(content) if name == kind else edit(content, kind, change)
        out += struct.pack(">I4s", len(content) + 8, name) + content
        at += size
    return out


def with_durations(data: bytes, runs: list[tuple[int, int]]) -> bytes:
    """Frames shown for other times: ``runs`` are (number of frames, ticks of each)."""
    table = struct.pack(">II", 0, len(runs)) + b"".join(struct.pack(">II", *run) for run in runs)
    return edit(data, b"stts", lambda content: table)


def ticks(data: bytes) -> tuple[int, int]:
    """Number of frames and ticks of each, of a file whose frames are all shown for the same time."""
    found = []
    edit(data, b"stts", lambda content: found.append(struct.unpack(">II", content[8:16])) or content)
    return found[0]


def turned(data: bytes) -> bytes:
    """The file with a note to show it turned by 90 degrees with the clock."""
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    return edit(data, b"tkhd", lambda content: content[:40] + matrix + content[76:])
