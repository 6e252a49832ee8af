"""A thousand items of every kind, shuffled, doubled, cut anyhow into deliveries, end the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.contracts import Accepted
from hub.pipeline.effects import settle
from hub.settings import Waits
from tests.pipeline.ingest.rig import Rig, running
from tests.support.clock import MONDAY_MORNING
from tests.support.replying import ask, attempt, effect, open_conversation
from tests.support.webhooks import NUMBER, Json, change, status, text

PEOPLE = [f"521222{number:07d}" for number in range(12)]
SAID = 300
REPLIES = 20
START = MONDAY_MORNING - timedelta(hours=2)
TOLD = (
    (("sent", "delivered", "read", "failed"), "read"),
    (("delivered", "failed"), "delivered"),
    (("sent", "failed"), "failed"),
    (("sent", "delivered"), "delivered"),
)
TEMPLATE = {"message_template_name": "encuesta", "message_template_language": "es_MX"}


def _at(second: int) -> Any:
    return START + timedelta(seconds=second)


def _message(number: int, kind: str, of: int, body: Json) -> Json:
    said = text(f"wamid.{kind}.{number}", sender=PEOPLE[of % len(PEOPLE)], at=_at(1000 + number))
    return change(messages=[{**said, "type": kind, kind: body}])


def _of(target: int) -> Json:
    return {"original_message_id": f"wamid.{target}"}


def _account(number: int) -> Json:
    event = ("REJECTED", "APPROVED", "PAUSED")[number % 3]
    return {"field": "message_template_status_update", "value": {**TEMPLATE, "event": event, "number": number}}


def _beside(field: str, name: str, item: Json) -> Json:
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, name: [item]}
    return {"field": field, "value": value}


def _preference(number: int) -> Json:
    said = {"wa_id": PEOPLE[number % 3], "category": "marketing_messages", "value": ("stop", "resume")[number % 2]}
    return _beside("user_preferences", "user_preferences", {**said, "timestamp": int(_at(number).timestamp())})


def _echo(number: int) -> Json:
    told = text(f"wamid.echo.{number}", f"a mano {number}", sender="525541234567", at=_at(number))
    return _beside("smb_message_echoes", "message_echoes", {**told, "to": PEOPLE[number % len(PEOPLE)]})


def _stream() -> list[Json]:
    """Return a thousand changes of one item each, in the order in which things happened."""
    said = [
        change(messages=[text(f"wamid.{n}", f"mensaje {n}", sender=PEOPLE[n % len(PEOPLE)], at=_at(n))])
        for n in range(SAID)
    ]
    edits = [
        _message(n, "edit", n, {**_of(n % 150), "message": {"type": "text", "text": {"body": f"corregido {n}"}}})
        for n in range(200)
    ]
    reactions = [
        _message(n, "reaction", n, {"message_id": f"wamid.{n % 90}", **({"emoji": "👍"} if n % 3 else {})})
        for n in range(200)
    ]
    gone = [_message(n, "revoke", n, _of(n)) for n in range(40)]
    told = [
        change(statuses=[status(f"wamid.out.{n}", word, at=_at(n))])
        for n in range(REPLIES)
        for word in TOLD[n % len(TOLD)][0]
    ]
    rest = [_account(n) for n in range(70)] + [_preference(n) for n in range(70)] + [_echo(n) for n in range(70)]
    return said + edits + reactions + gone + told + rest


STREAM = _stream()


def _bodies(stream: Sequence[Json], size: int) -> list[bytes]:
    entries = [
        {
            "id": "123450000000001",
            "time": int(START.timestamp()) + int(one.get("value", {}).get("number", 0)),
            "changes": [one],
        }
        for one in stream
    ]
    return [
        json.dumps({"object": "whatsapp_business_account", "entry": entries[first : first + size]}).encode()
        for first in range(0, len(entries), size)
    ]


async def _replies(rig: Rig) -> dict[str, Any]:
    """Return the effects under way, by the id that the provider will give them."""
    conversation = await open_conversation(rig.store)
    ids = await ask(rig.store, conversation, *(f"respuesta {n}" for n in range(REPLIES)))
    for one in ids:
        await attempt(rig.store, one)
    return {f"wamid.out.{n}": await effect(rig.store, one) for n, one in enumerate(ids)}


async def _accept(rig: Rig, effects: dict[str, Any]) -> None:
    for provider_id, row in effects.items():
        await rig.store.transact(settle.outcomes([(row, Accepted(provider_id))], Waits()), name="tests.answer")


async def _end(rig: Rig) -> dict[str, Any]:
    """Return everything that a person would see, by the provider's ids."""
    queries = {
        "messages": "SELECT provider_id, kind, text, state, revision, edit_rank, deleted_at, reactions, direction"
        " FROM messages",
        "whose": "SELECT m.provider_id, i.alias FROM messages m JOIN conversations c ON c.id = m.conversation_id"
        " JOIN identities i ON i.contact_id = c.contact_id",
        "effects": "SELECT provider_id, state FROM effects",
        "alerts": "SELECT connector, asset, alert, severity, explanation_es, told_at FROM channel_alerts",
        "preferences": "SELECT i.alias, p.category, p.allowed, p.told_at FROM preferences p"
        " JOIN identities i ON i.contact_id = p.contact_id",
        "waiting": "SELECT count(*) FROM waiting_items",
        "windows": "SELECT i.alias, c.window_opened_at FROM conversations c"
        " JOIN identities i ON i.contact_id = c.contact_id",
    }
    found = {name: sorted(map(repr, await rig.rows(sql))) for name, sql in queries.items()}
    facts = [event for event in await rig.events() if event.source.startswith("/whatsapp/")]
    found["facts"] = sorted(event.id for event in facts)
    return found


async def _play(path: Path, stream: Sequence[Json], size: int, answer_after: int) -> dict[str, Any]:
    async with running(path) as rig:
        effects = await _replies(rig)
        bodies = _bodies(stream, size)
        await rig.take(*bodies[:answer_after])
        await _accept(rig, effects)
        await rig.take(*bodies[answer_after:])
        sums = await rig.sums()
        assert sums["items"] == sum(amount for name, amount in sums.items() if name not in {"deliveries", "items"})
        assert "quarantined" not in sums
        return await _end(rig)


_known: dict[str, Any] = {}


@pytest.mark.feature("CI-03")
@pytest.mark.feature("NC-07", part="whatsapp")
# To shrink a thousand items takes minutes; a shuffle tells as much.
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
@given(st.randoms(use_true_random=False), st.integers(1, 60), st.floats(0, 1))
def test_a_thousand_items_in_any_order_end_the_same(
    tmp_path_factory: pytest.TempPathFactory, chance: Any, size: int, answered: float
) -> None:
    assert len(STREAM) == 1000
    if "end" not in _known:
        _known["end"] = asyncio.run(_play(tmp_path_factory.mktemp("plain"), STREAM, 1, 0))
        assert _known["end"]["waiting"] == ["(0,)"]
        for number in range(REPLIES):
            (row,) = [row for row in _known["end"]["messages"] if f"'wamid.out.{number}'" in row]
            assert f"'{TOLD[number % len(TOLD)][1]}'" in row
    stream = [*STREAM, *chance.sample(STREAM, 200)]
    chance.shuffle(stream)
    deliveries = -(-len(stream) // size)

    end = asyncio.run(_play(tmp_path_factory.mktemp("any"), stream, size, int(answered * deliveries)))

    assert end == _known["end"]
