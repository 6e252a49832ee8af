"""Wakes the other processes of a PostgreSQL database: a notification says that something is new, never what."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

import psycopg

from hub.telemetry import logger

log = logger("store")

_RETRY_SECONDS: Final = 0.5
_LEAST_GAP_SECONDS: Final = 0.005
_CHANNEL: Final = "hub"
_DRAIN: Final = 4096


class PostgresWake:
    """One thread with a connection of its own that tells others, hears what they tell.

    The word is given after the commit, outside of it: a NOTIFY inside would let commits wait for each other's disk.
    Best effort by design: whoever misses one looks by itself a moment later.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], told: Callable[[], None]) -> None:
        """Call ``told`` in the loop for what other processes say."""
        self._connect = connect
        self._told = told
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._own = 0
        self._tried = threading.Event()
        self._closing = threading.Event()
        self._must_tell = threading.Event()
        self._sockets: tuple[socket.socket, socket.socket] | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen from here on; returns when the first try to connect has ended."""
        self._loop = loop
        self._sockets = socket.socketpair()
        for one in self._sockets:
            one.setblocking(False)  # noqa: FBT003 - its only argument
        self._thread = threading.Thread(target=self._run, name="hub-wake", daemon=True)
        self._thread.start()
        self._tried.wait()

    def tell(self) -> None:
        """Say to every other process that something is new; never waits. Many words at once become one."""
        if not self._must_tell.is_set():
            self._must_tell.set()
            self._wake_thread()

    def close(self) -> None:
        """Say the last word, then stop listening."""
        self._closing.set()
        self._wake_thread()
        if self._thread is not None:
            self._thread.join()
        for one in self._sockets or ():
            one.close()

    def _wake_thread(self) -> None:
        # Full means that it has not looked yet; closed, that nobody will.
        with contextlib.suppress(OSError):
            if self._sockets is not None:
                self._sockets[0].send(b"w")

    def _run(self) -> None:
        assert self._sockets is not None  # noqa: S101 - made by start
        nudged = self._sockets[1]
        is_first = True
        while not self._closing.is_set():
            try:
                with self._connect() as connection:
                    self._serve(connection, nudged, is_first=is_first)
            except psycopg.Error as error:
                log.warning("other processes cannot wake this one; it looks by itself", error=type(error).__name__)
            except Exception:
                log.exception("listening failed; it is tried again")
            is_first = False
            self._tried.set()
            if not self._closing.is_set():
                self._closing.wait(_RETRY_SECONDS)

    def _serve(self, connection: psycopg.Connection[Any], nudged: socket.socket, *, is_first: bool) -> None:
        connection.execute(f"LISTEN {_CHANNEL}")
        self._own = connection.info.backend_pid
        self._tried.set()
        if not is_first:
            self._tell_loop()
        while True:
            select.select([connection.fileno(), nudged.fileno()], [], [])
            _drain(nudged)
            if self._must_tell.is_set():
                self._must_tell.clear()
                connection.execute(f"NOTIFY {_CHANNEL}")
            # Takes in what has come, without asking the server; on a lost connection it raises.
            others = [one for one in connection.notifies(timeout=0) if one.pid != self._own]
            if others:
                self._tell_loop()
            if self._closing.is_set():
                return
            # Under load every commit is news: what comes in this moment is one word.
            self._closing.wait(_LEAST_GAP_SECONDS)

    def _tell_loop(self) -> None:
        # A loop that closed has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._told)


def _drain(nudged: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while nudged.recv(_DRAIN):
            pass
