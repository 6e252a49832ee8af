"""A message waits for its file, in order; an upload that fails leaves nothing in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.contracts import KeptFile, NotTaken, Rejected, Uploaded
from hub.pipeline.effects.lane import Lane
from hub.pipeline.effects.lease import AssetLease
from hub.services import answers
from hub.services.files import Stored
from hub.store.transaction import Origin, UnitOfWork
from tests.pipeline.effects.rig import PLACE, Rig
from tests.support.replying import effect, open_conversation, until

Step = Uploaded | NotTaken | Rejected | Exception | Callable[[KeptFile], Awaitable[Uploaded]]
AWAY = NotTaken("upload", "No se recibió.")


@dataclass
class ScriptedUploader:
    """Gives the scripted outcomes in turn, then takes everything."""

    script: list[Step] = field(default_factory=list)
    files: list[KeptFile] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)

    async def upload(self, asset: str, file: KeptFile, *, attempt: int = 1) -> Uploaded | NotTaken | Rejected:
        self.files.append(file)
        self.attempts.append(attempt)
        step = self.script.pop(0) if self.script else Uploaded(f"{len(self.files)}")
        if isinstance(step, Exception):
            raise step
        return await step(file) if callable(step) else step

    async def close(self) -> None:
        pass


def hanging(gate: asyncio.Event) -> Callable[[KeptFile], Awaitable[Uploaded]]:
    async def answer(_file: KeptFile) -> Uploaded:
        await gate.wait()
        return Uploaded("77")

    return answer


def lane_of(rig: Rig, uploader: ScriptedUploader | None, *, known: bool = True) -> Lane:
    route = rig.route(uploader=uploader)
    lease = AssetLease(rig.store, rig.clock, rig.waits, PLACE, holder="me", deadline_seconds=5.0)
    path_of = (lambda name: Path("/shelf") / name) if known else None
    return Lane(
        rig.store,
        rig.clock,
        rig.waits,
        PLACE,
        lease=lease,
        route=route,
        breaker=rig.breaker,
        restored=rig.restored,
        path_of=path_of,
    )


async def send_file(rig: Rig, text: str = "", who: str = "ana") -> list[str]:
    conversation = await open_conversation(rig.store, who)
    stored = Stored("aa11", 9, "00" * 32, "application/pdf", is_as_announced=True, suspicion=None)

    def write(unit: UnitOfWork) -> list[str]:
        tx = unit.begin(Origin(f"file/{who}", "tests", "hub"))
        return answers.answer(tx, conversation, text, answers.OwnFile("guía.pdf", stored))

    return await rig.store.transact(write, name="tests.file")


async def quiet(rig: Rig, lane: Lane, uploader: ScriptedUploader, uploads: int) -> None:
    """Let a lane look until so many uploads have ended, then once more."""
    for _ in range(200):
        await lane.step()
        await asyncio.sleep(0.005)
        if len(uploader.files) >= uploads:
            break
    await asyncio.sleep(0.02)
    await rig.turn(lane, times=2)


async def test_the_file_is_handed_over_then_named_by_the_providers_id(rig: Rig) -> None:
    uploader = ScriptedUploader()
    await send_file(rig, "Le comparto la guía.")

    await quiet(rig, lane_of(rig, uploader), uploader, 1)

    assert [call.payload.get("file") for call in rig.sender.calls] == [
        None,
        {"kind": "document", "filename": "guía.pdf", "id": "1"},
    ]
    (file,) = uploader.files
    assert (file.path, file.kind, file.mime_type, file.filename, file.size_bytes) == (
        Path("/shelf/aa11"),
        "document",
        "application/pdf",
        "guía.pdf",
        9,
    )


async def test_what_follows_waits_while_other_conversations_go_on(rig: Rig) -> None:
    gate, uploader = asyncio.Event(), ScriptedUploader()
    uploader.script = [hanging(gate)]
    (sent,) = await send_file(rig)
    await rig.ask("después", who="ana")
    await rig.ask("otra", who="luis")
    lane = lane_of(rig, uploader)

    for _ in range(4):
        await lane.step()
        await asyncio.sleep(0.005)
    await until(lambda: rig.sender.said == ["otra"], "the other conversation was served")
    assert await rig.states(sent) == ["intent"]
    gate.set()
    await asyncio.sleep(0.02)
    await rig.turn(lane, times=1)
    await rig.turn(lane, times=1)

    assert rig.sender.said == ["otra", "", "después"]
    assert len(uploader.files) == 1


async def test_an_upload_that_fails_is_tried_again_later_each_time_later(rig: Rig) -> None:
    uploader = ScriptedUploader(script=[AWAY, RuntimeError("a bug"), AWAY])
    (sent,) = await send_file(rig)
    lane = lane_of(rig, uploader)
    ladder = rig.waits.provider_retry_seconds
    pauses = []

    for count in range(1, 4):
        await until_uploads(lane, uploader, count)
        row = await _settled(rig, sent, lane)
        pauses.append((row.not_before - rig.clock.now()).total_seconds())
        assert row.state == "intent"
        rig.move(seconds=pauses[-1])
    await quiet(rig, lane, uploader, 4)

    assert pauses == list(ladder[:3])
    assert uploader.attempts == [1, 2, 3, 4]
    assert await rig.states(sent) == ["accepted"]
    assert len(rig.sender.calls) == 1


async def test_a_file_that_is_refused_fails_the_message_with_the_reason(rig: Rig) -> None:
    uploader = ScriptedUploader(script=[Rejected("file_too_large", "Pesa demasiado.")])
    (sent,) = await send_file(rig)
    await rig.ask("después", who="ana")

    await quiet(rig, lane_of(rig, uploader), uploader, 1)
    await rig.turn(lane_of(rig, uploader), times=1)

    row = await effect(rig.store, sent)
    assert (row.state, row.code, row.explanation_es) == ("failed", "file_too_large", "Pesa demasiado.")
    assert rig.sender.said == ["después"]


async def test_a_channel_without_uploads_says_so(rig: Rig) -> None:
    (sent,) = await send_file(rig)
    lane = lane_of(rig, None)

    for _ in range(50):
        await lane.step()
        await asyncio.sleep(0.005)
        if (await rig.states(sent)) == ["failed"]:
            break

    row = await effect(rig.store, sent)
    assert (row.state, row.code) == ("failed", "file")
    assert rig.sender.calls == []


async def test_a_message_tried_anew_keeps_its_upload(rig: Rig) -> None:
    uploader = ScriptedUploader()
    rig.sender.script = [NotTaken("131000", "Falla temporal.")]
    await send_file(rig)
    lane = lane_of(rig, uploader)
    await quiet(rig, lane, uploader, 1)
    rig.move(seconds=60)

    await rig.turn(lane, times=2)

    assert [call.payload["file"]["id"] for call in rig.sender.calls] == ["1", "1"]
    assert len(uploader.files) == 1


async def test_trouble_of_an_upload_holds_nobody_else(rig: Rig) -> None:
    uploader = ScriptedUploader(script=[NotTaken("190", "El token venció.", scope="credential")])
    (sent,) = await send_file(rig)
    lane = lane_of(rig, uploader)

    await until_uploads(lane, uploader, 1)
    row = await _settled(rig, sent, lane)
    await rig.ask("otra", who="luis")
    await rig.turn(lane, times=2)

    assert not rig.breaker.is_open
    assert (row.state, row.code) == ("intent", "190")
    assert rig.sender.said == ["otra"]


async def until_uploads(lane: Lane, uploader: ScriptedUploader, count: int) -> None:
    for _ in range(400):
        await lane.step()
        if len(uploader.files) >= count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(uploader.files)


async def _settled(rig: Rig, effect_id: str, lane: Lane) -> Any:
    """Wait until the upload under way has been recorded."""
    for _ in range(400):
        row = await effect(rig.store, effect_id)
        if row.not_before > rig.clock.now():
            return row
        await asyncio.sleep(0.005)
    raise AssertionError(effect_id)
