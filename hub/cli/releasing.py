"""Releases in bulk what a restored database holds back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from hub.cli.opening import Opened, actor, with_hub
from hub.services import commands, interventions
from hub.services.commands import Command
from hub.store import held_back

_AT_ONCE: Final = 200

How = Literal["resend", "sent", "failed"]


def release(data: Path | None, how: How, older_than: timedelta | None, *, really: bool) -> int:
    """Decide alike about everything that is held back, a command for each few hundred; return how many there were."""

    async def work(hub: Opened) -> int:
        until = hub.clock.now() - (older_than or timedelta(0))
        count = await hub.store.read(lambda tx: held_back.count(tx, until))
        after = 0
        while really and (after := await _some(hub, how, (after, until))):
            pass
        return count

    return with_hub(data, work)


async def _some(hub: Opened, how: How, place: tuple[int, datetime]) -> int:
    after, until = place
    detail = {"as": how, "after": after, "asked_before": until.isoformat()}
    command = Command(hub.randomness.token(), "release_effects", actor(), f"restored>{after}", detail=detail)
    done = commands.work(
        command, lambda tx: {"answer": interventions.release_held(tx, how, until, after=after, limit=_AT_ONCE)}
    )
    return int((await hub.store.transact(done, name="release_effects"))["answer"])
