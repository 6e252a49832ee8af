"""Looks into a file without opening it as what it says it is: nothing is unpacked, nothing is run."""

from __future__ import annotations

import struct
from typing import IO, Final

from hub.domain.suspicion import HEAD_BYTES, OLE, ZIP, Contents, type_of

_MOST_DIRECTORY_BYTES: Final = 8 * 1024 * 1024
_TAIL_BYTES: Final = 66_000
_CHUNK_BYTES: Final = 1024 * 1024
_END: Final = b"PK\x05\x06"
_ENTRY: Final = b"PK\x01\x02"
_ENTRY_BYTES: Final = 46
_END_BYTES: Final = 22
# Its directory names the stream in UTF-16.
_MACROS: Final = "_VBA_PROJECT".encode("utf-16-le")


def examine(file: IO[bytes], size: int) -> Contents:
    """Return what a file holds; whatever cannot be read in it tells nothing.

    Raises:
        OSError: The disk refuses.
    """
    file.seek(0)
    head = Contents(file.read(HEAD_BYTES))
    found = type_of(head)
    if found == OLE:
        return Contents(head.head, has_macros=_holds(file, _MACROS))
    if found == ZIP:
        return Contents(head.head, _names(file, size))
    return head


def _holds(file: IO[bytes], wanted: bytes) -> bool:
    file.seek(0)
    before = b""
    while chunk := file.read(_CHUNK_BYTES):
        if wanted in before + chunk:
            return True
        before = chunk[-len(wanted) :]
    return False


def _names(file: IO[bytes], size: int) -> tuple[str, ...] | None:
    """Return the names in a ZIP's directory, None when it cannot be trusted; zipfile would read one of any size.

    Source: .ZIP File Format Specification, PKWARE, sections 4.3.12 and 4.3.16.
    """
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        return None
    entries, length, _, comment = struct.unpack_from("<HLLH", tail, at + 10)
    # A comment may hold what looks like the end; the true one ends the file.
    if length > _MOST_DIRECTORY_BYTES or at + _END_BYTES + comment != len(tail):
        return None
    # Where it ends, not where it says: something may stand before the archive.
    file.seek(max(0, size - len(tail) + at - length))
    names = tuple(_entries(file.read(length)))
    return names if len(names) == entries else None


def _entries(directory: bytes) -> list[str]:
    names, at = [], 0
    while directory[at : at + 4] == _ENTRY and len(directory) - at >= _ENTRY_BYTES:
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        names.append(directory[at + _ENTRY_BYTES : at + _ENTRY_BYTES + name].decode("utf-8", "replace"))
        at += _ENTRY_BYTES + name + extra + comment
    return names
