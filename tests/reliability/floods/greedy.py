"""Greedy or crooked requests, as bytes: bodies without end, lengths that lie, addresses as long as books."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import time
from typing import Final

from tests.benchmarks.bodies import PATH, request

_POST: Final = b"POST %s HTTP/1.1\r\nHost: hub\r\n" % PATH.encode()
_MIB: Final = 1024 * 1024
LIMIT: Final = 4 * _MIB
CHUNKED: Final = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
DECLARED: Final = _POST + b"Content-Length: 104857600\r\n\r\n"
PIECE: Final = b"x" * 65_536
CHUNK: Final = b"10000\r\n" + PIECE + b"\r\n"
HUNDRED_MIB: Final = 100 * _MIB

TE_WITH_CL: Final = _POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"


async def pour(port: int, head: bytes, piece: bytes, *, source: str = "127.0.2.1") -> tuple[str, int, float]:
    """Send up to 100 MiB behind a head; return the status, how many bytes left, the seconds until the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    sent = 0

    async def send() -> None:
        nonlocal sent
        with contextlib.suppress(ConnectionError):
            while sent < HUNDRED_MIB:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)

    started = time.monotonic()
    writer.write(head)
    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(60):
            line = await reader.readline()
    except ConnectionError:
        line = b""
    finally:
        seconds = time.monotonic() - started
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()
    return line[9:12].decode() or "closed", sent, seconds


def crooked() -> dict[str, tuple[bytes, set[str]]]:
    """Return requests by what is wrong with them, each with the statuses that may answer it; none is genuine."""
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    genuine = request(body)
    head, _, _ = genuine.partition(b"\r\n\r\n")

    def more(header: bytes) -> bytes:
        return head + b"\r\n" + header + b"\r\n\r\n" + body

    unsigned = _POST + b"Content-Length: 2\r\n"
    refused = {"400", "closed"}
    return {
        "both Transfer-Encoding with Content-Length": (TE_WITH_CL, refused | {"401"}),
        "two lengths": (_POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", refused),
        "a length that is too short": (_with_length(genuine, len(body) - 5), {"401", *refused}),
        "a negative length": (_POST + b"Content-Length: -1\r\n\r\n", refused),
        "a length beyond 64 bits": (_POST + b"Content-Length: 99999999999999999999\r\n\r\n", refused | {"413"}),
        "no number for a length": (_POST + b"Content-Length: four\r\n\r\n", refused),
        "a chunk of a negative size": (CHUNKED + b"-1\r\n", refused),
        "a chunk beyond 64 bits": (CHUNKED + b"fffffffffffffffff\r\n", refused),
        "an upgrade": (unsigned + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n{}", refused),
        "10,000 ranges": (unsigned + b"Range: bytes=" + b"0-1," * 10_000 + b"\r\n\r\n{}", {"431", *refused}),
        "10,000 cookies": (unsigned + b"Cookie: a=b\r\n" * 10_000 + b"\r\n{}", {"431", *refused}),
        "an address of 64 KiB": (
            b"GET /" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: hub\r\n\r\n",
            {"431", "404", *refused},
        ),
        "1,000 parameters": (
            b"GET %s?" % PATH.encode() + b"a=b&" * 1000 + b" HTTP/1.1\r\nHost: hub\r\n\r\n",
            {"401", "431", *refused},
        ),
        "NUL in the address": (b"GET /%00 HTTP/1.1\r\nHost: hub\r\n\r\n", {"404", *refused}),
        "dot segments": (b"GET /webhooks/../../etc/passwd HTTP/1.1\r\nHost: hub\r\n\r\n", {"404", *refused}),
        "an absolute address": (b"GET http://elsewhere/ HTTP/1.1\r\nHost: hub\r\n\r\n", {"404", *refused}),
        "another verb": (b"PROPFIND %s HTTP/1.1\r\nHost: hub\r\n\r\n" % PATH.encode(), {"405", *refused}),
        "a verb of its own": (b"HACK %s HTTP/1.1\r\nHost: hub\r\n\r\n" % PATH.encode(), {"405", *refused}),
        "TRACE": (b"TRACE %s HTTP/1.1\r\nHost: hub\r\n\r\n" % PATH.encode(), {"405", *refused}),
        "HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", {"404", *refused}),
        "HTTP/3.7": (b"GET / HTTP/3.7\r\n\r\n", refused | {"404"}),
        "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), refused),
        "no HTTP": (b"\x00" * 1000 + b"\r\n\r\n", refused),
        "two signatures": (more(b"X-Hub-Signature-256: sha256=" + b"0" * 64), {"401"}),
        "a signature that is no ASCII": (
            unsigned + b"X-Hub-Signature-256: sha256=\xff\xfe\r\n\r\n{}",
            {"401", *refused},
        ),
    }


def _with_length(whole: bytes, length: int) -> bytes:
    return re.sub(rb"(Content-Length: )\d+", rb"\g<1>%d" % length, whole)


def too_long() -> bytes:
    """Return a genuine request that promises more bytes than it brings."""
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    return _with_length(request(body), len(body) + 1000)


def gzip_bomb() -> bytes:
    """Return 100 MiB of zeros in 100 KB; whoever would unpack it, would hold all of it."""
    return gzip.compress(bytes(HUNDRED_MIB), 9, mtime=0)


def gzipped(content: bytes) -> bytes:
    """Return a request, well signed, that says its body is compressed."""
    whole = request(content)
    return whole.replace(
        b"Content-Type: application/json\r\n", b"Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
    )
