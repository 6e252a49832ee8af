"""A wanted file is fetched once, tried until day 6, kept whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from hub.contracts import Fetched, NotFetched, Target
from hub.services import channels
from tests.pipeline.files.rig import PDF, Rig

AWAY = NotFetched("status_503", "El proveedor no responde.")


async def test_it_is_kept_under_a_random_name_then_told(rig: Rig) -> None:
    id_ = await rig.want(sha256=hashlib.sha256(PDF).hexdigest())

    await rig.turn(rig.worker())

    ((state, name, size, type_),) = await rig.rows(
        "SELECT state, stored_as, stored_bytes, stored_type FROM attachments"
    )
    assert (state, size, type_) == ("stored", len(PDF), "application/pdf")
    assert (rig.media / name[:2] / name).read_bytes() == PDF
    assert id_ not in name
    assert "factura" not in name
    assert await rig.told() == ["attachment.stored"]
    assert await rig.rows("SELECT * FROM leases") == []


@pytest.mark.feature("CI-15", part="whatsapp")
@pytest.mark.feature("CI-15", part="facebook")
async def test_it_is_tried_until_day_six_then_lost_with_an_alarm(rig: Rig) -> None:
    rig.fetcher.script = [AWAY] * 1_000
    await rig.want()
    worker = rig.worker()

    asked, tries = rig.clock.now(), []
    for _ in range(200):
        await rig.turn(worker)
        tries.append((rig.clock.now() - asked).total_seconds())
        if (await rig.states())[0][0] == "lost":
            break
        rig.move(hours=1)

    assert [state for state, _ in await rig.states()] == ["lost"]
    # The last attempt came on day six, with six hours between the later ones.
    assert 5.7 * 86_400 < tries[-1] <= 6.05 * 86_400
    assert 25 < len(rig.fetcher.asked) < 40
    assert await rig.told() == ["attachment.lost", "channel.alerted"]
    (alert,) = await rig.store.read(channels.open_alerts)
    assert (alert.alert, alert.severity) == ("files:lost", "warning")
    assert "pídele que lo mande otra vez" in alert.explanation_es
    assert rig.on_disk() == []


async def test_the_pauses_grow(rig: Rig) -> None:
    rig.fetcher.script = [AWAY, NotFetched("status_429", "Espera.", retry_after_seconds=900.0)]
    await rig.want()
    worker = rig.worker()

    await rig.turn(worker)
    await rig.turn(worker)
    assert len(rig.fetcher.asked) == 1, "too early"
    rig.move(seconds=10)
    await rig.turn(worker)
    rig.move(seconds=800)
    await rig.turn(worker)
    assert len(rig.fetcher.asked) == 2, "the provider asked for 900 seconds"
    rig.move(seconds=100)
    await rig.turn(worker)

    assert await rig.states() == [("stored", 3)]


async def test_what_the_provider_never_had_is_lost_at_once(rig: Rig) -> None:
    await rig.want(trouble="Meta no lo entrega: pesa más de 100 MB.")

    await rig.turn(rig.worker())

    assert rig.fetcher.asked == []
    assert await rig.told() == ["attachment.lost", "channel.alerted"]
    ((reason,),) = await rig.rows("SELECT reason FROM attachments")
    assert reason == "Meta no lo entrega: pesa más de 100 MB."


async def test_more_than_one_file_may_have_is_lost_nothing_of_it_kept(rig: Rig) -> None:
    rig.fetcher.script = [b"x" * 100_001]
    await rig.want()

    await rig.turn(rig.worker())

    assert await rig.states() == [("lost", 1)]
    assert rig.on_disk() == []


async def test_a_fetchers_bug_costs_an_attempt_not_the_worker(rig: Rig) -> None:
    async def broken(into: Target) -> Fetched:
        into.write(PDF)
        raise KeyError

    rig.fetcher.script = [broken]
    await rig.want()
    worker = rig.worker()

    await rig.turn(worker)
    assert await rig.states() == [("wanted", 1)]
    rig.move(hours=1)
    await rig.turn(worker)

    assert await rig.states() == [("stored", 2)]
    assert len(rig.on_disk()) == 1


async def test_another_digest_is_noted_the_file_is_kept(rig: Rig) -> None:
    await rig.want(sha256="ab" * 32)

    await rig.turn(rig.worker())

    assert await rig.states() == [("stored", 1)]
    ((data,),) = await rig.rows("SELECT data FROM events")
    assert '"is_as_announced":false' in str(data).replace(" ", "").replace("'", '"').replace("False", "false")


async def test_two_processes_never_fetch_the_same(rig: Rig) -> None:
    gate = asyncio.Event()

    async def hanging(into: Target) -> Fetched:
        into.write(PDF)
        await gate.wait()
        return Fetched()

    rig.fetcher.script = [hanging]
    await rig.want()
    one, other = rig.worker(), rig.worker()

    await one.look()
    await other.look()
    gate.set()
    await asyncio.gather(one.drain(), other.drain())

    assert len(rig.fetcher.asked) == 1
    assert await rig.states() == [("stored", 1)]


async def test_what_others_fetch_stands_in_nobodys_way(rig: Rig) -> None:
    async def hanging(into: Target) -> Fetched:
        await asyncio.Event().wait()
        return Fetched()

    rig.fetcher.script = [hanging] * 4
    for number in range(6):
        await rig.want(filename=f"{number}.pdf")
    one, other = rig.worker(), rig.worker()
    await one.look()
    await asyncio.sleep(0.05)

    await rig.turn(other)

    assert sorted(await rig.states()) == [("stored", 1)] * 2 + [("wanted", 0)] * 4
    await one.stop()


async def test_what_a_stop_cut_is_fetched_again_under_the_same_name(rig: Rig) -> None:
    async def hanging(into: Target) -> Fetched:
        into.write(PDF[:5])
        await asyncio.Event().wait()
        return Fetched()

    rig.fetcher.script = [hanging]
    await rig.want()
    first = rig.worker()
    await first.look()
    await asyncio.sleep(0)
    ((named,),) = await rig.rows("SELECT stored_as FROM attachments")
    await first.stop()

    await rig.turn(rig.worker())

    ((state, name),) = await rig.rows("SELECT state, stored_as FROM attachments")
    assert (state, name) == ("stored", named)
    assert rig.on_disk() == [PDF]


async def test_a_short_disk_waits_for_room(rig: Rig) -> None:
    rig.limits = rig.limits.model_copy(update={"disk_free_bytes": 2**60})
    await rig.want()

    await rig.turn(rig.worker())

    assert rig.fetcher.asked == []
    assert await rig.states() == [("wanted", 1)]


async def test_a_slow_one_gives_way(rig: Rig) -> None:
    async def hanging(into: Target) -> Fetched:
        await asyncio.Event().wait()
        return Fetched()

    rig.fetcher.script = [hanging]
    rig.waits = rig.waits.model_copy(update={"file_seconds": 0.05})
    await rig.want()

    await rig.turn(rig.worker())

    assert await rig.states() == [("wanted", 1)]
    assert rig.on_disk() == []
