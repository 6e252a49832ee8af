"""The connection's security as FastStream wants to be told of it."""

from __future__ import annotations

from typing import Any, Final

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from hub.bus.kafka.connection import tls_context
from hub.kafka_settings import KafkaSettings

_LOGINS: Final[dict[str, Any]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}


def security(settings: KafkaSettings) -> BaseSecurity:
    """Return how FastStream's clients connect, as whom.

    Raises:
        Misconfigured: A certificate or the password cannot be read.
    """
    context = tls_context(settings) if settings.tls else None
    if settings.sasl_mechanism is None:
        return BaseSecurity(ssl_context=context, use_ssl=settings.tls)
    login = _LOGINS[settings.sasl_mechanism]
    found: BaseSecurity = login(
        username=settings.sasl_username, password=settings.password(), ssl_context=context, use_ssl=settings.tls
    )
    return found
