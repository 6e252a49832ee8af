"""Webhooks over real sockets: every code, every limit, the journal's word for every 200."""

from __future__ import annotations

import asyncio
import json

import pytest

from hub.telemetry import metrics
from tests.support.counts import counted
from tests.support.stub_connector import PATH
from tests.web.conftest import Serve, Site, post

MIB = 1024 * 1024


async def test_a_genuine_delivery_is_answered_once_it_is_on_disk(site: Site) -> None:
    reply = await site.ask(post(b'{"n": 1}'))

    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers == {
        "content-type": "text/plain; charset=utf-8",
        "x-content-type-options": "nosniff",
        "content-length": "0",
    }
    assert site.kept() == [b'{"n": 1}']


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(signature=b"bad"), 401),
        (post(path="/webhooks/other/app"), 404),
        (post(path="/"), 404),
        (b"PUT " + post()[5:], 405),
        (b"HEAD " + post()[5:], 405),
        (b"OPTIONS " + post()[5:], 405),
        (post(b"", b"X-Long: " + b"x" * 17_000), 431),
        (post(path=PATH + "?" + "q" * 17_000), 431),
    ],
    ids=["signature", "address", "root", "PUT", "HEAD", "OPTIONS", "header", "query"],
)
async def test_what_is_refused_leaves_nothing(site: Site, request_: bytes, status: int) -> None:
    line = await site.line()
    await line.send(request_)

    head = await line.reader.readuntil(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"server:" not in head
    assert site.kept() == []
    if status == 405:
        assert b"allow: GET, POST" in head


@pytest.mark.feature("SE-02")
async def test_three_megabytes_pass_while_four_and_a_byte_are_refused_unread(site: Site) -> None:
    body = json.dumps([{"text": "á" * 100}] * 5_500).encode()
    assert len(body) > 3_000_000
    assert (await site.ask(post(body))).status == 200
    largest = b"x" * (4 * MIB)
    assert (await site.ask(post(largest))).status == 200

    line = await site.line()
    head = post(largest + b"x")[: -len(largest) - 1]
    await line.send(head)
    reply = await line.reply()

    assert (reply.status, reply.headers["connection"]) == (413, "close")
    assert site.kept() == [body, largest], "byte for byte"


async def test_a_thousand_updates_in_one_body_pass(site: Site) -> None:
    update = {"id": "1", "changes": [{"field": "messages", "value": {"text": "x" * 1000}}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [update] * 1000}).encode()

    assert (await site.ask(post(body))).status == 200
    assert site.kept() == [body]


async def test_a_chunked_body_is_taken_up_to_the_same_limit(site: Site) -> None:
    head = post()[: post().index(b"Content-Length")] + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"

    small = await site.ask(head + b"2\r\n{}\r\n0\r\n\r\n")
    line = await site.line()
    await line.send(head + chunk * 65)
    large = await line.reply()

    assert (small.status, large.status) == (200, 413)
    assert site.kept() == [b"{}"]


async def test_copies_that_come_together_are_all_taken(site: Site) -> None:
    """The journal keeps each: which of them says something new is for ingest to tell."""
    replies = await asyncio.gather(*(site.ask(post(b'{"id": "same"}')) for _ in range(100)))

    assert [reply.status for reply in replies] == [200] * 100
    assert site.kept() == [b'{"id": "same"}'] * 100


async def test_a_client_that_waits_to_be_asked_is_asked(site: Site) -> None:
    line = await site.line()
    await line.send(post(b"{}", b"Expect: 100-continue")[:-2])
    assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await line.send(b"{}")
    assert (await line.reply()).status == 200

    refused = await site.line()
    await refused.send(post(b"{}", b"Expect: 100-continue", path="/elsewhere")[:-2])
    assert (await refused.reply()).status == 404
    assert await refused.closed() == b"", "no 100 after the answer"


async def test_a_provider_without_us_is_told_when_to_come_again(site: Site) -> None:
    site.journal.ready = False
    reply = await site.ask(post())
    site.journal.ready = True
    site.intake.closing = True
    closing = await site.ask(post())

    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert (closing.status, closing.headers["retry-after"]) == (503, "5")
    assert site.kept() == []


async def test_a_handshake_comes_back_as_plain_text(site: Site) -> None:
    reply = await site.ask(b"GET %s?hub.challenge=1 HTTP/1.1\r\nHost: hub\r\n\r\n" % PATH.encode())

    assert (reply.status, reply.body) == (200, b"hub.challenge=1")
    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.headers["x-content-type-options"] == "nosniff"


async def test_two_signatures_are_none(site: Site) -> None:
    for second in (b"good", b"bad"):
        assert (await site.ask(post(b"{}", b"X-Signature: " + second))).status == 401
    assert site.kept() == []


async def test_a_forger_is_limited_by_where_it_sends_from(serve: Serve) -> None:
    async with serve(bad_signatures_burst=2, bad_signatures_per_second=0.001) as site:
        statuses = [(await site.ask(post(signature=b"bad"))).status for _ in range(3)]
        spoofed = await site.ask(post(b"{}", b"X-Forwarded-For: 203.0.113.7", signature=b"bad"))

    assert statuses == [401, 401, 429]
    assert spoofed.status == 429, "whoever is no proxy of ours cannot choose its source"
    assert spoofed.headers["retry-after"] == "60"


async def test_behind_our_proxy_each_sender_counts_for_itself(serve: Serve) -> None:
    async with serve(trusted=("127.0.0.0/8",), bad_signatures_burst=1, bad_signatures_per_second=0.001) as site:

        async def status(forwarded: bytes) -> int:
            return (await site.ask(post(b"{}", b"X-Forwarded-For: " + forwarded, signature=b"bad"))).status

        assert await status(b"203.0.113.7") == 401
        assert await status(b"203.0.113.7") == 429
        assert await status(b"203.0.113.8") == 401
        assert await status(b"203.0.113.9, 203.0.113.8") == 429, "the last hop is the one that our proxy saw"
        assert await status(b"203.0.113.8, 127.0.0.9") == 429, "hops of our own are passed over"
        assert await status(b"2001:db8::1") == 401
        assert await status(b"2001:db8::ffff") == 429, "one /64 is one sender"


async def test_every_refusal_is_counted(site: Site) -> None:
    def count(connector: str, reason: str) -> float:
        return counted(metrics.refused.labels(connector, reason))

    before = [count("test", "signature"), count("unknown", "address")]
    await site.ask(post(signature=b"bad"))
    await site.ask(post(path="/nowhere"))

    assert [count("test", "signature"), count("unknown", "address")] == [number + 1 for number in before]
