"""A hub that may open 256 files or sockets in all, under more slow clients than that."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path
from typing import Final

from tests.reliability.floods import sockets
from tests.reliability.floods.scenarios import Scale, limits
from tests.reliability.floods.site import Flooded, site

FEW: Final = 256
_ENOUGH: Final = 8192


def raise_own() -> None:
    """Let the attackers' own process open enough sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def few(folder: Path, scale: Scale) -> Flooded:
    """Flood a hub of few descriptors; customers whose sockets were open go on, the hub lives, its pages answer."""
    folder.mkdir(parents=True)
    with site(folder, limits=limits(scale), descriptors=FEW) as attacked:
        kinds = sockets.all_kinds(scale.drip_seconds)
        async with attacked.under_attack("few", 2 * scale.request_seconds) as flooded:
            # Behind the customers: who comes once all places are taken is closed at once.
            await asyncio.sleep(0.5)
            holding = asyncio.create_task(
                sockets.hold(attacked.hub.webhook_port, kinds, 2 * FEW, scale.request_seconds)
            )
            await asyncio.sleep(scale.request_seconds / 2)
            open_now = descriptors_of(attacked.pid)
            assert await asyncio.to_thread(attacked.hub.get, "/readyz") == "ready"
            await holding
        for kind in kinds:
            flooded.statuses.update(kind.statuses)
        flooded.facts |= {"limit": FEW, "open_under_attack": open_now}
        flooded.must(set(flooded.genuine["statuses"]) == {"200"}, f"customers: {flooded.genuine['statuses']}")
        flooded.must(open_now < 0.8 * FEW, f"{open_now} descriptors were open")
        attacked.everything_kept_is_accounted_for()
    return flooded


def descriptors_of(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
