"""Wakes the other processes of a data directory: a datagram says that something is new, never what."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from hub.telemetry import logger

log = logger("store")

WAKE: Final = "wake"
"""Folder of the data directory in which its processes listen."""

WakeSignal = Literal["elsewhere", "journal"]
"""``elsewhere``: another process committed to the database; ``journal``: the journal has a new delivery."""

_BYTES: Final[dict[WakeSignal, bytes]] = {"elsewhere": b"e", "journal": b"j"}
_SIGNALS: Final[dict[bytes, WakeSignal]] = {byte: signal for signal, byte in _BYTES.items()}
_LONGEST_ADDRESS: Final = 100
_AT_ONCE: Final = 64
_GONE: Final = (ConnectionRefusedError, FileNotFoundError)


class Wake:
    """One process's socket among those of its data directory.

    Best effort by design: whoever misses a datagram looks by itself a moment later.
    """

    def __init__(self, directory: Path) -> None:
        """Tell whoever listens in ``directory``; listen there too only after ``listen``."""
        self._directory = directory
        self._descriptor: int | None = None
        self._receiver: socket.socket | None = None
        self._name = ""
        self._loop: asyncio.AbstractEventLoop | None = None

    def listen(self, loop: asyncio.AbstractEventLoop, told: Callable[[WakeSignal], None]) -> None:
        """Call ``told`` in the loop for what other processes say, once for many of the same."""
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.setblocking(False)  # noqa: FBT003 - its only argument
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._name = self._bind(receiver)
        except OSError as error:
            receiver.close()
            log.warning("other processes cannot wake this one; it looks by itself", error=str(error))
            return
        self._receiver, self._loop = receiver, loop
        loop.add_reader(receiver.fileno(), self._receive, receiver, told)

    def tell(self, signal: WakeSignal) -> None:
        """Say one word to every other listener; never waits, never raises."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)  # noqa: FBT003 - its only argument
            for name in self._listeners():
                self._send(sender, name, _BYTES[signal])

    def close(self) -> None:
        """Stop listening."""
        if self._receiver is not None:
            if self._loop is not None:
                self._loop.remove_reader(self._receiver.fileno())
            self._receiver.close()
            self._receiver = None
            self._path(self._name).unlink(missing_ok=True)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _bind(self, receiver: socket.socket) -> str:
        """Take the first name that is free: the process id alone repeats in containers that share a directory."""
        for number in range(1000):
            name = f"{os.getpid()}-{number}.sock"
            try:
                receiver.bind(self._address(name))
            except OSError:
                if not self._path(name).exists():
                    raise
                continue
            self._path(name).chmod(0o600)
            return name
        msg = "every name for a socket is taken"
        raise OSError(msg)

    @staticmethod
    def _receive(receiver: socket.socket, told: Callable[[WakeSignal], None]) -> None:
        heard = set()
        with contextlib.suppress(OSError):
            for _ in range(_AT_ONCE):
                heard.add(receiver.recv(1))
        for byte in heard & _SIGNALS.keys():
            told(_SIGNALS[byte])

    def _send(self, sender: socket.socket, name: str, byte: bytes) -> None:
        try:
            sender.sendto(byte, self._address(name))
        except _GONE:
            self._path(name).unlink(missing_ok=True)
        except OSError:
            # Its queue is full: it has not looked yet, so it will see this too.
            return

    def _listeners(self) -> list[str]:
        """Return the other sockets' names; the directory is read each time, its mtime is too coarse to go by."""
        return [path.name for path in self._directory.iterdir() if path.suffix == ".sock" and path.name != self._name]

    def _path(self, name: str) -> Path:
        return self._directory / name

    def _address(self, name: str) -> str:
        """Return the socket's address; a path too long for one is shortened through the directory's descriptor."""
        path = str(self._path(name))
        if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
            return path
        if self._descriptor is None:
            self._descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._descriptor}/{name}"
