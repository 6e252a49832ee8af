"""Plays a stream of webhook items to a hub in any order, cut anyhow, some of it twice; tells how it ends."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from connectors.facebook import CONNECTOR as FACEBOOK
from hub.contracts import Accepted
from hub.pipeline.effects import settle
from hub.settings import Waits
from tests.pipeline.ingest.rig import Rig, running
from tests.support.clock import MONDAY_MORNING
from tests.support.replying import ask, attempt, effect
from tests.support.webhooks import Json

START: Final = MONDAY_MORNING - timedelta(hours=2)
REPLIES: Final = 20
TWICE: Final = 200
_AT_ONCE: Final = 50

_QUERIES: Final = {
    "messages": "SELECT provider_id, kind, text, state, revision, edit_rank, deleted_at, hidden, reactions, direction,"
    " quoted_provider_id FROM messages",
    "whose": "SELECT m.provider_id, i.alias, c.thread FROM messages m JOIN conversations c ON c.id = m.conversation_id"
    " JOIN identities i ON i.contact_id = c.contact_id",
    "effects": "SELECT provider_id, state FROM effects",
    "alerts": "SELECT connector, asset, alert, severity, explanation_es, told_at FROM channel_alerts",
    "preferences": "SELECT i.alias, p.category, p.allowed, p.told_at FROM preferences p"
    " JOIN identities i ON i.contact_id = p.contact_id",
    "waiting": "SELECT count(*) FROM waiting_items",
    "windows": "SELECT i.alias, c.thread, c.window_opened_at, c.holder, c.holder_since FROM conversations c"
    " JOIN identities i ON i.contact_id = c.contact_id",
}


@dataclass(frozen=True)
class Stream:
    """What happens on one asset.

    Attributes:
        object: What the provider calls its webhooks.
        entries: One thing each, in the order in which they happened; ``@reply_n@`` stands for the id of our n-th reply.
        told: How our replies end, by the provider's ids, in the order in which they are asked for.
        open: Opens the conversation in which the hub replies, before anything else happens.
    """

    connector: str
    object: str
    entries: tuple[Json, ...]
    told: Mapping[str, str]
    open: Callable[[Rig], Awaitable[str]]


def shuffled(stream: Stream, chance: random.Random) -> list[Json]:
    """Return everything in any order, some of it twice."""
    entries = [*stream.entries, *chance.sample(stream.entries, TWICE)]
    chance.shuffle(entries)
    return entries


async def play(
    stream: Stream, path: Path, entries: Sequence[Json], size: int, answered: float, *, engine: str = "sqlite"
) -> dict[str, Any]:
    """Deliver entries, so many a webhook; the answers of our calls come after that share. Return how it ends."""
    async with running(path, engine) as rig:
        rig.connectors["facebook"] = FACEBOOK
        conversation = await stream.open(rig)
        ids = await ask(rig.store, conversation, *(f"respuesta {number}" for number in range(REPLIES)))
        for one in ids:
            await attempt(rig.store, one)
        under_way = [await effect(rig.store, one) for one in ids]
        bodies = _bodies(stream, entries, size, ids)
        after = int(answered * len(bodies))
        await _take(rig, stream, bodies[:after])
        for provider_id, row in zip(stream.told, under_way, strict=True):
            await rig.store.transact(settle.outcomes([(row, Accepted(provider_id))], Waits()), name="tests.answer")
        await _take(rig, stream, bodies[after:])
        sums = await rig.sums(stream.connector)
        assert "quarantined" not in sums
        return await _end(rig, stream)


async def _take(rig: Rig, stream: Stream, bodies: Sequence[bytes]) -> None:
    # In order, what is cheap comes first: an ingester that learnt its pace from that would hold the writer later.
    for first in range(0, len(bodies), _AT_ONCE):
        await rig.take(*bodies[first : first + _AT_ONCE], connector=stream.connector)


async def _end(rig: Rig, stream: Stream) -> dict[str, Any]:
    """Return everything that a person would see, by the provider's ids."""
    found: dict[str, Any] = {name: sorted(map(repr, await rig.rows(sql))) for name, sql in _QUERIES.items()}
    facts = [event for event in await rig.events() if event.source.startswith(f"/{stream.connector}/")]
    found["facts"] = sorted(event.id for event in facts)
    states = await rig.rows("SELECT provider_id, state FROM messages WHERE direction = 'out' AND state != 'echoed'")
    found["told"] = {row.provider_id: row.state for row in states}
    return found


def _bodies(stream: Stream, entries: Sequence[Json], size: int, replies: Sequence[str]) -> list[bytes]:
    bodies = []
    for first in range(0, len(entries), size):
        body = json.dumps({"object": stream.object, "entry": entries[first : first + size]})
        for number, reply in enumerate(replies):
            body = body.replace(f"@reply_{number}@", reply)
        bodies.append(body.encode())
    return bodies
