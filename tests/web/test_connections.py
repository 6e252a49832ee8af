"""Connections as hostile clients use them: kept alive, pipelined, slow, upgraded, garbled."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import MutableMapping

import pytest

from hub.errors import Misconfigured
from hub.web.listener import listening
from tests.support.stub_connector import PATH
from tests.web.conftest import SECONDS, Line, Serve, Site, post

MIB = 1024 * 1024


async def test_a_connection_serves_one_request_after_the_other(site: Site) -> None:
    line = await site.line()
    for number in range(20):
        await line.send(post(b"%d" % number))
        assert (await line.reply()).status == 200
    await line.send(post(signature=b"bad"))
    assert (await line.reply()).status == 401
    await line.send(post(b"after"))
    assert (await line.reply()).status == 200

    assert site.kept() == [*(b"%d" % number for number in range(20)), b"after"]


async def test_an_answer_before_the_body_ends_the_connection(site: Site) -> None:
    """What follows is the unread body, not a request."""
    line = await site.line()
    hidden = post(b"smuggled")
    await line.send(post(hidden, path="/nowhere"))
    reply = await line.reply()

    assert (reply.status, reply.headers["connection"]) == (404, "close")
    assert await line.closed() == b""
    assert site.kept() == []


async def test_a_large_body_still_on_its_way_does_not_cut_off_the_answer(site: Site) -> None:
    for _ in range(5):
        line = await site.line()
        sending = asyncio.create_task(line.send(post(b"x" * 6 * MIB)))
        assert (await line.reply()).status == 413
        await sending


async def test_requests_sent_ahead_are_answered_in_order(site: Site) -> None:
    line = await site.line()
    await line.send(post(b"1") + post(b"2", signature=b"bad") + post(b"3"))

    assert [(await line.reply()).status for _ in range(3)] == [200, 401, 200]
    assert site.kept() == [b"1", b"3"]


async def test_a_client_far_ahead_of_its_answers_is_cut_off(site: Site) -> None:
    line = await site.line()
    await line.send(post(b"x") * 1000)
    await line.closed()

    assert len(site.kept()) < 100


@pytest.mark.parametrize(
    "garbage",
    [
        post().replace(b"Content-Length: 2", b"Content-Length: two"),
        post().replace(b"Content-Length: 2", b"Content-Length: -1"),
        post().replace(b"Content-Length: 2", b"Content-Length: +2"),
        post().replace(b"Content-Length: 2", b"Content-Length: 0x2"),
        post().replace(b"Content-Length: 2", b"Content-Length: " + b"9" * 40),
        post(b"{}", b"Content-Length: 3"),
        post(b"{}", b"Content-Length: 2"),
        post(b"2\r\n{}\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
        post().replace(b"Content-Length: 2", b"Transfer-Encoding: chunked\r\n")[:-2] + b"\r\nzz\r\n",
        post(b"{}", b"Bad Header: x"),
        post(b"{}", b"Nul: a\0b"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"CONNECT hub:443 HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"BREW /pot HTTP/1.1\r\n\r\n",
        b"\0" * 100,
    ],
    ids=range(17),
)
async def test_garbage_gets_a_400_or_nothing(site: Site, garbage: bytes) -> None:
    line = await site.line()
    await line.send(garbage)

    answer = await line.closed()

    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404")), answer
    assert site.kept() == []
    assert (await site.ask(post(b"next"))).status == 200


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c", b"anything"])
async def test_an_upgrade_is_declined_with_all_that_follows(site: Site, upgrade: bytes) -> None:
    """Its body must not pass for the next request."""
    line = await site.line()
    await line.send(post(post(b"smuggled"), b"Connection: Upgrade", b"Upgrade: " + upgrade))

    assert (await line.reply()).status == 400
    assert await line.closed() == b""
    assert site.kept() == []


async def test_odd_but_right_requests_pass(site: Site) -> None:
    absolute = post(b"absolute", path="http://hub.example" + PATH)
    old = post(b"old").replace(b"HTTP/1.1", b"HTTP/1.0")
    escaped = post(b"escaped", path=PATH.replace("w", "%77"))

    for request in (absolute, old, escaped):
        assert (await site.ask(request)).status == 200
    assert site.kept() == [b"absolute", b"old", b"escaped"]


@pytest.mark.parametrize(
    "drip",
    [
        b"",
        b"POST",
        post()[:60],
        post(b"x" * 100)[:-50],
        post(b"whole") + post()[:60],
        post(b"whole") + post(b"x" * 100)[:-50],
    ],
    ids=["nothing", "a word", "half a header", "half a body", "after another", "half a body after another"],
)
async def test_a_slow_client_is_closed_in_time(serve: Serve, drip: bytes) -> None:
    async with serve(request_seconds=0.3) as site:
        line = await site.line()
        started = time.monotonic()
        await line.send(drip)
        dripping = asyncio.create_task(drip_on(line))
        await line.closed()
        dripping.cancel()

        assert time.monotonic() - started < 6, "keep-alive of 5 s at most, mostly the deadline"
        assert site.intake._in_flight == 0
        assert (await site.ask(post(b"next"))).status == 200


async def drip_on(line: Line) -> None:
    """Send on, a byte at a time, too few to end anything."""
    while True:
        await asyncio.sleep(0.05)
        line.writer.write(b"x")


@pytest.mark.parametrize("part", ["header", "chunk extension", "trailer"])
async def test_what_never_ends_is_cut_off(site: Site, part: str) -> None:
    chunked = post()[: post().index(b"Content-Length")] + b"Transfer-Encoding: chunked\r\n\r\n"
    start = {
        "header": post()[:-4] + b"\r\nX-Long: ",
        "chunk extension": chunked + b"2;",
        "trailer": chunked + b"2\r\n{}\r\n0\r\nX-Long: ",
    }[part]
    line = await site.line()
    await line.send(start)
    for _ in range(400):
        await line.send(b"x" * 65_536)
        if line.writer.transport.is_closing() or line.reader.at_eof():
            break
    else:
        pytest.fail("26 MB of it were taken")

    assert b" 200 " not in await line.closed()


async def test_a_client_that_reads_no_answer_is_closed(serve: Serve) -> None:
    async with serve(request_seconds=0.3) as site:
        line = await site.line()
        line.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        request = b"GET %s?%s HTTP/1.1\r\n\r\n" % (PATH.encode(), b"q" * 15_000)
        async with asyncio.timeout(SECONDS):
            while not line.writer.transport.is_closing():
                line.writer.write(request)
                await asyncio.sleep(0.001)


async def test_blank_lines_keep_no_connection_open(serve: Serve) -> None:
    async with serve(request_seconds=0.3) as site:
        line = await site.line()
        await line.send(post())
        assert (await line.reply()).status == 200
        await line.send(b"\r\n")

        assert await line.closed() == b""


async def test_connections_beyond_the_cap_are_closed_at_once(serve: Serve) -> None:
    async with serve(connections=5) as site:
        held = [await site.line() for _ in range(5)]
        await asyncio.sleep(0.05)
        beyond = await site.line()
        assert await beyond.closed() == b""

        await held[0].send(post(b"within"))
        assert (await held[0].reply()).status == 200


async def test_a_port_that_another_has_is_named(site: Site) -> None:
    with pytest.raises(Misconfigured, match=rf"port {site.port} on 127\.0\.0\.1 cannot be listened on"):
        async with listening(site.app, "127.0.0.1", site.port):
            pass


async def test_stopping_waits_for_nobody_slow(serve: Serve) -> None:
    async with serve(request_seconds=1) as site:
        for drip in (b"", post()[:60], post(b"x" * 100)[:-50]):
            await (await site.line()).send(drip)
        line = await site.line()
        await line.send(post(b"done"))
        assert (await line.reply()).status == 200
        started = time.monotonic()

    assert time.monotonic() - started < 4


@pytest.mark.parametrize("signature", [b"good", b"bad"])
async def test_whoever_is_gone_before_the_answer_troubles_nobody(site: Site, signature: bytes) -> None:
    """An answer that meets a closed transport raises in uvloop; what was kept stays kept."""
    sent: list[str] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(str(message["type"]))
        msg = "unable to perform operation on a closed transport"
        raise RuntimeError(msg)

    headers = [(b"content-length", b"2"), (b"x-signature", signature)]
    scope = {"type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b""}
    await site.app({**scope, "headers": headers, "client": ("127.0.0.1", 1)}, receive, send)

    assert sent == ["http.response.start"]
    assert site.kept() == ([b"{}"] if signature == b"good" else [])
    assert (await site.ask(post(b"next"))).status == 200
