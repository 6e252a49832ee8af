"""What every Kafka client of the hub has in common: where to connect, as whom, how calmly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import aiokafka.client
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from hub.errors import BrokerUnavailable, Misconfigured
from hub.kafka_settings import PREFIX, KafkaSettings

CLIENT_ID: Final = "exsim-hub"

# Each failure reaches our code, which tells it once; an outage would print a thousand lines more (measured).
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def options(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments by which each aiokafka client connects.

    Raises:
        Misconfigured: A certificate or the password cannot be read.
    """
    found: dict[str, Any] = {"bootstrap_servers": list(settings.bootstrap_servers), "client_id": CLIENT_ID}
    found["security_protocol"] = ("SASL_" if settings.sasl_mechanism else "") + ("SSL" if settings.tls else "PLAINTEXT")
    if settings.tls:
        found["ssl_context"] = tls_context(settings)
    if settings.sasl_mechanism is not None:
        found["sasl_mechanism"] = settings.sasl_mechanism
        found["sasl_plain_username"] = settings.sasl_username
        found["sasl_plain_password"] = settings.password()
    return found


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Return whom to trust, with the certificate to show.

    Raises:
        Misconfigured: A file cannot be read or is no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca_file)
        if settings.tls_certificate_file is not None:
            context.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file)
    except OSError as error:
        names = f"{PREFIX}TLS_CA_FILE, {PREFIX}TLS_CERTIFICATE_FILE, {PREFIX}TLS_KEY_FILE"
        raise Misconfigured([f"a file of {names} cannot be used ({error.strerror or type(error).__name__})"]) from None
    return context


@contextlib.asynccontextmanager
async def administering(settings: KafkaSettings, seconds: float) -> AsyncIterator[AIOKafkaAdminClient]:
    """Yield a connected administrator; each of its requests may take ``seconds``.

    Raises:
        BrokerUnavailable: No broker answers, or it refuses us.
    """
    admin = AIOKafkaAdminClient(**options(settings), request_timeout_ms=int(seconds * 1000))
    try:
        with telling():
            with leaving_nothing_open():
                await admin.start()
            yield admin
    finally:
        await admin.close()


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """Turn the library's errors into ours.

    Raises:
        BrokerUnavailable: With the error's name, without any address or secret.
    """
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        msg = f"Kafka does not serve ({type(error).__name__}); see {PREFIX}BOOTSTRAP_SERVERS and the settings beside it"
        raise BrokerUnavailable(msg) from error


@dataclass(slots=True)
class _Opened:
    connections: list[Any] = field(default_factory=list)
    is_watching: bool = True


_opened: ContextVar[_Opened | None] = ContextVar("opened connections", default=None)


@contextlib.contextmanager
def leaving_nothing_open() -> Iterator[None]:
    """Close what a client opened when its start does not come to its end.

    aiokafka 0.14 forgets the connection that it begins with when a cancellation or time-out of ours strikes there.
    """
    opened = _Opened()
    token = _opened.set(opened)
    try:
        yield
    except BaseException:
        for connection in opened.connections:
            connection.close()
        raise
    finally:
        # Tasks that the client began carry this context for ever.
        opened.is_watching = False
        opened.connections = []
        _opened.reset(token)


def _note_what_is_opened() -> None:
    original = aiokafka.client.create_conn

    async def noted(*args: Any, **more: Any) -> Any:
        connection = await original(*args, **more)
        opened = _opened.get()
        if opened is not None and opened.is_watching:
            opened.connections.append(connection)
        return connection

    aiokafka.client.create_conn = noted


def _cure_the_busy_loop() -> None:
    """Let a client that gets no metadata wait before it asks again.

    aiokafka 0.14 asks without any pause while a partition has no leader: a whole core and 5,000 log lines a second
    from a broker's SIGTERM until it is back; 0.02 of a core with this (measured).
    """
    original = AIOKafkaClient._metadata_update  # noqa: SLF001 - there is no other place to mend it

    async def patiently(self: Any, cluster_metadata: Any, topics: Any) -> Any:
        updated = await original(self, cluster_metadata, topics)
        if not updated:
            await asyncio.sleep(self._retry_backoff)
        return updated

    AIOKafkaClient._metadata_update = patiently  # noqa: SLF001


_cure_the_busy_loop()
_note_what_is_opened()
