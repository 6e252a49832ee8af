"""What providers answer becomes alarms that stand until it is repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from hub.contracts import Checked
from hub.pipeline.account_watch import AccountWatch
from hub.ports import Store
from hub.services import channels
from tests.support.clock import FakeClock
from tests.support.engines import ENGINES, a_store
from tests.support.randomness import SeededRandomness

WELL = Checked("webhook", "ok", "Todo está suscrito.")
BAD = Checked("webhook", "wrong", "Faltan campos por suscribir: feed.", "Ejecuta hub connectors subscribe.")


@dataclass
class ScriptedAccount:
    """Answers as it is told."""

    app: str = "main"
    is_watched: bool = True
    found: list[Checked] = field(default_factory=lambda: [WELL])
    asked: int = 0
    breaks: bool = False

    async def check(self, callback: str | None, now: datetime) -> Sequence[Checked]:
        self.asked += 1
        if self.breaks:
            raise KeyError(self.app)
        return self.found

    async def subscribe(self, callback: str) -> Sequence[Checked]:
        return []

    async def close(self) -> None:
        pass


def watch(store: Store, account: ScriptedAccount, clock: FakeClock, seed: int = 1) -> AccountWatch:
    return AccountWatch(store, [("facebook", account, None)], clock, SeededRandomness(seed), seconds=600)


@pytest.mark.feature("CI-07")
@pytest.mark.parametrize("engine", ENGINES)
async def test_trouble_is_an_alarm_until_it_is_repaired(tmp_path: Path, engine: str) -> None:
    clock, account = FakeClock(), ScriptedAccount()
    async with a_store(engine, tmp_path, clock) as store:
        watching = watch(store, account, clock)
        await watching.round()
        assert await store.read(channels.open_alerts) == []

        account.found = [BAD, Checked("webhook", "wrong", "Otra dirección.")]
        await watching.round()
        await watching.round()
        (alert,) = await store.read(channels.open_alerts)
        assert (alert.connector, alert.asset, alert.alert, alert.severity) == (
            "facebook",
            "main",
            "check:webhook",
            "critical",
        )
        assert "feed" in alert.explanation_es
        assert "Otra dirección" in alert.explanation_es

        account.found = [WELL]
        await watching.round()
        assert await store.read(channels.open_alerts) == []


@pytest.mark.parametrize("engine", ENGINES)
async def test_one_process_asks_for_all(tmp_path: Path, engine: str) -> None:
    clock, account = FakeClock(), ScriptedAccount()
    async with a_store(engine, tmp_path, clock) as store:
        one, other = watch(store, account, clock, 1), watch(store, account, clock, 2)

        assert await one.round()
        assert not await other.round()
        assert await one.round()

        assert account.asked == 2


async def test_a_check_that_breaks_ends_nothing_but_itself(tmp_path: Path) -> None:
    clock, broken, well = FakeClock(), ScriptedAccount("broken", breaks=True), ScriptedAccount("well", found=[BAD])
    async with a_store("sqlite", tmp_path, clock) as store:
        accounts = [("facebook", broken, None), ("facebook", well, None)]
        watching = AccountWatch(store, accounts, clock, SeededRandomness(1), seconds=600)

        assert await watching.round()

        (alert,) = await store.read(channels.open_alerts)
        assert (alert.asset, broken.asked, well.asked) == ("well", 1, 1)
