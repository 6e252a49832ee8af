"""What the hub will do by itself: timers to fire, calls to make."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer

from hub.store.tables.columns import keyed, log, partial_index, required
from hub.store.types import Instant, Json, Text

timers = keyed(
    "timers",
    Column("group", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    required("key", Text),
    required("generation", Integer),
    required("due", Instant),
    Column("not_after", Instant),
    required("state", Text),
    required("cause", Text),
    partial_index("timers_armed", "due", where="state = 'armed'"),
)
templates = keyed(
    "templates",
    Column("connector", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    required("intent", Text),
    required("category", Text),
    required("body", Text),
    required("variables", Json),
    required("state", Text),
    Column("provider_id", Text),
    Column("reason", Text),
    required("told_at", Instant),
)
scheduled_messages = keyed(
    "scheduled_messages",
    Column("id", Text, primary_key=True),
    required("conversation_id", Text, index=True),
    required("body", Json),
    required("due", Instant),
    required("not_after", Instant),
    required("planned_at", Instant),
    required("state", Text),
)
_OPEN = "state IN ('intent','sending','unknown')"

effects = log(
    "effects",
    required("id", Text, unique=True),
    required("kind", Text),
    required("connector", Text),
    required("asset", Text),
    required("key", Text),
    required("reply_to", Json),
    required("payload", Json),
    required("state", Text),
    required("attempts", Integer),
    Column("not_before", Instant),
    required("useful_until", Instant),
    required("cause", Text),
    Column("traceparent", Text),
    Column("provider_id", Text),
    Column("code", Text),
    Column("explanation_es", Text),
    required("requested_at", Instant),
    Column("settled_at", Instant),
    required("version", Integer),
    partial_index("effects_open", "connector", "asset", "state", "not_before", "position", where=_OPEN),
    partial_index("effects_open_by_key", "key", "position", where=_OPEN),
    partial_index("effects_useful", "connector", "asset", "useful_until", "position", where="state = 'intent'"),
    Index("effects_by_provider_id", "connector", "asset", "provider_id"),
)
