"""The attacks, each at a given size, with what must hold at every size."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.benchmarks.bodies import PATH
from tests.reliability.floods import greedy, hostile, sockets
from tests.reliability.floods.site import Flooded, Site

REQUEST_SECONDS: Final = 10.0
"""As shipped: how long a request may take from its first byte to its last."""

KINDS: Final = ("headers", "bodies", "never reading")


@dataclass(frozen=True)
class Scale:
    """How large the attacks are."""

    slow_sockets: int
    slow_seconds: float
    drip_seconds: float
    request_seconds: float
    greedy_senders: int
    bad_seconds: float
    depth: int
    mutations: int


SLICE: Final = Scale(90, 3, 0.3, 1.5, 20, 1, 100_000, 250)
FULL: Final = Scale(2000, 60, 5, REQUEST_SECONDS, 20, 20, 100_000, 10_000)


async def slow(site: Site, scale: Scale) -> Flooded:
    """Slow sockets of three kinds, opened again as they are closed."""
    kinds = sockets.all_kinds(scale.drip_seconds)
    async with _attacked(site, "slow", scale.slow_seconds) as flooded:
        left = await sockets.hold(site.hub.webhook_port, kinds, scale.slow_sockets, scale.slow_seconds)
    for name, kind in zip(KINDS, kinds, strict=True):
        flooded.statuses.update({f"{name}: {status}": count for status, count in kind.statuses.items()})
    lives = {name: round(max(kind.lived), 1) for name, kind in zip(KINDS, kinds, strict=True)}
    lived = max(lives.values())
    flooded.facts |= {"sockets": scale.slow_sockets, "longest_life_seconds": lives}
    flooded.must(lived < scale.request_seconds + 5, f"a slow socket lived for {lives} s")
    flooded.must(left < scale.request_seconds + 5, f"slow sockets were open {left:.0f} s later")
    return flooded


async def one_greedy_body(site: Site, scale: Scale) -> Flooded:
    """One body of 100 MB that does not say so: refused one piece behind the limit."""
    async with _attacked(site, "one", 0.5) as flooded:
        status, sent, seconds = await greedy.pour(site.hub.webhook_port, greedy.CHUNKED, greedy.CHUNK)
    flooded.statuses[status] += 1
    flooded.facts |= {"sent_bytes": sent, "answered_seconds": round(seconds, 3)}
    flooded.must(status == "413", f"it was answered {status}")
    # 16 are for the body, which tests/web holds a lone listener to; here a whole hub works for its customers meanwhile.
    flooded.must_not_grow(32)
    return flooded


async def greedy_bodies(site: Site, scale: Scale) -> Flooded:
    """Bodies of 100 MB at once, half of them declared, half chunked."""
    port = site.hub.webhook_port
    async with _attacked(site, "greedy", 2) as flooded:
        kinds = itertools.cycle([(greedy.DECLARED, greedy.PIECE), (greedy.CHUNKED, greedy.CHUNK)])
        poured = await asyncio.gather(*(greedy.pour(port, *next(kinds)) for _ in range(scale.greedy_senders)))
    flooded.statuses.update(status for status, _, _ in poured)
    # Who goes on sending is cut off in the end; the cut may overtake an answer that a busy sender has not read yet.
    flooded.must("413" in flooded.statuses, f"nobody was told that it is too large: {flooded.statuses}")
    flooded.must(set(flooded.statuses) <= {"413", "503", "closed"}, f"greedy: {flooded.statuses}")
    flooded.must_not_grow(100)
    return flooded


async def crooked(site: Site, scale: Scale) -> Flooded:
    """Requests whose lengths lie, whose addresses or headers are endless, that are no HTTP."""
    unexpected = []
    async with _attacked(site, "crooked", 2) as flooded:
        for what, (data, allowed) in greedy.crooked().items():
            status = await site.answer(data, source="127.0.3.1")
            flooded.statuses[f"{what}: {status}"] += 1
            if status not in allowed:
                unexpected.append((what, status))
        broken = await _half_closed(site, greedy.too_long())
        flooded.statuses[f"a length that is too long: {broken}"] += 1
        bomb = await site.post(iter([]))
        bomb[await site.answer(greedy.gzipped(greedy.gzip_bomb()))] += 1
        site.kept += bomb["200"]
        flooded.statuses.update({f"100 MiB, compressed: {status}": count for status, count in bomb.items()})
    flooded.must(not unexpected, f"unexpected: {unexpected}")
    flooded.must(broken == "closed", f"a length that is too long: {broken}")
    flooded.must_not_grow(64)
    return flooded


async def bad_signatures(site: Site, scale: Scale) -> Flooded:
    """Forged deliveries as fast as they go, from one address after another."""
    deadline = time.monotonic() + scale.bad_seconds
    forged = b'{"object":"whatsapp_business_account","entry":[]}'
    wrong = b"X-Hub-Signature-256: sha256=" + b"0" * 64
    head = b"POST %s HTTP/1.1\r\nHost: hub\r\n%s\r\nContent-Length: %d\r\n\r\n" % (PATH.encode(), wrong, len(forged))
    async with _attacked(site, "forged", scale.bad_seconds) as flooded:

        async def forge(number: int) -> None:
            while time.monotonic() < deadline:
                flooded.statuses[await site.answer(head + forged, source=f"127.0.4.{number + 1}")] += 1

        await asyncio.gather(*(forge(number) for number in range(8)))
    per_second = sum(flooded.statuses.values()) / scale.bad_seconds
    cost = 1000 * flooded.cpu_seconds / sum(flooded.statuses.values())
    flooded.facts |= {"forged_per_second": round(per_second), "cpu_ms_per_forged_with_connection": round(cost, 2)}
    flooded.must(set(flooded.statuses) <= {"401", "429"}, "forged: 401 or 429")
    flooded.must_not_grow(32)
    return flooded


async def bombs(site: Site, scale: Scale) -> Flooded:
    """JSON that breaks parsers, well signed: kept, looked at, set aside."""
    found = hostile.bombs(scale.depth)
    async with _attacked(site, "bombs", 2) as flooded:
        flooded.statuses = await site.post(iter(found.values()), connections=4)
    flooded.must(flooded.statuses == {"200": len(found)}, "all that is well signed is kept")
    return flooded


async def mutations(site: Site, scale: Scale) -> Flooded:
    """Recorded payloads with something wrong, well signed."""
    async with _attacked(site, "mutated", 2 if scale is SLICE else 30) as flooded:
        flooded.statuses = await site.post(hostile.mutated(scale.mutations, seed=1))
    flooded.facts["seed"] = 1
    flooded.must(flooded.statuses == {"200": scale.mutations}, "all that is well signed is kept")
    return flooded


ALL: Final[Mapping[str, Callable[[Site, Scale], Coroutine[Any, Any, Flooded]]]] = {
    "slow": slow,
    "one_greedy_body": one_greedy_body,
    "greedy_bodies": greedy_bodies,
    "crooked": crooked,
    "bad_signatures": bad_signatures,
    "bombs": bombs,
    "mutations": mutations,
}


def limits(scale: Scale) -> dict[str, str]:
    """Return the limits of the hub that is attacked: the shipped ones, but for a slice's patience."""
    return {} if scale.request_seconds == REQUEST_SECONDS else {"REQUEST_SECONDS": str(scale.request_seconds)}


@asynccontextmanager
async def _attacked(site: Site, name: str, seconds: float) -> AsyncIterator[Flooded]:
    """Attack while customers write; whatever the attack is, each of them is answered 200, nobody 500."""
    async with site.under_attack(name, seconds) as flooded:
        yield flooded
    flooded.must(set(flooded.genuine["statuses"]) == {"200"}, f"customers: {flooded.genuine['statuses']}")
    flooded.must(not any(status.endswith("500") for status in flooded.statuses), "nobody is answered 500")


async def _half_closed(site: Site, data: bytes) -> str:
    """Send all there is, close, then return what is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.hub.webhook_port)
    writer.write(data)
    writer.write_eof()
    async with asyncio.timeout(60):
        line = await reader.readline()
    writer.transport.abort()
    return line[9:12].decode() or "closed"
