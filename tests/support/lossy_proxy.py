"""A way to a database that can lose the answer to a COMMIT."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

_CHUNK = 65_536
# With its end, or READ COMMITTED would be one.
_COMMIT = b"COMMIT\0"


class LossyProxy:
    """Carries bytes between a client and a server on loopback.

    Attributes:
        loses: While it is on, each COMMIT reaches the server, yet its client hears the connection break instead.
        lost: How many answers were lost.
    """

    def __init__(self, target: int) -> None:
        """Listen on a port of its own; ``target`` is the server's."""
        self.loses = False
        self.lost = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    @property
    def port(self) -> int:
        """Where clients connect."""
        port: int = self._listener.getsockname()[1]
        return port

    @contextlib.contextmanager
    def running(self) -> Iterator[LossyProxy]:
        """Carry until the block ends."""
        self._spawn(self._accept)
        try:
            yield self
        finally:
            for one in (self._listener, *self._sockets):
                _hang_up(one)
            for thread in tuple(self._threads):
                thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                doomed = threading.Event()
                self._spawn(self._carry_questions, client, server, doomed)
                self._spawn(self._carry_answers, server, client, doomed)

    def _carry_questions(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_CHUNK):
                if self.loses and _COMMIT in data:
                    doomed.set()
                server.sendall(data)
        _hang_up(server)

    def _carry_answers(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK):
                if doomed.is_set():
                    self.lost += 1
                    break
                client.sendall(data)
        _hang_up(client)
        _hang_up(server)

    def _spawn(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def _hang_up(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
