"""Connections to PostgreSQL, opened with the settings that the promise rests on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Final

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from hub.errors import Misconfigured
from hub.store import prepared
from hub.store.engine import is_unavailable

TIMEOUT_SECONDS: Final = 10
"""How long a statement, the wait for a lock, or an idle moment inside a transaction may last."""

PATIENCE_SECONDS: Final = 15.0
"""How long the answer to a statement is waited for, its own limit included."""

_CONNECT_SECONDS: Final = 5
# The other side may vanish without a word: then a query ends after about the same time.
_SOCKET: Final = {
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": TIMEOUT_SECONDS * 1000,
}
# All that the hub ever says; with psycopg's 100 each would be prepared anew before it comes round again.
_PREPARED: Final = 1_000
_OF_A_STORE: Final = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
# Compiling a query takes longer than any of ours does without.
_NO_JIT: Final = "-c jit=off"
_SETTINGS: Final = {
    "fsync": frozenset({"on"}),
    # All of these wait for our own disk.
    "synchronous_commit": frozenset({"on", "local", "remote_write", "remote_apply"}),
    "full_page_writes": frozenset({"on"}),
}
_ENCODING: Final = "UTF8"
_OLDEST: Final = 130_000
_ASK: Final = f"SELECT {', '.join(f'current_setting({name!r})' for name in (*_SETTINGS, 'server_encoding'))}"


class HubConnection(psycopg.Connection[Any]):
    """A connection that answers the one question that the store asks of each driver.

    Attributes:
        patience_seconds: How long a statement may stay without its answer; None for as long as it takes. The server's
            own limits end what works; this ends the wait for one that is frozen, of which no socket tells.
    """

    patience_seconds: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for the server.

        Raises:
            psycopg.OperationalError: Patience came to its end; the connection is of no more use.
        """
        return super().wait(gen, interval, self.patience_seconds if timeout is None else timeout)

    @property
    def in_transaction(self) -> bool:
        """Tell whether the server holds a transaction of this connection, a failed one included."""
        return self.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}

    @property
    def has_failed(self) -> bool:
        """Tell whether a statement of the transaction failed: a COMMIT would roll back without an error."""
        return self.info.transaction_status == TransactionStatus.INERROR


def address(url: str) -> URL:
    """Return the address of a database as SQLAlchemy has it, with or without the driver in its scheme."""
    return make_url(url).set(drivername="postgresql+psycopg")


def open_engine(url: str, *, time_limits: bool = True) -> Engine:
    """Return an engine whose every connection was verified to be durable.

    The driver is in autocommit: transactions are ours to begin. Who holds connections for long keeps each for itself;
    there is no pool to wait for.

    Args:
        url: ``postgresql+psycopg://user:password@host:port/database``, with libpq's own words as its query.
        time_limits: Whether a statement may take ten seconds at most; a migration may take longer.

    Raises:
        Misconfigured: At connect, when the server's settings would lose what it confirmed.
    """
    return create_engine(
        address(url),
        creator=connector(url, time_limits=time_limits),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        paramstyle="format",
        use_native_hstore=False,
        hide_parameters=True,
    )


def connector(url: str, *, time_limits: bool = True) -> Callable[[], HubConnection]:
    """Return what opens one connection to a database, verified; it raises ``Misconfigured`` or psycopg's own errors."""
    given = address(url)
    limits = [f"-c {name}={TIMEOUT_SECONDS * 1000 if time_limits else 0}" for name in _OF_A_STORE]
    asked: dict[str, Any] = {
        "application_name": "hub",
        "client_encoding": "UTF8",
        **_SOCKET,
        **given.translate_connect_args(username="user", database="dbname"),
        **given.query,
    }
    asked["options"] = " ".join([_NO_JIT, *limits, str(given.query.get("options", ""))]).strip()

    def connect() -> HubConnection:
        connection = HubConnection.connect(**asked, autocommit=True)
        connection.prepared_max = _PREPARED
        connection.patience_seconds = PATIENCE_SECONDS if time_limits else None
        # Before SQLAlchemy looks at it: in another encoding it could not even read the server's version.
        problems = _problems(connection)
        if problems:
            connection.close()
            raise Misconfigured(problems)
        return connection

    return connect


def _problems(connection: HubConnection) -> list[str]:
    if connection.info.server_version < _OLDEST:
        return ["HUB_DATABASE_URL names a PostgreSQL older than 13; upgrade the server"]
    row = connection.execute(_ASK).fetchone()
    *found, encoding = row or ("",)
    problems = [
        f"PostgreSQL runs with {name}={value}, which loses what it confirmed; set {name} = on in postgresql.conf"
        for (name, allowed), value in zip(_SETTINGS.items(), found, strict=True)
        if value not in allowed
    ]
    if encoding != _ENCODING:
        problems.append(f"the database has server_encoding={encoding}; create it with ENCODING 'UTF8'")
    return problems


class Connections:
    """A connection for each thread that asks, kept until it is lost."""

    def __init__(self, engine: Engine) -> None:
        """Connect through ``engine``; nothing is opened yet."""
        self._engine = engine
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: set[Connection] = set()

    def begin(self, words: str) -> Connection:
        """Begin a transaction on this thread's connection; one that was lost meanwhile is replaced once."""
        connection = self._mine()
        try:
            prepared.command(connection, words)
        except SQLAlchemyError as error:
            self.drop(connection)
            if not is_unavailable(error):
                raise
            connection = self._mine()
            prepared.command(connection, words)
        return connection

    def end(self, connection: Connection) -> None:
        """Roll back what is left of a transaction; a connection that cannot even do that is dropped."""
        if connection.invalidated or connection.closed:
            self.drop(connection)
            return
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:
            if driver.closed:
                self.drop(connection)
            return
        try:
            prepared.command(connection, "ROLLBACK")
        except SQLAlchemyError:
            self.drop(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection without another word to the server."""
        with self._lock:
            self._open.discard(connection)
        with contextlib.suppress(SQLAlchemyError):
            connection.invalidate()
        connection.close()

    def close(self) -> None:
        """Close every connection; no thread uses one any more."""
        for connection in tuple(self._open):
            self.drop(connection)
        self._engine.dispose()

    def _mine(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed or connection.invalidated:
            connection = self._local.connection = self._engine.connect()
            with self._lock:
                self._open.add(connection)
        return connection
