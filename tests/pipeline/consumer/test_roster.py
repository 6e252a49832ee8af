"""Where a group begins that the database has never seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.contracts import Handler
from hub.errors import Misconfigured
from hub.pipeline.consumer import join
from hub.store import events, groups
from hub.store.sqlite import SqliteStore
from schemas.messages import MessageReceived
from tests.pipeline.ingest.rig import running
from tests.support.stores import running_store
from tests.support.webhooks import of_messages, text


def handler(group: str, **given: str) -> Handler:
    return Handler(group, (MessageReceived,), lambda event, tx, ports: None, "support", **given)  # type: ignore[arg-type]


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A database into which an intake has written before any group ever worked."""
    async with running(tmp_path) as rig:
        await rig.take(of_messages(text("wamid.1"), text("wamid.2")))
        assert await rig.store.read(events.newest) > 0
    return tmp_path / "hub.db"


async def floors(store: SqliteStore) -> dict[str, int]:
    return {row.name: row.floor for row in await store.read(groups.everyone)}


async def test_all_that_came_waits_for_the_first_groups_ever(path: Path) -> None:
    async with running_store(path) as store:
        await join(store, [handler("one"), handler("two", start="beginning")])

        assert await floors(store) == {"one": 0, "two": 0}


async def test_a_group_that_comes_later_begins_now_unless_it_says_otherwise(path: Path) -> None:
    async with running_store(path) as store:
        await join(store, [handler("one")])
        newest = await store.read(events.newest)

        await join(store, [handler("one"), handler("two"), handler("three", start="beginning")])

        assert await floors(store) == {"one": 0, "two": newest, "three": 0}


async def test_a_group_that_no_code_has_is_refused_with_the_cure(path: Path) -> None:
    async with running_store(path) as store:
        await join(store, [handler("one"), handler("old")])

        with pytest.raises(Misconfigured) as refused:
            await join(store, [handler("one"), handler("new")])

        assert "hub groups adopt" in refused.value.problems[0]
        assert set(await floors(store)) == {"one", "old"}, "nothing was changed"
