"""Holds what came in against what became of it: every way in which the promise can be broken."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.contracts import RawDelivery
from hub.pipeline.journal import JournalReader
from hub.store.suspects import CRASHES
from schemas.operations import TimerFired
from tests.simulation.customers import GARBAGE, said
from tests.simulation.groups import EXTRA, REAL

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MESSAGES: Final = ("hub.message.received.v1", "hub.message.unsupported.v1")
_ECHOES: Final = (
    "SELECT causation FROM events WHERE type = 'hub.reply.requested.v1' AND json_extract(data, '$.intent') = 'echo'"
)
_EFFECTS_LEFT: Final = (
    "SELECT count(*) FROM effects WHERE state IN ('intent', 'sending') OR (state = 'unknown' AND code IS NULL)"
)


def left(connection: sqlite3.Connection, data: Path) -> str:
    """Return something that is still to be done, empty when all has come to its end."""
    for what, sql in (
        # Windows close a day later, patience ends a week later: far beyond a run.
        ("timers", "SELECT count(*) FROM timers WHERE state = 'armed' AND \"group\" NOT LIKE 'watch-%'"),
        ("effects", _EFFECTS_LEFT),
        ("paused groups", "SELECT count(*) FROM groups WHERE state != 'active'"),
        ("held keys", "SELECT count(*) FROM group_keys WHERE held_until IS NOT NULL"),
    ):
        ((count,),) = connection.execute(sql).fetchall()
        if count:
            return f"{count} {what}"
    for group, (events, ended) in _by_group(connection).items():
        if set(events) - set(ended):
            return f"{len(set(events) - set(ended))} events of {group}"
    pending = _pending(connection, data)
    return f"{pending} deliveries in the journal" if pending else ""


def problems(simulation: Simulation, data: Path) -> list[str]:
    """Return every way in which the promise was broken."""
    with closing(sqlite3.connect(data / "hub.db")) as connection:
        return [
            *_intake(simulation, connection, _journal(data)),
            *_groups(simulation, connection),
            *_conversations(connection),
            *_timers(connection),
            *_effects(simulation, connection),
            *(f"the database: {row[0]}" for row in connection.execute("PRAGMA quick_check") if row[0] != "ok"),
        ]


def counts(simulation: Simulation) -> tuple[int, int]:
    """Return how many events were stated, how many times a group handled one."""
    with closing(sqlite3.connect(simulation.life.data / "hub.db")) as connection:
        query = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM sim_handled)"
        events, handled = connection.execute(query).fetchone()
        return events, handled


def _pending(connection: sqlite3.Connection, data: Path) -> int:
    segments = sorted(data.glob("journal/*.segment"))
    total = 0
    for segment in segments:
        with closing(sqlite3.connect(segment)) as journal:
            total += journal.execute("SELECT count(*) FROM deliveries").fetchone()[0]
    ((ingested,),) = connection.execute("SELECT coalesce(sum(ingested), 0) FROM journal_cursors").fetchall()
    return total - int(ingested)


def _journal(data: Path) -> list[RawDelivery]:
    reader = JournalReader(data / "journal")
    entries = [entry.delivery for entry in reader.read(None, rows=100_000, size=2**40)]
    reader.close()
    return entries


def _intake(simulation: Simulation, connection: sqlite3.Connection, journal: list[RawDelivery]) -> Iterator[str]:
    """What was answered 200 is in the journal, nothing forged is; only what is wrong is refused."""
    known = {entry.body for entry in journal}
    for delivery in simulation.customers.deliveries:
        if delivery.accepted and delivery.body not in known:
            yield f"lost: the webhook {delivery.name} was answered 200, yet it is not in the journal"
        if not delivery.genuine and delivery.body in known:
            yield f"phantom: the forged webhook {delivery.name} is in the journal"
    refused = dict(connection.execute("SELECT item, reason_class FROM dead_letters WHERE scope != 'event'").fetchall())
    for entry in journal:
        reason = refused.get(entry.id)
        is_garbage = reason == "unreadable" and entry.body == GARBAGE
        if reason is not None and not is_garbage and not _may_be_poison(simulation, reason):
            yield f"a webhook was refused ({reason}) although nothing is wrong with it: {entry.body[:80]!r}"
    yield from _messages(connection, [entry for entry in journal if entry.id not in refused])


def _messages(connection: sqlite3.Connection, journal: list[RawDelivery]) -> Iterator[str]:
    """Each message is one event, in the order in which the journal took its conversation."""
    accepted: dict[str, list[str]] = {}
    for entry in journal:
        for sender, id_ in said(entry.body):
            line = accepted.setdefault(sender, [])
            if id_ not in line:
                line.append(id_)
    heard: dict[str, list[str]] = {}
    for key, body in connection.execute(
        "SELECT key, data FROM events WHERE type IN (?, ?) ORDER BY position", _MESSAGES
    ):
        heard.setdefault(key, []).append(json.loads(body)["provider_message_id"])
    if sorted(accepted.values()) != sorted(heard.values()):
        yield f"heard {sorted(heard.values())}, accepted {sorted(accepted.values())}"


def _groups(simulation: Simulation, connection: sqlite3.Connection) -> Iterator[str]:
    """Each group handled each of its events once, in order per key, or gave it up for a reason."""
    dead = connection.execute("SELECT \"group\", item, reason_class FROM dead_letters WHERE scope = 'event'").fetchall()
    for group, item, reason in dead:
        if (group, item) not in simulation.groups.doomed and not _may_be_poison(simulation, reason):
            yield f"{group} gave up {item} ({reason}), on which no handler ever failed"
    for group, (events, ended) in _by_group(connection).items():
        handled = {event for event, is_dead in ended.items() if not is_dead}
        times = Counter(
            event for (event,) in connection.execute('SELECT event FROM sim_handled WHERE "group" = ?', (group,))
        )
        for event in events:
            if times[event] > 1:
                yield f"{group} handled {event} {times[event]} times"
            if event not in ended:
                yield f"lost: {group} neither handled {event} nor gave it up"
            if times[event] and event not in handled:
                yield f"{group} handled {event}, yet gave it up"
        for event in times.keys() - events.keys():
            yield f"phantom: {group} handled {event}, which is none of its events"
        yield from _order(connection, group, events)


def _may_be_poison(simulation: Simulation, reason: str) -> bool:
    """Tell whether it may have been in hand at three kills; whose fault they were the hub cannot know."""
    return reason == "poison" and simulation.kills >= CRASHES


def _order(connection: sqlite3.Connection, group: str, positions: dict[str, int]) -> Iterator[str]:
    last: dict[str, int] = {}
    for key, event in connection.execute('SELECT key, event FROM sim_handled WHERE "group" = ? ORDER BY n', (group,)):
        position = positions.get(event, 0)
        if position <= last.get(key, 0):
            yield f"order: {group} handled {event} at {position} of {key} after {last[key]}"
        last[key] = max(position, last.get(key, 0))


def _by_group(connection: sqlite3.Connection) -> dict[str, tuple[dict[str, int], dict[str, bool]]]:
    """Return for each group its events with their positions, then how each of them ended: True for a dead letter."""
    found: dict[str, tuple[dict[str, int], dict[str, bool]]] = {}
    for group, types in _types().items():
        marks = ",".join("?" * len(types))
        events = dict(
            connection.execute(
                f"SELECT id, position FROM events WHERE type IN ({marks}) AND (type != ? OR subject = ?)",
                (*types, TimerFired.TYPE, group),
            ).fetchall()
        )
        ended = {
            event: False for (event,) in connection.execute('SELECT event FROM sim_handled WHERE "group" = ?', (group,))
        }
        dead = connection.execute(
            "SELECT item FROM dead_letters WHERE scope = 'event' AND \"group\" = ?", (group,)
        ).fetchall()
        found[group] = (events, ended | {event: True for (event,) in dead if event not in ended})
    return found


def _types() -> dict[str, list[str]]:
    return {handler.group: sorted(handler.type_names) for handler in (*REAL, *EXTRA)}


def _conversations(connection: sqlite3.Connection) -> Iterator[str]:
    """Each handled fact has its effect in the books once: cases, tickets, clocks, echoes."""
    for what, handled, made in (
        ("tickets", "open-tickets", "SELECT case_id FROM tickets"),
        ("greetings", "attend-conversation", "SELECT key FROM events WHERE type = 'hub.case.opened.v1'"),
        ("echoes", "sim-echo", _ECHOES),
    ):
        rows = Counter(row for (row,) in connection.execute(made))
        for row, times in rows.items():
            if times > 1:
                yield f"{times} {what} for {row}"
        if what == "greetings":
            continue
        ((times,),) = connection.execute('SELECT count(*) FROM sim_handled WHERE "group" = ?', (handled,)).fetchall()
        if sum(rows.values()) != times:
            yield f"{sum(rows.values())} {what}, yet {handled} handled {times} events"
    clocks = connection.execute(
        "SELECT t.id, (SELECT count(*) FROM clocks WHERE ticket_id = t.id), "
        "(SELECT count(*) FROM sim_handled JOIN events e ON e.id = event WHERE \"group\" = 'run-service-levels' "
        "AND e.type = 'hub.ticket.opened.v1' AND e.subject = t.id) FROM tickets t"
    )
    for ticket, started, handled_times in clocks:
        if started != 2 * handled_times:
            yield f"ticket {ticket} has {started} clocks"
    for type_ in ("hub.clock.warned.v1", "hub.clock.breached.v1"):
        for clock, times in connection.execute(
            "SELECT subject, count(*) FROM events WHERE type = ? GROUP BY 1 HAVING count(*) > 1", (type_,)
        ):
            yield f"{type_} {times} times for {clock}"


def _timers(connection: sqlite3.Connection) -> Iterator[str]:
    """Each generation fires once at most, never early; one that says it fired did."""
    fired: Counter[tuple[str, str, int]] = Counter()
    for received, body in connection.execute(
        "SELECT receivedat, data FROM events WHERE type = ? ORDER BY position", (TimerFired.TYPE,)
    ):
        told = TimerFired.model_validate_json(body)
        fired[told.group, told.name, told.generation] += 1
        early = told.due - _instant(received)
        if early > timedelta(0):
            yield f"timer {told.name} fired {early} early"
    for timer, times in fired.items():
        if times > 1:
            yield f"timer {timer} fired {times} times"
    for group, name, generation, state in connection.execute('SELECT "group", name, generation, state FROM timers'):
        if (state == "fired") != bool(fired[group, name, generation]):
            yield f"timer {name} generation {generation} is {state}, fired {fired[group, name, generation]} times"


def _effects(simulation: Simulation, connection: sqlite3.Connection) -> Iterator[str]:
    """Nothing reaches a phone twice, out of order or without a word; a doubt has a reason."""
    phones = simulation.phones
    position = {}
    for id_, place, state, code in connection.execute("SELECT id, position, state, code FROM effects"):
        position[id_] = place
        taken = phones.taken[id_]
        doubtful = state == "unknown" and code == "doubtful"
        if taken > 1:
            yield f"effect {id_} reached the phone {taken} times"
        if state in {"accepted", "confirmed"} and not taken:
            yield f"effect {id_} is {state}, yet it reached no phone"
        if state == "failed" and taken and id_ not in phones.refused:
            yield f"effect {id_} failed ({code}), yet it reached the phone"
        if doubtful and id_ not in phones.unclear | simulation.excused:
            yield f"effect {id_} is doubtful for no reason"
        if not doubtful and state not in {"accepted", "confirmed", "failed"}:
            yield f"effect {id_} is left {state}"
    for effect in phones.taken.keys() - position.keys():
        yield f"phantom: effect {effect} reached a phone, yet the hub knows nothing of it"
    for phone, effects in phones.received.items():
        places = [position.get(effect, 0) for effect in effects]
        if places != sorted(places):
            yield f"order: phone {phone} received its replies as {places}"


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
