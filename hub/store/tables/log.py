"""The log of events with what each group has done of it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer

from hub.store.tables.columns import keyed, log, partial_index, required
from hub.store.types import Instant, Json, Position, Text

events = log(
    "events",
    required("id", Text, unique=True),
    required("type", Text),
    required("key", Text),
    Column("subject", Text),
    required("source", Text),
    required("time", Instant),
    required("receivedat", Instant),
    required("actor", Text),
    Column("causation", Text, index=True),
    Column("traceparent", Text),
    required("data", Text),
    Column("published_at", Instant),
    Index("events_by_key", "key", "position"),
    partial_index("events_unpublished", "position", where="published_at IS NULL"),
)
groups = keyed(
    "groups",
    Column("name", Text, primary_key=True),
    required("start", Position),
    required("floor", Position),
    required("state", Text),
    Column("reason", Text),
    Column("probe_at", Instant),
    required("probe_wait_seconds", Integer),
)
group_keys = keyed(
    "group_keys",
    Column("group", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    required("position", Position),
    required("attempts", Integer),
    Column("held_until", Instant),
    Column("history", Json),
    partial_index("group_keys_held", "group", "held_until", where="held_until IS NOT NULL"),
)
suspects = keyed(
    "suspects",
    Column("scope", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    required("crashes", Integer),
)
dead_letters = log(
    "dead_letters",
    required("id", Text, unique=True),
    required("scope", Text),
    required("group", Text),
    required("item", Text),
    required("item_index", Integer),
    required("key", Text),
    required("type", Text),
    required("origin", Text),
    required("reason_class", Text),
    required("reason", Text),
    required("owner", Text),
    required("next_step_es", Text),
    required("attempts", Json),
    required("state", Text),
    required("added_at", Instant),
    Column("settled_at", Instant),
    Column("settled_by", Text),
    required("version", Integer),
    Index("dead_letters_open", "state", "position"),
    Index("dead_letters_by_item", "item", "item_index"),
)
