"""Finds loopback ports that nobody has."""

from __future__ import annotations

import fcntl
import itertools
import os
import socket
import tempfile
from pathlib import Path

_FIRST, _LAST = 10_000, 32_000
_BOOK = Path(tempfile.gettempdir()) / f"hub-test-ports-{os.getuid()}"


def free_ports(count: int, start: int | None = None) -> list[int]:
    """Return ports below 32768, where no outgoing connection is ever given one.

    A port is this process's until it ends, whether anything listens there or not: each is a locked byte of one file,
    so that the provider of one test never speaks to the hub of another, whichever worker or run that is of.

    Args:
        count: How many.
        start: The first that is looked at; None for a place that differs by process.
    """
    if start is None:
        start = _FIRST + os.getpid() * 97 % (_LAST - _FIRST)
    found: list[int] = []
    for port in itertools.chain(range(start, _LAST), range(_FIRST, start)):
        if port in _GIVEN or not _is_free(port) or not _lock(port):
            continue
        _GIVEN.add(port)
        found.append(port)
        if len(found) == count:
            return found
    msg = "no free port on loopback"
    raise RuntimeError(msg)


def free_row(count: int) -> int:
    """Return the first of so many ports that follow each other."""
    while True:
        row = free_ports(count)
        if row[-1] - row[0] == count - 1:
            return row[0]


_GIVEN: set[int] = set()
_HELD: dict[int, int] = {}


def _lock(port: int) -> bool:
    """Take a port's byte; the kernel gives it back when this process ends, a fork of it has to ask for its own."""
    pid = os.getpid()
    if pid not in _HELD:
        # Never closed: closing any descriptor of the file would give back every lock.
        _HELD[pid] = os.open(_BOOK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(_HELD[pid], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
