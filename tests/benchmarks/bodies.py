"""Signed webhook requests of 1 KB, each of another customer, made before anything is timed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from tests.support.webhooks import of_messages, text

SECRET: Final = b"a-secret-for-benchmarks"
PATH: Final = "/webhooks/whatsapp/prueba"
SIZE: Final = 1024

_HEAD: Final = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n"
    "Content-Type: application/json\r\nX-Hub-Signature-256: sha256={signature}\r\nContent-Length: {length}\r\n\r\n"
)


def sender(number: int) -> str:
    """Return the WhatsApp id of a customer: a mobile of Mexico City, still with the old 1."""
    return f"52155{number:08d}"


def body(number: int, run: str = "a", *, at: datetime | None = None) -> bytes:
    """Return a text message of one customer, ``SIZE`` bytes long."""
    words = f"Desde la actualización la factura {number} sale con errores contables. "
    message = text(f"wamid.{run}.{number}", words, sender=sender(number), at=at or datetime.now(UTC))
    found = of_messages(message)
    message["text"]["body"] += "x" * max(SIZE - len(found), 0)
    return of_messages(message)


def request(content: bytes, *, secret: bytes = SECRET, path: str = PATH) -> bytes:
    """Return a whole request, signed as Meta signs."""
    signature = hmac.new(secret, content, hashlib.sha256).hexdigest()
    return _HEAD.format(path=path, signature=signature, length=len(content)).encode() + content


def requests(first: int, count: int, run: str = "a", *, secret: bytes = SECRET, path: str = PATH) -> Iterator[bytes]:
    """Yield whole requests of ``count`` customers."""
    at = datetime.now(UTC)
    for number in range(first, first + count):
        yield request(body(number, run, at=at), secret=secret, path=path)
