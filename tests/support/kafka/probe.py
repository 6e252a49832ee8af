"""Tells whether a Kafka broker serves, without any Kafka library."""

from __future__ import annotations

import socket
import struct
from typing import Final

_METADATA: Final = 3
_CLIENT: Final = b"probe"


def serves(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a broker answers a metadata request with at least one broker."""
    head = struct.pack(">hhih", _METADATA, 1, 7, len(_CLIENT)) + _CLIENT
    no_topics = struct.pack(">i", 0)
    request = head + no_topics
    try:
        with socket.create_connection((host, port), 1) as connection:
            connection.settimeout(2)
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _read(connection, 4))
            answer = _read(connection, size)
            return bool(struct.unpack(">i", answer[4:8])[0] >= 1)
    except (OSError, EOFError, struct.error):
        return False


def _read(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found
