"""Finds loopback ports that nobody has."""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _LAST = 10_000, 32_000


def free_ports(count: int) -> list[int]:
    """Return ports below 32768, where no outgoing connection is ever given one.

    Each test worker begins at another place, so that workers do not race for the same port.
    """
    start = _FIRST + os.getpid() * 97 % (_LAST - _FIRST)
    found: list[int] = []
    for port in itertools.chain(range(start, _LAST), range(_FIRST, start)):
        if port in _GIVEN or not _is_free(port):
            continue
        _GIVEN.add(port)
        found.append(port)
        if len(found) == count:
            return found
    msg = "no free port on loopback"
    raise RuntimeError(msg)


_GIVEN: set[int] = set()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
