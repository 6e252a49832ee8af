"""Replies over real sockets to a WhatsApp that misbehaves: one message, or one doubt, never two."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub import killpoints
from hub.pipeline.effects.lane import Lane
from tests.connectors.whatsapp import harness
from tests.pipeline.effects.rig import Rig
from tests.pipeline.ingest import rig as ingest_rig
from tests.support.ports import free_ports
from tests.support.replying import effect

STATUSES = (("sent", 0.0), ("delivered", 0.0))


@pytest.fixture
async def provider(rig: Rig) -> AsyncIterator[harness.Rig]:
    async with harness.running(statuses=STATUSES) as provider:
        sender = provider.sender(timeout_seconds=0.5)
        rig.sender = sender  # type: ignore[assignment]
        yield provider
        await sender.close()


async def misbehave(provider: harness.Rig, **fault: Any) -> None:
    await provider.control("POST", "faults", {"answers": [fault]})


async def received(provider: harness.Rig) -> list[str]:
    """Return what the phones have got."""
    return [entry["text"] for entry in await provider.ledger("send") if entry["delivered"]]


async def hear(rig: Rig, provider: harness.Rig, webhooks: int) -> None:
    """Ingest the statuses that the provider tells."""
    bodies = await provider.accepted(webhooks)
    async with ingest_rig.journaling(rig.store, rig.clock, rig.data) as ingest:
        await ingest.take(*bodies)


async def test_a_reply_arrives_and_its_statuses_confirm_it(rig: Rig, provider: harness.Rig) -> None:
    (id_,) = await rig.ask("Su folio es T-1042")

    await rig.turn(rig.lane())
    await hear(rig, provider, 2)

    assert await received(provider) == ["Su folio es T-1042"]
    assert await rig.states(id_) == ["confirmed"]
    assert await rig.told() == ["sent", "delivered"]


TAKEN = [
    pytest.param({"do": "cut_after"}, id="cut after taking"),
    pytest.param({"do": "truncated"}, id="truncated"),
    pytest.param({"do": "plain", "status": 502, "taken": True}, id="502 of a gateway, taken"),
    pytest.param({"do": "hang", "taken": True, "seconds": 0.8}, id="hang, taken"),
]
NOT_TAKEN = [
    pytest.param({"do": "cut_before"}, id="cut before taking"),
    pytest.param({"do": "plain", "status": 503}, id="503 of a gateway"),
    pytest.param({"do": "hang", "seconds": 0.8}, id="hang"),
    pytest.param({"do": "error", "status": 500, "code": 999_999}, id="unknown code"),
]


@pytest.mark.parametrize("fault", [*TAKEN, *NOT_TAKEN])
async def test_a_lost_answer_is_never_sent_again_and_holds_nobody_for_long(
    rig: Rig, provider: harness.Rig, fault: dict[str, Any]
) -> None:
    ids = await rig.ask("uno", "dos")
    await provider.control("POST", "faults", {"answers": [fault], "drop_statuses": ["sent", "delivered"]})
    lane = rig.lane()

    await rig.turn(lane, times=2)
    assert await rig.states(*ids) == ["unknown", "intent"]
    rig.move(minutes=2)
    await rig.turn(lane, times=3)
    rig.move(days=1)
    await rig.turn(lane, times=3)

    assert await rig.states(*ids) == ["doubtful", "accepted"]
    assert len(await provider.ledger("send")) == 2
    assert (await received(provider)).count("uno") <= 1


@pytest.mark.parametrize("fault", TAKEN)
async def test_the_status_settles_what_was_taken_after_all(
    rig: Rig, provider: harness.Rig, fault: dict[str, Any]
) -> None:
    (id_,) = await rig.ask("uno")
    await misbehave(provider, **fault)
    await rig.turn(rig.lane())
    assert await rig.states(id_) == ["unknown"]

    await hear(rig, provider, 2)

    assert await rig.states(id_) == ["confirmed"]
    assert await received(provider) == ["uno"]
    assert await rig.told() == ["sent", "delivered"]


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"do": "error", "status": 500, "code": 131000}, 60),
        ({"do": "error", "status": 400, "code": 131056}, 4),
        ({"do": "error", "status": 503, "code": 2, "retry_after": 7}, 7),
        ({"do": "error", "status": 429, "code": 130429, "retry_after": 9}, 9),
        ({"do": "plain", "status": 429, "retry_after": 5}, 5),
        ({"do": "error", "status": 401, "code": 190}, 60),
    ],
)
async def test_what_was_surely_not_taken_is_sent_again_when_it_may(
    rig: Rig, provider: harness.Rig, fault: dict[str, Any], seconds: int
) -> None:
    (id_,) = await rig.ask("uno")
    await misbehave(provider, **fault)
    lane = rig.lane()
    await rig.turn(lane)
    rig.move(seconds=seconds - 1)
    await rig.turn(lane)
    assert (await rig.states(id_), await received(provider)) == (["intent"], [])

    rig.move(seconds=1)
    await rig.turn(lane)

    assert (await rig.states(id_), await received(provider)) == (["accepted"], ["uno"])


async def test_a_provider_that_is_not_there_has_surely_not_taken_it(rig: Rig) -> None:
    (id_,) = await rig.ask("uno")
    sender = harness.sender_to(f"http://127.0.0.1:{free_ports(1)[0]}")
    rig.sender = sender  # type: ignore[assignment]

    await rig.turn(rig.lane())
    await sender.close()

    row = await effect(rig.store, id_)
    assert (row.state, row.code) == ("intent", "unreachable")


async def test_a_message_that_fails_later_is_told_with_its_reason(rig: Rig, provider: harness.Rig) -> None:
    (id_,) = await rig.ask("uno")
    await provider.control("POST", "faults", {"fail_code": 131026})

    await rig.turn(rig.lane())
    await hear(rig, provider, 2)

    assert await rig.states(id_) == ["failed"]
    (event,) = await rig.events("reply.failed")
    assert (event.data.code, event.data.explanation_es[:8]) == ("131026", "WhatsApp")


class Killed(BaseException):
    """The process died here."""


@pytest.mark.feature("CO-04", part="whatsapp")
@pytest.mark.parametrize("point", ["effect.sending", "effect.answered", "effect.settled"])
@pytest.mark.parametrize("heard", [True, False])
async def test_a_death_around_the_answer_leaves_one_message_or_one_doubt(
    rig: Rig, provider: harness.Rig, monkeypatch: pytest.MonkeyPatch, point: str, *, heard: bool
) -> None:
    ids = await rig.ask("uno", "dos")
    if not heard:
        await provider.control("POST", "faults", {"drop_statuses": ["sent", "delivered"]})
    await _die_at(rig, point, monkeypatch)
    lane = rig.lane(holder="the next")
    await rig.worker().recover()
    if heard and point != "effect.sending":
        await hear(rig, provider, 2)
    rig.move(minutes=2)
    await rig.turn(lane, times=4)
    rig.move(days=2)
    await rig.turn(lane, times=4)

    sends = [entry["effect"] for entry in await provider.ledger("send")]
    assert len(sends) == len(set(sends))
    first, second = await rig.states(*ids)
    expected = {"effect.sending": "doubtful", "effect.answered": "confirmed" if heard else "doubtful"}
    assert first == expected.get(point, "confirmed" if heard else "accepted")
    assert second == "accepted"


async def _die_at(rig: Rig, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(name: str) -> None:
        if name == point:
            raise Killed

    lane: Lane = rig.lane(holder="the dead one")
    with monkeypatch.context() as armed:
        armed.setattr(killpoints, "reached", reached)
        try:
            await lane.step()
            await lane.drain()
        except Killed:
            await lane.drain()


def test_the_kill_points_are_the_hubs_own() -> None:
    assert {"effect.sending", "effect.answered", "effect.settled"} <= set(killpoints.POINTS)
