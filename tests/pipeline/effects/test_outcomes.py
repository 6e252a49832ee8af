"""Each way in which a call may end leads to its own state, with the event that says so."""

from __future__ import annotations

import asyncio

import pytest

from hub.contracts import Accepted, NotTaken, Outcome, Rejected, Unclear
from hub.pipeline.effects.settle import pause_seconds
from hub.services import replies
from hub.settings import Waits
from tests.pipeline.effects.rig import Rig, hanging
from tests.support.replying import effect, until

LADDER = Waits().provider_retry_seconds


async def test_an_accepted_effect_is_told_as_sent(rig: Rig) -> None:
    (id_,) = await rig.ask("Hola")

    await rig.turn(rig.lane())

    row = await effect(rig.store, id_)
    assert (row.state, row.attempts, row.provider_id) == ("accepted", 1, f"wamid.{id_}.1")
    (event,) = await rig.events("reply.sent")
    assert (event.data.provider_message_id, event.data.attempt, event.subject) == (row.provider_id, 1, id_)
    (call,) = rig.sender.calls
    assert (call.effect_id, call.kind, call.reply_to, call.attempt) == (id_, replies.KIND, {"to": "5212221234567"}, 1)


async def test_sending_is_committed_before_the_first_byte(rig: Rig) -> None:
    (id_,) = await rig.ask("Hola")
    seen: list[str] = []

    async def look(_: object) -> Outcome:
        seen.append((await effect(rig.store, id_)).state)
        return Accepted("wamid.1")

    rig.sender.script = [look]

    await rig.turn(rig.lane())

    assert seen == ["sending"]


async def test_a_rejected_effect_fails_for_good_with_the_reason(rig: Rig) -> None:
    (id_,) = await rig.ask("Hola")
    rig.sender.script = [Rejected("131026", "No se puede entregar.")]
    lane = rig.lane()

    await rig.turn(lane)
    rig.move(days=1)
    await rig.turn(lane)

    assert await rig.states(id_) == ["failed"]
    (event,) = await rig.events("reply.failed")
    assert (event.data.code, event.data.explanation_es) == ("131026", "No se puede entregar.")
    assert len(rig.sender.calls) == 1


@pytest.mark.parametrize(
    "answer", [Unclear("cut"), RuntimeError("a bug of the sender"), TimeoutError("its own")], ids=repr
)
async def test_what_is_unclear_is_never_sent_again_but_shown_to_a_person(rig: Rig, answer: Outcome | Exception) -> None:
    (id_,) = await rig.ask("Hola")
    rig.sender.script = [answer]
    lane = rig.lane()

    await rig.turn(lane)
    assert await rig.states(id_) == ["unknown"]
    rig.move(seconds=119)
    await rig.turn(lane)
    assert await rig.told() == []
    rig.move(seconds=1)
    await rig.turn(lane, times=2)

    assert await rig.states(id_) == ["doubtful"]
    assert await rig.told() == ["doubtful"]
    for _ in range(5):
        rig.move(days=2)
        await rig.turn(lane)
    assert len(rig.sender.calls) == 1
    assert await rig.states(id_) == ["doubtful"]


async def test_a_call_that_outlasts_its_deadline_is_unclear(rig: Rig) -> None:
    (id_,) = await rig.ask("Hola")
    rig.sender.script = [hanging(asyncio.Event())]

    await rig.turn(rig.lane(deadline_seconds=0.02))

    assert (await rig.states(id_), rig.sender.script) == (["unknown"], [])


async def test_what_was_not_taken_climbs_the_ladder_until_it_has_no_use(rig: Rig) -> None:
    from datetime import timedelta

    (id_,) = await rig.ask("Hola", useful_for=timedelta(days=5))
    rig.sender.script = [NotTaken("131000", "Falla temporal.")] * 50
    lane = rig.lane()
    for attempt, pause in enumerate([*LADDER, LADDER[-1]], 1):
        await rig.turn(lane)
        assert len(rig.sender.calls) == attempt
        row = await effect(rig.store, id_)
        assert (row.state, row.attempts, row.code) == ("intent", attempt, "131000")
        assert (row.not_before - rig.clock.now()).total_seconds() == pause
        rig.move(seconds=pause - 1)
        await rig.turn(lane)
        assert len(rig.sender.calls) == attempt
        rig.move(seconds=1)
    assert await rig.told() == []

    rig.move(days=5)
    await rig.turn(lane, times=2)

    assert await rig.states(id_) == ["failed"]
    (event,) = await rig.events("reply.failed")
    assert event.data.code == "expired"
    assert "Falla temporal." in event.data.explanation_es
    assert len(rig.sender.calls) == len(LADDER) + 1


@pytest.mark.parametrize(
    ("scope", "asked", "attempts", "expected"),
    [
        ("conversation", None, 1, 60),
        ("conversation", None, 2, 300),
        ("conversation", None, 99, 86400),
        ("conversation", 7, 1, 7),
        ("conversation", 0, 1, 1),
        ("conversation", 7, 7, 7),
        ("conversation", 7, 8, 60),
        ("conversation", 7, 9, 300),
        ("conversation", 7, 99, 86400),
        ("conversation", 900, 9, 900),
        ("asset", None, 9, 60),
        ("credential", None, 9, 60),
    ],
)
def test_the_pause_is_the_providers_word_or_the_ladder(
    scope: str, asked: float | None, attempts: int, expected: float
) -> None:
    result = NotTaken("1", "no", asked, scope)  # type: ignore[arg-type]

    assert pause_seconds(result, attempts, LADDER) == expected


async def test_an_effect_that_expires_while_it_waits_is_never_sent(rig: Rig) -> None:
    from datetime import timedelta

    (id_,) = await rig.ask("Hola", useful_for=timedelta(hours=2))
    rig.move(hours=2)

    await rig.turn(rig.lane(), times=2)

    assert await rig.states(id_) == ["failed"]
    assert rig.sender.calls == []


async def test_without_a_route_nothing_is_sent_but_what_lost_its_use_is_told(rig: Rig) -> None:
    from datetime import timedelta

    ids = await rig.ask("uno", "dos", useful_for=timedelta(hours=2))
    lane = rig.lane(routed=False)
    await rig.turn(lane, times=2)
    assert await rig.states(*ids) == ["intent", "intent"]

    rig.move(hours=2)
    await rig.turn(lane)

    assert await rig.states(*ids) == ["failed", "failed"]
    assert rig.sender.calls == []


async def test_a_result_that_cannot_be_recorded_is_a_doubt(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        msg = "a bug of ours"
        raise ZeroDivisionError(msg)

    (id_,) = await rig.ask("Hola")
    monkeypatch.setattr(replies, "sent", fails)

    await rig.turn(rig.lane())

    row = await effect(rig.store, id_)
    assert (row.state, row.explanation_es) == ("unknown", "the result could not be recorded: ZeroDivisionError")


async def test_the_message_follows_its_effect(rig: Rig) -> None:
    (id_,) = await rig.ask("Hola")
    gate = asyncio.Event()
    rig.sender.script = [hanging(gate)]
    lane = rig.lane()
    await lane.step()
    await until(lambda: len(rig.sender.calls) == 1, "the call was made")
    assert [row[0] for row in await rig.rows("SELECT state FROM messages")] == ["requested"]

    gate.set()
    await lane.drain()

    assert [tuple(row) for row in await rig.rows("SELECT state, provider_id FROM messages")] == [
        ("sent", f"wamid.{id_}")
    ]
