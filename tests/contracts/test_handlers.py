"""What every handler owes, tried on all that discovery finds."""

from __future__ import annotations

import inspect
import re
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import insert

from hub import discovery
from hub.contracts import Handler, Ports
from hub.pipeline.consumer import attempt
from hub.store.sqlite import SqliteStore
from hub.store.tables import cases, clocks, contacts, conversations, messages, tickets
from hub.store.transaction import Origin, UnitOfWork
from schemas.messages import MessageReceived
from schemas.samples import samples
from schemas.tickets import TicketOpened
from tests.support.clock import FakeClock
from tests.support.stores import migrated_store

HANDLERS = discovery.handlers()
OWNERS = {"support", "sales", "closer", "management", "operations", "development"}
STORY = samples()

# What a transaction may not do: it is run twice, it holds the only writer, nothing of it can be taken back.
FORBIDDEN = re.compile(
    r"(open|socket\..*|subprocess\..*|os\.(?!putenv).*|time\.sleep|urllib\..*|shutil\..*|smtplib\..*)"
)


class Watch:
    """Notes what a thread does to the world outside while it is watched."""

    def __init__(self) -> None:
        """Watch nobody yet."""
        self.seen: list[str] = []
        self._watched: int | None = None
        sys.addaudithook(self._note)

    def __enter__(self) -> Self:
        """Watch the calling thread."""
        self._watched = threading.get_ident()
        return self

    def __exit__(self, *_: object) -> None:
        """Look away."""
        self._watched = None

    def _note(self, event: str, _arguments: Any) -> None:
        if self._watched == threading.get_ident() and FORBIDDEN.fullmatch(event):
            self.seen.append(event)


@pytest.fixture(scope="module")
def watch() -> Watch:
    # A hook stays for the life of the process, so there is one.
    return Watch()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A database in which the story of the samples has happened so far as rows."""
    clock = FakeClock()
    async with migrated_store(tmp_path, clock) as store:
        await store.transact(_tell_the_story, name="test.story")
        yield store


def _tell_the_story(unit: UnitOfWork) -> None:
    tx = unit.begin(Origin("story", "test", "test"))
    said: Any = STORY[MessageReceived.TYPE].data
    contact, conversation = said.contact_id, said.conversation_id
    place = {"connector": said.channel, "asset": said.asset}
    at = {"opened_at": tx.now, "last_inbound_at": tx.now}
    tx.run(insert(contacts), id=contact, display_name=said.sender_name, tier="unknown", created_at=tx.now)
    whose: dict[str, Any] = {
        "id": conversation,
        "channel": said.channel,
        "contact_id": contact,
        "reply_to": {"to": "x"},
    }
    tx.run(insert(conversations), **whose, **place, **at)
    message: dict[str, Any] = {
        "id": said.message_id,
        "conversation_id": conversation,
        "direction": "in",
        "kind": "text",
    }
    when = {"time": tx.now, "received_at": tx.now, "event_id": STORY[MessageReceived.TYPE].id}
    tx.run(insert(messages), **message, **place, **when, text=said.text, state="received")
    # What samples say of later: a ticket of another case, so that its clocks can be asked about.
    ticket: Any = STORY[TicketOpened.TYPE].data
    about = {"conversation_id": conversation, "contact_id": contact, "state": "open", "version": 1}
    kinds = {"kind": "bug", "scope": "long", "summary": said.text, "opened_at": tx.now}
    closed = {**about, "state": "closed"}
    tx.run(insert(cases), id="ca_earlier", **closed, **kinds)
    rest = {"channel": said.channel, "kind": "bug", "title": "x", "asked_at": tx.now, "opened_at": tx.now}
    tx.run(insert(tickets), id=ticket.ticket_id, folio="T-1", case_id="ca_earlier", **about, **rest)
    fired: Any = STORY["hub.timer.fired.v1"].data
    clock = fired.name.partition(":")[2]
    dues = {"started_at": tx.now, "warn_at": tx.now, "due_at": fired.due}
    target = {"name": "first_response", "unit": "attendance", "state": "running", "policy_version": 1}
    tx.run(insert(clocks), id=clock, ticket_id=ticket.ticket_id, **target, **dues)


def _runs(handler: Handler) -> list[Any]:
    return [STORY[type_] for type_ in sorted(handler.type_names)]


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
class TestEveryHandler:
    """The promises that the pipeline rests on."""

    def test_it_is_named_after_its_file(self, handler: Handler) -> None:
        module = inspect.getmodule(handler.handle)
        assert module is not None
        assert module.__name__ == "handlers." + handler.group.replace("-", "_")
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", handler.group), "kebab-case, verb first"

    def test_somebody_answers_for_its_dead_letters(self, handler: Handler) -> None:
        assert handler.owner in OWNERS

    def test_it_waits_for_nothing(self, handler: Handler) -> None:
        assert not inspect.iscoroutinefunction(handler.handle)
        assert not inspect.isgeneratorfunction(handler.handle)
        parameters = list(inspect.signature(handler.handle).parameters)
        assert len(parameters) == (3 if handler.prepare is None else 4)

    def test_each_of_its_types_has_a_sample(self, handler: Handler) -> None:
        assert handler.type_names <= set(STORY)

    async def test_its_samples_can_be_handled_twice_with_the_same_words(
        self, handler: Handler, store: SqliteStore
    ) -> None:
        for event in _runs(handler):
            said = [await store.rehearse(_handling(handler, event), name=handler.group) for _ in range(2)]

            assert said[0] == said[1], event.type

    async def test_it_touches_nothing_but_the_database(
        self, handler: Handler, store: SqliteStore, watch: Watch
    ) -> None:
        for event in _runs(handler):
            # Once unwatched: a library that is imported at first use is read from disk.
            await store.rehearse(_handling(handler, event), name=handler.group)

            def watched(unit: UnitOfWork, event: Any = event) -> Any:
                with watch:
                    return _handling(handler, event)(unit)

            await store.rehearse(watched, name=handler.group)

        assert watch.seen == []


def _handling(handler: Handler, event: Any) -> Any:
    def handle(unit: UnitOfWork) -> list[tuple[str, str]]:
        made = handler.prepare(event, Ports(unit.policies)) if handler.prepare is not None else None
        prepared = attempt.Prepared(0, event, made=made, policy_version=unit.policies.version)
        attempt.handle_one(handler, unit, prepared)
        return [(stated.event.id, stated.data_json) for stated in unit.stated]

    return handle


def test_the_watch_sees_what_handlers_may_not_do(watch: Watch, tmp_path: Path) -> None:
    with watch:
        (tmp_path / "file").write_text("out")

    assert watch.seen
    watch.seen.clear()


def test_the_samples_make_the_handlers_speak() -> None:
    assert {"attend-conversation", "open-tickets", "run-service-levels"} <= set(HANDLERS)


def test_a_handler_that_waits_is_refused_where_it_is_declared() -> None:
    async def handle(*_: object) -> None:
        pass

    with pytest.raises(TypeError, match="ordinary functions"):
        Handler(group="wait-for-it", types=(MessageReceived,), handle=handle, owner="support")  # type: ignore[arg-type]


def test_a_handler_without_types_is_refused() -> None:
    with pytest.raises(TypeError, match="at least one event type"):
        Handler(group="hear-nothing", types=(), handle=lambda *_: None, owner="support")
